//! An architecture that does not exist.
//!
//! ## What it finds
//! An entry of `architectures` that is none of the `SCMP_ARCH_…` names of the runtime-spec.
//!
//! ## Why it matters
//! Runtimes refuse the profile. Other lists have other names: `amd64` of Go, `x86_64` of uname.
//!
//! ## Example
//! ```json
//! { "defaultAction": "SCMP_ACT_ERRNO", "architectures": ["amd64"] }
//! ```
//!
//! ## Better
//! ```json
//! { "defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"] }
//! ```
//!
//! ## References
//! - runtime-spec, config-linux.md, Seccomp

use callgate_core::arch::OCI_UNMODELLED;

use super::super::prelude::*;
use super::word::{Word, report};

pub(crate) static RULE: Rule = Rule {
    code: "unknown-architecture",
    family: Family::Input,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Tree(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let known: Vec<&str> = Arch::ALL.iter().map(|arch| arch.oci()).chain(OCI_UNMODELLED).collect();
    let word = Word { what: "architecture", prefix: "SCMP_ARCH_", known: &known };
    for node in subject.node.get("architectures").map_or(&[][..], Node::items) {
        match node.text().and_then(|text| text.parse::<Arch>().ok()).filter(|a| Some(a.oci()) != node.text())
        {
            Some(meant) => word.known_as(node, meant.oci(), sink),
            None => report(subject, node, &word, sink),
        }
    }
}
