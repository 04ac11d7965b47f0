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

use std::collections::BTreeMap;
use std::ops::Range;

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "duplicate-name",
    family: Family::Names,
    severity: Severity::Note,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    for (index, rule) in profile.rules.iter().enumerate() {
        let mut seen: BTreeMap<&str, Range<usize>> = BTreeMap::new();
        for (at, name) in rule.names.iter().enumerate() {
            if let Some(first) = seen.get(name.text.as_str()) {
                let finding =
                    sink.report(name.span.clone(), format!("`{}` stands twice in this rule", name.text));
                finding.label(first.clone(), "here first");
                let list = subject.rule(index).and_then(|rule| rule.get("names"));
                let edit = list.and_then(|list| remove_item(list, at));
                finding.safe_fix("take one out", edit.into_iter().collect());
            }
            seen.entry(&name.text).or_insert_with(|| name.span.clone());
        }
    }
}
