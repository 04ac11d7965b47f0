//! A profile under which no program gets to its own first line.
//!
//! ## What it finds
//! Not even a statically linked program gets through its start: `execve` or `exit_group` is refused, or what libc sets up with.
//!
//! ## Why it matters
//! The container ends at once, mostly with status 127 or 139 and no word.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["read", "write"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## Better
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ALLOW",
//!   "syscalls": [
//!     { "names": ["mount"], "action": "SCMP_ACT_ERRNO" }
//!   ]
//! }
//! ```
//!
//! ## References
//! - `callgate learn -o PROFILE -- COMMAND` records what a program needs

use super::super::prelude::*;
use super::calls::PROGRAMS;

pub(crate) static RULE: Rule = Rule {
    code: "no-program-starts",
    family: Family::Startup,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    if profile.default.action.permits() {
        return;
    }
    let lacks = PROGRAMS[0].lacks(subject, profile);
    if !lacks.is_empty() {
        let message = format!("{} does not start: {} refused", PROGRAMS[0].name, super::super::some(&lacks));
        let start = subject.top("syscalls").start;
        let finding = sink.report(start..start + 1, message);
        finding.hint("callgate learn -o PROFILE -- COMMAND records what a program needs");
    }
}
