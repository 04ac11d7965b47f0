//! A rule or condition without what it needs.
//!
//! ## What it finds
//! A rule without `names` or `action`, or with an empty list of names; a condition without `op`; an empty name.
//!
//! ## Why it matters
//! An empty list is what a script leaves that found nothing: the profile refuses everything it was to allow. What runtimes
//! make of the others differs: refused, read past, or taken for zero.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [{ "names": [], "action": "SCMP_ACT_ALLOW" }]
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
    code: "missing-key",
    family: Family::Input,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Tree(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    for rule in subject.rules().iter().filter(|rule| rule.kind() == "an object") {
        let start = rule.span.start..rule.span.start + 1;
        let named = rule.get("name").and_then(Node::text).is_some_and(|name| !name.is_empty());
        match rule.get("names") {
            Some(names) if names.kind() == "a list" && names.items().is_empty() && !named => {
                let message = "`names` is empty: the rule is about nothing";
                sink.report(names.span.clone(), message).hint("did what was to fill it find anything?");
            }
            None if !named => {
                sink.report(start.clone(), "an entry of `syscalls` has no `names`");
            }
            _ => {}
        }
        for name in rule.get("names").map_or(&[][..], Node::items).iter().filter(|n| n.text() == Some("")) {
            sink.report(name.span.clone(), "an empty system call name: runc refuses the profile");
        }
        if rule.get("action").is_none() {
            sink.report(start, "an entry of `syscalls` has no `action`");
        }
        for condition in rule.get("args").map_or(&[][..], Node::items) {
            if condition.kind() == "an object" && condition.get("op").is_none() {
                let message = "an entry of `args` has no `op`";
                sink.report(condition.span.clone(), message).hint("name an operator, such as SCMP_CMP_EQ");
            }
        }
    }
}
