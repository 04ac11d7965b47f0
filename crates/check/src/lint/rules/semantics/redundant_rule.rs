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

use super::super::super::subject::Mention;
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "redundant-rule",
    family: Family::Semantics,
    severity: Severity::Note,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    // How many names of each rule were said before it.
    let mut said = vec![0; profile.rules.len()];
    for mentions in subject.named(profile).shared() {
        for (at, later) in mentions.iter().enumerate().skip(1) {
            let same = |before: &Mention<'_>| {
                let (a, b) = (before.rule, later.rule);
                before.index < later.index
                    && (a.action.action, &a.conditions, &a.extra)
                        == (b.action.action, &b.conditions, &b.extra)
            };
            said[later.index] += usize::from(mentions[..at.min(MAX_COMPARED)].iter().any(same));
        }
    }
    for (index, rule) in profile.rules.iter().enumerate() {
        if said[index] == 0 || said[index] < rule.names.len() {
            continue;
        }
        let finding = sink.report(subject.part(index, "names"), "rules before it say all of this already");
        let edit = subject.node.get("syscalls").and_then(|list| remove_item(list, index));
        finding.safe_fix("take the rule out", edit.into_iter().collect());
    }
}

/// So many rules of one call are looked at: all with all takes the square of their number.
const MAX_COMPARED: usize = 64;
