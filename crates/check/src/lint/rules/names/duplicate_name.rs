//! A name that stands twice in one rule.
//!
//! ## What it finds
//! The same call more than once in one rule's `names`.
//!
//! ## Why it matters
//! It changes nothing, and whoever takes the call out will take one of them out.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["read", "write", "read"], "action": "SCMP_ACT_ALLOW" }
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
//! - runtime-spec, config-linux.md, Seccomp

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "duplicate-name",
    family: Family::Names,
    severity: Severity::Note,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    for mentions in subject.named(profile).shared() {
        for pair in mentions.windows(2).filter(|pair| pair[0].index == pair[1].index) {
            let (first, second) = (pair[0], pair[1]);
            let message = format!("`{}` stands twice in this rule", second.name.text);
            let finding = sink.report(second.name.span.clone(), message);
            finding.label(first.name.span.clone(), "here first");
            let list = subject.rule(second.index).and_then(|rule| rule.get("names"));
            let edit = list.and_then(|list| remove_item(list, second.at));
            finding.safe_fix("take one out", edit.into_iter().collect());
        }
    }
}
