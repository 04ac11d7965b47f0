//! A call that is left to a tracer.
//!
//! ## What it finds
//! SCMP_ACT_TRACE.
//!
//! ## Why it matters
//! Without a tracer, and containers have none, the call fails with ENOSYS. Other programs that trace one of its processes decide
//! about the call.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ALLOW",
//!   "syscalls": [
//!     { "names": ["mount"], "action": "SCMP_ACT_TRACE" }
//!   ]
//! }
//! ```
//!
//! ## Better
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ALLOW",
//!   "syscalls": [
//!     { "names": ["mount"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38 }
//!   ]
//! }
//! ```
//!
//! ## References
//! - seccomp(2), SECCOMP_RET_TRACE

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "trace-without-tracer",
    family: Family::Errno,
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let traces = |action: Action| matches!(action, Action::Trace(_));
    let default = subject.node.get("defaultAction").filter(|_| traces(profile.default.action));
    let rules = profile.rules.iter().enumerate().filter(|(_, rule)| traces(rule.action.action));
    let rules = rules.filter_map(|(index, _)| subject.rule(index)?.get("action"));
    for node in default.into_iter().chain(rules) {
        let finding =
            sink.report(node.span.clone(), "SCMP_ACT_TRACE: without a tracer the call fails with ENOSYS");
        finding.hint("write SCMP_ACT_ERRNO with errnoRet 38, if that is what is meant");
    }
}
