//! A profile that no registry can hand out.
//!
//! ## What it finds
//! What keeps a runtime from taking the profile out of an OCI artifact, as KEP-6061 has it, although it takes it from a file: more than 1 MiB,
//! 128 rules of one call, listeners.
//!
//! ## Why it matters
//! It matters once profiles are handed out by a registry in place of files on nodes.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ALLOW",
//!   "listenerPath": "/run/agent.sock",
//!   "syscalls": [
//!     { "names": ["mount"], "action": "SCMP_ACT_NOTIFY" }
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
//! - KEP-6061
//! - `callgate artifact check`

use super::super::prelude::*;
use crate::artifact;

pub(crate) static RULE: Rule = Rule {
    code: "artifact-limits",
    family: Family::Portability,
    severity: Severity::Note,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    // Duplicates and stray errnos have rules of their own.
    let said = ["twice", "beside an action"];
    let asks = |action: Action| action == Action::Notify;
    let listens =
        profile.listener_path.is_some() || profile.rules.iter().any(|rule| asks(rule.action.action));
    let names: usize = profile.rules.iter().map(|rule| rule.names.len()).sum();
    // Far below every limit, nothing has to be counted.
    let small = profile.rules.len() < 128
        && names < 1024
        && subject.value.len() < 1 << 20
        && profile.flags.is_empty();
    if small && !listens && !asks(profile.default.action) {
        return;
    }
    let limits = artifact::limits(profile, subject.value.len());
    for limit in limits.into_iter().filter(|limit| !said.iter().any(|words| limit.contains(words))) {
        let start = subject.node.span.start;
        sink.report(start..start + 1, format!("as an OCI artifact it would be refused: {limit}"));
    }
}
