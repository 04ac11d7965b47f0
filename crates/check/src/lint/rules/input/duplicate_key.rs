//! A key that stands twice in one object.
//!
//! ## What it finds
//! Two members of one name in the profile, in a rule or in a condition.
//!
//! ## Why it matters
//! Most readers take the last one and say nothing; others take the first, or refuse. What is allowed depends on who reads.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ALLOW",
//!   "defaultAction": "SCMP_ACT_ERRNO"
//! }
//! ```
//!
//! ## Better
//! ```json
//! { "defaultAction": "SCMP_ACT_ERRNO" }
//! ```
//!
//! ## References
//! - RFC 8259, section 4

use std::collections::BTreeMap;
use std::ops::Range;

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "duplicate-key",
    family: Family::Input,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Tree(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    object(subject.node, sink);
    for rule in subject.rules() {
        object(rule, sink);
        rule.get("args").map_or(&[][..], Node::items).iter().for_each(|condition| object(condition, sink));
    }
}

fn object(node: &Node, sink: &mut Sink<'_>) {
    let mut seen: BTreeMap<&str, Range<usize>> = BTreeMap::new();
    for (key, _) in node.members() {
        if let Some(first) = seen.get(key.name.as_str()) {
            let message =
                format!("the key `{}` stands here twice: readers disagree on which counts", key.name);
            sink.report(key.span.clone(), message)
                .label(first.clone(), "here first")
                .hint("take one of them out");
        }
        seen.entry(&key.name).or_insert_with(|| key.span.clone());
    }
}
