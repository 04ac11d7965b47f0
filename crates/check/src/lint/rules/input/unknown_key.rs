//! A key that no reader knows.
//!
//! ## What it finds
//! A key of a profile, rule or condition that is in none of the formats: OCI, Docker, containers-common. A key that differs from a
//! known one in case only is an error.
//!
//! ## Why it matters
//! It has no effect. Where it was to be another key, what that key should say is missing. Runtimes in Go take a key in other case
//! for the known one, those in C do not: what is allowed depends on who reads.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "architecture": ["SCMP_ARCH_X86_64"]
//! }
//! ```
//!
//! ## Better
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "architectures": ["SCMP_ARCH_X86_64"]
//! }
//! ```
//!
//! ## References
//! - runtime-spec, config-linux.md, Seccomp
//! - Go, `encoding/json`, Unmarshal

use callgate_core::profile::{ARG_KEYS, KEYS, RULE_KEYS};
use callgate_core::suggest;

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "unknown-key",
    family: Family::Input,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Tree(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    object(subject.node, &KEYS, sink);
    for rule in subject.rules() {
        object(rule, &RULE_KEYS, sink);
        rule.get("args").map_or(&[][..], Node::items).iter().for_each(|c| object(c, &ARG_KEYS, sink));
    }
}

fn object(node: &Node, known: &[&'static str], sink: &mut Sink<'_>) {
    for (key, _) in node.members().iter().filter(|(key, _)| !known.contains(&key.name.as_str())) {
        let name = &key.name;
        let write = |known: &str| vec![Edit::replace(key.span.clone(), format!("\"{known}\""))];
        if let Some(meant) = known.iter().find(|known| known.eq_ignore_ascii_case(name)) {
            let message = format!("key `{name}` is `{meant}` to runtimes in Go, and nothing to others");
            let finding = sink.report(key.span.clone(), message).severity(Severity::Error);
            // Beside the right one it would be a key that is there twice.
            if node.get(meant).is_none() {
                finding.safe_fix(format!("write `{meant}`"), write(meant));
            }
            continue;
        }
        let finding = sink.report(key.span.clone(), format!("unknown key `{name}` has no effect"));
        if let Some(near) = suggest::nearest(name, known.iter().copied()) {
            let finding = finding.hint(format!("did you mean `{near}`?"));
            if node.get(near).is_none() {
                finding.unsafe_fix(format!("write `{near}`"), write(near));
            }
        }
    }
}
