//! An errno beside an action that has none.
//!
//! ## What it finds
//! `errnoRet` or `defaultErrnoRet` with an action other than SCMP_ACT_ERRNO and SCMP_ACT_TRACE.
//!
//! ## Why it matters
//! The runtime-spec asks runtimes to refuse it; crun does, runc reads past it. Whether the container starts depends on the node.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["read"], "action": "SCMP_ACT_ALLOW", "errnoRet": 1 }
//!   ]
//! }
//! ```
//!
//! ## Better
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["read"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## References
//! - runtime-spec, config-linux.md, Seccomp

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "stray-errno",
    family: Family::Errno,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let stray = |action: &callgate_core::profile::RuleAction| {
        action.errno.is_some() && !matches!(action.action, Action::Errno(_) | Action::Trace(_))
    };
    let mut report = |node: &Node, key: &str, action: Action| {
        let Some((name, value)) = node.member(key) else { return };
        let message =
            format!("`{key}` means nothing beside {}: some runtimes refuse the profile for it", action.oci());
        let finding = sink.report(name.span.start..value.span.end, message);
        finding.safe_fix(format!("take `{key}` out"), remove_member(node, key).into_iter().collect());
    };
    if stray(&profile.default) {
        report(subject.node, "defaultErrnoRet", profile.default.action);
    }
    for (index, rule) in profile.rules.iter().enumerate().filter(|(_, rule)| stray(&rule.action)) {
        subject.rule(index).into_iter().for_each(|node| report(node, "errnoRet", rule.action.action));
    }
}
