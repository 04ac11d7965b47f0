//! An action that does not exist.
//!
//! ## What it finds
//! A `defaultAction` or `action` that is none of the `SCMP_ACT_…` names.
//!
//! ## Why it matters
//! Runtimes refuse the profile.
//!
//! ## Example
//! ```json
//! { "defaultAction": "SCMP_ACT_ERNO" }
//! ```
//!
//! ## Better
//! ```json
//! { "defaultAction": "SCMP_ACT_ERRNO" }
//! ```
//!
//! ## References
//! - runtime-spec, config-linux.md, Seccomp

use super::super::prelude::*;
use super::word::{Word, report};

pub(crate) static RULE: Rule = Rule {
    code: "unknown-action",
    family: Family::Input,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Tree(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let word = Word { what: "action", prefix: "SCMP_ACT_", known: &Action::OCI_NAMES };
    subject.node.get("defaultAction").into_iter().for_each(|node| report(subject, node, &word, sink));
    for rule in subject.rules() {
        rule.get("action").into_iter().for_each(|node| report(subject, node, &word, sink));
    }
}
