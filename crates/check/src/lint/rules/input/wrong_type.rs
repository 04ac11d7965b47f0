//! A value of the wrong type.
//!
//! ## What it finds
//! A string where a list belongs, a number where a name belongs, a number in quotes.
//!
//! ## Why it matters
//! Runtimes in Go and Rust refuse the profile; those in C read past the value without a word, so that a list of names allows
//! nothing, and a value in quotes is 0.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [{ "names": "read", "action": "SCMP_ACT_ALLOW" }]
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
    code: "wrong-type",
    family: Family::Input,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Tree(check),
};

/// Keys and what their values are: at the top, in rules, in conditions.
const TOP: [(&str, &str); 9] = [
    ("defaultAction", "a string"),
    ("defaultErrnoRet", "a number"),
    ("defaultErrno", "a string"),
    ("architectures", "a list"),
    ("archMap", "a list"),
    ("flags", "a list"),
    ("syscalls", "a list"),
    ("listenerPath", "a string"),
    ("listenerMetadata", "a string"),
];
const RULE_KEYS: [(&str, &str); 9] = [
    ("names", "a list"),
    ("name", "a string"),
    ("action", "a string"),
    ("errnoRet", "a number"),
    ("errno", "a string"),
    ("args", "a list"),
    ("comment", "a string"),
    ("includes", "an object"),
    ("excludes", "an object"),
];
const CONDITION: [(&str, &str); 4] =
    [("index", "a number"), ("value", "a number"), ("valueTwo", "a number"), ("op", "a string")];
/// Lists of strings.
const LISTS: [&str; 3] = ["architectures", "flags", "names"];

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    object(subject, subject.node, &TOP, sink);
    for rule in subject.rules() {
        if !matches!(rule.kind(), "an object" | "null") {
            let message = format!("an entry of `syscalls` must be an object, not {}", rule.kind());
            sink.report(rule.span.clone(), message);
        }
        object(subject, rule, &RULE_KEYS, sink);
        for condition in rule.get("args").map_or(&[][..], Node::items) {
            if condition.kind() != "an object" {
                let message = format!("an entry of `args` must be an object, not {}", condition.kind());
                sink.report(condition.span.clone(), message);
            }
            object(subject, condition, &CONDITION, sink);
        }
    }
}

fn object(subject: &Subject<'_>, node: &Node, kinds: &[(&str, &str)], sink: &mut Sink<'_>) {
    for (key, value) in node.members() {
        let Some((name, kind)) = kinds.iter().find(|(name, _)| *name == key.name) else { continue };
        // Docker writes null for nothing, in these two and in conditions of its own.
        let nothing = value.kind() == "null" && matches!(*name, "args" | "includes" | "excludes");
        if value.kind() != *kind && !nothing {
            let message = format!("`{name}` must be {kind}, not {}", value.kind());
            let finding = sink.report(value.span.clone(), message);
            if (*kind, value.kind()) == ("a list", "a string") {
                let list = format!("[{}]", &subject.text[value.span.clone()]);
                finding.safe_fix("make it a list", vec![Edit::replace(value.span.clone(), list)]);
            }
        }
        let items = if LISTS.contains(name) { value.items() } else { &[] };
        for item in items.iter().filter(|item| item.text().is_none()) {
            let message = format!("an entry of `{name}` must be a string, not {}", item.kind());
            sink.report(item.span.clone(), message);
        }
    }
}
