//! A search for violations that finds none.
//!
//! ## What it finds
//! The kernel's log searched for `seccomp`: `journalctl -k | grep seccomp`, `dmesg | grep -i seccomp`.
//!
//! ## Why it matters
//! The kernel writes `audit: type=1326`, without that word. And what is refused with an errno is not logged at all unless the filter was
//! loaded with SECCOMP_FILTER_FLAG_LOG.
//!
//! ## Example
//! ```yaml file=.gitlab-ci.yml
//! validate:
//!   stage: test
//!   script:
//!     - |
//!       ! journalctl -k | grep seccomp
//! ```
//!
//! ## Better
//! ```yaml file=.gitlab-ci.yml
//! validate:
//!   stage: test
//!   script:
//!     - |
//!       ! journalctl -k | grep "type=1326"
//! ```
//!
//! ## References
//! - `callgate import` reads these records
//! - `callgate rule no-log-flag`

use super::super::super::script::Script;
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "violation-grep",
    family: Family::Pipeline,
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    check: Check::Script(check),
};

fn check(script: &Script<'_>, sink: &mut Sink<'_>) {
    for (start, line) in script.lines() {
        let log = ["journalctl -k", "journalctl --dmesg", "dmesg"].into_iter().find(|log| line.contains(log));
        let lower = line.to_ascii_lowercase();
        let searched = lower.find("grep").is_some_and(|at| lower[at..].contains("seccomp"));
        if let Some(log) = log.filter(|_| searched && !lower.contains("1326")) {
            let message = "the kernel's records say `type=1326`, and not `seccomp`: this finds nothing";
            sink.report(Script::place(start, line, log), message)
                .hint("search for type=1326, or: callgate import --from audit");
        }
    }
}
