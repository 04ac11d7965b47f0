//! A rule that others say already.
//!
//! ## What it finds
//! A rule of which every call has the same action under the same conditions in rules before it.
//!
//! ## Why it matters
//! It changes nothing. Whoever changes one of them will wonder why nothing changes.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["read", "write"], "action": "SCMP_ACT_ALLOW" },
//!     { "names": ["write"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## Better
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["read", "write"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## References
//! - `callgate equiv BEFORE AFTER`

use callgate_core::profile::Name;

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "redundant-rule",
    family: Family::Semantics,
    severity: Severity::Note,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let by_name = subject.by_name(profile);
    for (index, rule) in profile.rules.iter().enumerate() {
        let said = |name: &Name| {
            let before = by_name.get(name.text.as_str()).into_iter().flatten();
            let mut before = before.take_while(|(other, _)| *other < index).take(MAX_COMPARED);
            before.any(|(_, other)| {
                (other.action.action, &other.conditions, &other.extra)
                    == (rule.action.action, &rule.conditions, &rule.extra)
            })
        };
        if rule.action.action == profile.default.action || !rule.names.iter().all(said) {
            continue;
        }
        let finding = sink.report(subject.part(index, "names"), "rules before it say all of this already");
        let edit = subject.node.get("syscalls").and_then(|list| remove_item(list, index));
        finding.safe_fix("take the rule out", edit.into_iter().collect());
    }
}

/// So many rules of one call are looked at: all with all takes the square of their number.
const MAX_COMPARED: usize = 64;
