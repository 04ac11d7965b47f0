//! A refusal that kills one thread of several.
//!
//! ## What it finds
//! SCMP_ACT_KILL and SCMP_ACT_KILL_THREAD, which are the same.
//!
//! ## Why it matters
//! The thread that made the call is gone, with the locks it held, and the others wait for it: a Go or Java program hangs and is not
//! started again. SCMP_ACT_KILL_PROCESS ends all of it.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_KILL",
//!   "syscalls": [
//!     { "names": ["read"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## Better
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_KILL_PROCESS",
//!   "syscalls": [
//!     { "names": ["read"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## References
//! - seccomp(2), SECCOMP_RET_KILL_THREAD

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "kill-thread",
    family: Family::Errno,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let default = subject.node.get("defaultAction").filter(|_| profile.default.action == Action::KillThread);
    let rules = profile.rules.iter().enumerate().filter(|(_, rule)| rule.action.action == Action::KillThread);
    let rules = rules.filter_map(|(index, _)| subject.rule(index)?.get("action"));
    for node in default.into_iter().chain(rules) {
        let name = node.text().unwrap_or_default();
        let finding = sink.report(
            node.span.clone(),
            format!("{name} kills one thread; the others of the process wait for it"),
        );
        let edit = Edit::replace(node.span.clone(), "\"SCMP_ACT_KILL_PROCESS\"");
        finding.unsafe_fix("kill the process", vec![edit]);
    }
}
