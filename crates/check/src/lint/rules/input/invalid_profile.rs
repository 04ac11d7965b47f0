//! A profile that callgate's strict reader refuses.
//!
//! ## What it finds
//! What no other rule has a name for: `name` beside `names`, an unknown errno name, an unknown key in a condition.
//!
//! ## Why it matters
//! Readers disagree on what it means, or refuse it.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [{ "name": "read", "names": ["write"], "action": "SCMP_ACT_ALLOW" }]
//! }
//! ```
//!
//! ## Better
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [{ "names": ["read"], "action": "SCMP_ACT_ALLOW" }]
//! }
//! ```
//!
//! ## References
//! - runtime-spec, config-linux.md, Seccomp

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "invalid-profile",
    family: Family::Input,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Tree(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let Err(invalid) = &subject.read else { return };
    // It stops at the first thing; the rules before this one name it more exactly, and others beside it.
    if sink.has_errors() {
        return;
    }
    let finding = sink.report(invalid.span.clone(), invalid.message.clone());
    if let Some(hint) = &invalid.hint {
        finding.hint(hint.clone());
    }
}
