//! A flag that does not exist.
//!
//! ## What it finds
//! An entry of `flags` that is none of the `SECCOMP_FILTER_FLAG_…` names of the runtime-spec.
//!
//! ## Why it matters
//! Runtimes refuse the profile.
//!
//! ## Example
//! ```json
//! { "defaultAction": "SCMP_ACT_ERRNO", "flags": ["SECCOMP_FILTER_FLAG_LOGS"] }
//! ```
//!
//! ## Better
//! ```json
//! { "defaultAction": "SCMP_ACT_ERRNO", "flags": ["SECCOMP_FILTER_FLAG_LOG"] }
//! ```
//!
//! ## References
//! - runtime-spec, config-linux.md, Seccomp

use callgate_core::profile;

use super::super::prelude::*;
use super::word::{Word, report};

pub(crate) static RULE: Rule = Rule {
    code: "unknown-flag",
    family: Family::Input,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Tree(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let word = Word { what: "flag", prefix: "SECCOMP_FILTER_FLAG_", known: &profile::FLAGS };
    let flags = subject.node.get("flags").map_or(&[][..], Node::items);
    for node in flags {
        report(subject, node, &word, sink);
    }
}
