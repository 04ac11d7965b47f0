//! What becomes of profiles under runtimes, case by case. Rung t2 of the command asks the runtimes themselves.

mod cases;

use callgate_check::resolve::{By, resolve};
use callgate_check::runtime::Outcome;
use callgate_check::target::{Loader, Target};
use callgate_core::baseline::{Kernel, find};
use callgate_core::floor::Version;
use callgate_core::{Arch, Call, args, sysno};
use cases::{ABSENT, CASES, LIST};

fn target(runtime: &str) -> Target {
    let docker = find("docker").expect("it is there");
    let machine = docker.machine(Arch::X86_64, Kernel::new(6, 18));
    let runtime = Some(runtime.parse().expect("a runtime"));
    Target {
        loader: Loader::Oci,
        runtime,
        machine,
        libseccomp: Some(Version::new(2, 6, 1)),
        no_new_privs: false,
    }
}

/// `x86 socket 40`: architecture where it is not x86_64, call, arguments.
fn call(text: &str) -> Call {
    let mut words: Vec<&str> = text.split(' ').collect();
    let named: Option<Arch> = words[0].parse().ok();
    let arch = named.unwrap_or(Arch::X86_64);
    if named.is_some() {
        words.remove(0);
    }
    let mut values = [0; 6];
    for (value, word) in values.iter_mut().zip(&words[1..]) {
        *value = args::number(word).expect("a number");
    }
    Call::new(arch, sysno::number(arch, words[0]).expect("a call"), values)
}

fn check(shows: &str, profile: &str, runtime: &str, becomes: &str) {
    let found = resolve(profile, &target(runtime));
    if let Some(message) = becomes.strip_prefix("refused: ") {
        let refusal = found.expect_err(shows);
        assert!(refusal.message.contains(message), "{shows}, {runtime}: {}", refusal.message);
        return;
    }
    let found = found.unwrap_or_else(|refusal| panic!("{shows}, {runtime}: {}", refusal.message));
    if becomes == "unconfined" {
        assert!(matches!(found.outcome, Outcome::Unconfined(_)), "{shows}, {runtime}");
        return;
    }
    for (probe, does) in becomes.split("; ").filter_map(|part| part.split_once(": ")) {
        let fate = found.fate(&call(probe));
        let action = fate.action.map_or_else(|| format!("{:?}", fate.by), |action| action.to_string());
        assert_eq!(action, does, "{shows}, {runtime}: {probe}");
    }
}

#[test]
fn profiles_become_what_they_became() {
    for case in CASES {
        for (runtimes, becomes) in case.becomes {
            runtimes.split(' ').for_each(|runtime| check(case.shows, case.profile, runtime, becomes));
        }
    }
}

fn small(default: &str, more: &str) -> String {
    format!(
        r#"{{"defaultAction": "SCMP_ACT_{default}", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [{{"names": [{more}{LIST}], "action": "SCMP_ACT_ALLOW"}}]}}"#
    )
}

#[test]
fn calls_above_the_highest_that_is_named_do_not_exist_to_programs_under_runc() {
    for (default, more, becomes) in ABSENT {
        for (runtimes, becomes) in *becomes {
            let shows = format!("default {default}, {more}");
            runtimes.split(' ').for_each(|runtime| check(&shows, &small(default, more), runtime, becomes));
        }
    }
    let found = resolve(&small("ERRNO", ""), &target("runc")).unwrap();
    assert_eq!(found.fate(&call("cachestat")).by, By::Beyond);
    assert_eq!(found.fate(&call("ptrace")).by, By::Default);
    assert_eq!(found.fate(&call("read")).by, By::Rule { index: 0, line: 1 });
}

#[test]
fn without_architectures_old_runc_lets_the_filter_decide_about_every_number() {
    let profile = r#"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["write"], "action": "SCMP_ACT_ALLOW"}]}"#;
    check("native not listed", profile, "runc@1.1.5", "cachestat: EPERM");
    check("native not listed", profile, "runc@1.1.15", "cachestat: ENOSYS");
}

#[test]
fn what_is_read_in_sources_only_says_so() {
    for runtime in ["youki", "kata", "gvisor"] {
        let found = resolve(&small("ERRNO", ""), &target(runtime)).unwrap();
        assert!(found.notes.iter().any(|note| note.code == "source-only"), "{runtime}");
        check(runtime, &small("ERRNO", ""), runtime, "read: allow; ptrace: EPERM; cachestat: EPERM");
    }
    let masked = r#"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_MASKED_EQ"}]}]}"#;
    assert!(matches!(resolve(masked, &target("youki")).unwrap().outcome, Outcome::Undecided(_)));
}

#[test]
fn names_that_the_runtimes_libseccomp_does_not_know_are_said() {
    let profile = r#"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["fchmodat2"], "action": "SCMP_ACT_ALLOW"}]}"#;
    let old = Target { libseccomp: Some(Version::new(2, 5, 4)), ..target("crun") };
    let found = resolve(profile, &old).unwrap();
    assert_eq!(found.fate(&call("fchmodat2")).action.map(|a| a.to_string()).as_deref(), Some("EPERM"));
    assert!(found.notes[0].message.contains("came with 2.5.5"), "{:?}", found.notes);
    assert!(resolve(profile, &target("crun")).unwrap().notes.is_empty());
}
