//! The hooks under pre-commit itself.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::harness::{Call, Ended, Lab, find, needs};
use crate::t0::ci::{BAD, CLEAN, HOOK, HOOKS};

/// A program with the environment that git and pre-commit need to leave everything else alone.
fn call<'l>(lab: &'l Lab, program: &str, args: &[&str]) -> Call<'l> {
    let path = find(program).expect("it is installed");
    let mut call = lab.program(path.to_str().expect("UTF-8"));
    call.args(args).env("PRE_COMMIT_HOME", lab.path("store")).env("GIT_CONFIG_GLOBAL", "/dev/null");
    for (name, value) in [("NAME", "nobody"), ("EMAIL", "nobody@example.org")] {
        call.env(&format!("GIT_AUTHOR_{name}"), value).env(&format!("GIT_COMMITTER_{name}"), value);
    }
    call.env("PATH", format!("{}:/usr/bin:/bin", lab.path("bin").display()));
    call
}

/// A repository of git with what is in a directory.
fn commit(lab: &Lab, dir: &str) {
    for args in
        [&["init", "-q", dir][..], &["-C", dir, "add", "-f", "."], &["-C", dir, "commit", "-qm", "all"]]
    {
        call(lab, "git", args).expect(0);
    }
}

fn program(lab: &Lab, name: &str, script: &str) {
    fs::create_dir_all(lab.path(name).parent().expect("a directory")).unwrap();
    fs::set_permissions(lab.write(name, script), fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs a hook on all files of the repository `app`.
fn hook(lab: &Lab, id: &str) -> Ended {
    let mut call = call(lab, "sh", &["-euc"]);
    let pre_commit = find("pre-commit").expect("it is installed");
    call.arg(format!("cd app && exec {} try-repo ../hooks {id} --all-files", pre_commit.display())).run()
}

#[test]
fn pre_commit_runs_both_hooks_from_a_clone() {
    if !needs("t2", &["git", "pre-commit"]) {
        return;
    }
    let lab = Lab::new();
    let callgate = format!("#!/bin/sh\nexec '{}' \"$@\"\n", lab.callgate_path().display());
    program(&lab, "bin/callgate", &callgate);
    program(&lab, "hooks/ci/pre-commit", HOOK);
    // As if it was built already.
    program(&lab, "hooks/target/pre-commit/bin/callgate", &callgate);
    lab.write("hooks/.pre-commit-hooks.yaml", HOOKS);
    commit(&lab, "hooks");
    fs::create_dir_all(lab.path("app/seccomp")).unwrap();
    lab.write("app/values.yaml", "replicas: 2\n");
    lab.write("app/package.json", "{}\n");
    commit(&lab, "app");
    for id in ["callgate-lint", "callgate-lint-system"] {
        hook(&lab, id).expect(0).shows("Passed");
    }
    lab.write("app/seccomp/a b.yaml", CLEAN);
    commit(&lab, "app");
    hook(&lab, "callgate-lint").expect(0).shows("Passed");
    lab.write("app/seccomp/bad.json", BAD);
    commit(&lab, "app");
    for id in ["callgate-lint", "callgate-lint-system"] {
        hook(&lab, id).expect(1).shows("Failed").shows("exit code: 1").shows("SCMP_ACT_ALOW");
    }
}
