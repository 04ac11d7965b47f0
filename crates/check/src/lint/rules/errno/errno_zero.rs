//! A refusal that says the call succeeded.
//!
//! ## What it finds
//! `errnoRet` or `defaultErrnoRet` 0.
//!
//! ## Why it matters
//! The call is not made, and the program is told that it was: it goes on with files that were not opened and rights that were not
//! dropped.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ALLOW",
//!   "syscalls": [
//!     { "names": ["setuid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 0 }
//!   ]
//! }
//! ```
//!
//! ## Better
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ALLOW",
//!   "syscalls": [
//!     { "names": ["setuid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1 }
//!   ]
//! }
//! ```
//!
//! ## References
//! - seccomp(2), SECCOMP_RET_ERRNO

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "errno-zero",
    family: Family::Errno,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let mut report = |span: std::ops::Range<usize>| {
        let finding = sink.report(span, "errno 0 tells the program that a refused call succeeded");
        finding.hint("name an errno, such as 1 (EPERM) or 38 (ENOSYS)");
    };
    if profile.default.action == Action::Errno(0) {
        report(subject.top("defaultErrnoRet"));
    }
    for (index, rule) in profile.rules.iter().enumerate() {
        if rule.action.action == Action::Errno(0) {
            report(subject.part(index, "errnoRet"));
        }
    }
}
