//! The rungs: what each needs, and its steps.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::step::Step;
use super::{fuzz, packages, targets};
use crate::metadata::Metadata;

/// A rung of the ladder; a test stands on the lowest that can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rung {
    /// Nothing but a compiler.
    T0,
    /// A kernel that takes seccomp filters and hands out listeners; no privilege.
    T1,
    /// Root, and the programs of other people.
    T2,
}

impl Rung {
    /// From the bottom up.
    pub(super) const ALL: [Self; 3] = [Self::T0, Self::T1, Self::T2];

    /// `t0`, `t1`, `t2`: in `CALLGATE_REQUIRE`, and as modules of tests.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::T0 => "t0",
            Self::T1 => "t1",
            Self::T2 => "t2",
        }
    }

    /// What it stands on, in a few words.
    pub(super) fn about(self) -> &'static str {
        match self {
            Self::T0 => "pure",
            Self::T1 => "unprivileged kernel",
            Self::T2 => "root and real peers",
        }
    }

    /// What keeps the whole rung from running here.
    pub(super) fn missing(self) -> Vec<&'static str> {
        let mut missing = Vec::new();
        if self != Self::T0 && !has_user_notification() {
            missing.push("a kernel with seccomp user notification");
        }
        if self == Self::T2 && !is_root() {
            missing.push("root");
        }
        missing
    }

    /// Tools without which some tests of the rung skip.
    pub(super) fn tools_missing(self) -> Vec<String> {
        if self == Self::T2 { packages::missing() } else { Vec::new() }
    }

    /// What is run.
    pub(super) fn steps(self, root: &Path, metadata: &Metadata, full: bool) -> anyhow::Result<Vec<Step>> {
        let mut steps = Vec::new();
        if self == Self::T0 {
            steps.extend(checks());
            steps.push(unit_tests());
        }
        for (package, test) in targets::of_libraries(metadata, self) {
            let args = ["--profile", "fast", "--package", package, "--test", test];
            steps.push(Step::tests(format!("{package}: {test}"), &args, None));
        }
        let filter = format!("{}::", self.name());
        for test in targets::of_command(metadata) {
            if self == Self::T0 {
                steps.push(sorted(test));
            }
            let args = ["--profile", "fast", "--package", "callgate", "--test", test];
            steps.push(Step::tests(format!("callgate: {test} {filter}"), &args, Some(&filter)));
        }
        if self == Self::T2 {
            steps.push(Step::cargo("dist --check", &["xtask", "dist", "--check"]));
        }
        if self == Self::T0 {
            steps.extend(fuzz::steps(root, &metadata.target_directory, full)?);
        }
        Ok(steps)
    }
}

/// Everything that reads the tree without running the product.
fn checks() -> Vec<Step> {
    let deny = Step::cargo("cargo deny", &["deny", "check", "bans", "licenses", "sources"]);
    let deny = match packages::find("cargo-deny") {
        Some(_) => deny,
        None => deny.absent("cargo-deny is not installed; tidy looks at licences and sources"),
    };
    vec![
        Step::cargo("rustfmt", &["fmt", "--all", "--check"]),
        Step::cargo("rustfmt, fuzz", &["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]),
        Step::cargo(
            "clippy",
            &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"],
        ),
        Step::cargo("documentation", &["doc", "--workspace", "--no-deps", "--locked"])
            .env("RUSTDOCFLAGS", "-D warnings"),
        Step::cargo("generate --check", &["xtask", "generate", "--check"]),
        Step::cargo("tidy", &["xtask", "tidy"]),
        deny,
    ]
}

fn unit_tests() -> Step {
    let args = ["--profile", "fast", "--workspace", "--lib", "--bins"];
    Step::tests("unit tests", &args, None)
}

/// Fails when a test of the command stands on no rung: nobody would ever run it.
fn sorted(test: &str) -> Step {
    let script = "tests=$(cargo test --profile fast --package callgate --test \"$0\" -- --list) || exit 1\n\
                  lost=$(printf '%s\\n' \"$tests\" | grep ': test$' | grep -Ev '(^|::)t[012]::')\n\
                  test -z \"$lost\" || { echo \"on no rung (module t0, t1 or t2): $lost\"; exit 1; }";
    Step::new(format!("callgate: {test} stands on rungs"), "sh", &["-c", script, test])
}

/// `SECCOMP_RET_USER_NOTIF` is in Linux 5.0; the continue flag that recording needs came with 5.5, and the command
/// says so where it is missing.
fn has_user_notification() -> bool {
    let actions = fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail").unwrap_or_default();
    actions.split_whitespace().any(|action| action == "user_notif")
}

/// Who owns our own /proc entry is who we are.
fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0)
}
