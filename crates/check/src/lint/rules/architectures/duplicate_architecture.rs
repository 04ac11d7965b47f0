//! An architecture or a flag that is listed twice.
//!
//! ## What it finds
//! The same entry more than once in `architectures` or `flags`.
//!
//! ## Why it matters
//! Runtimes take no notice; a registry's profile, as KEP-6061 has it, is refused for it.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86_64"],
//!   "syscalls": [
//!     { "names": ["read"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## Better
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "architectures": ["SCMP_ARCH_X86_64"],
//!   "syscalls": [
//!     { "names": ["read"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## References
//! - KEP-6061

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "duplicate-architecture",
    family: Family::Architectures,
    severity: Severity::Note,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, _: &Profile, sink: &mut Sink<'_>) {
    for list in ["architectures", "flags"].iter().filter_map(|key| subject.node.get(key)) {
        for (at, item) in list.items().iter().enumerate() {
            let before = list.items()[..at].iter().find(|other| other.text() == item.text());
            let (Some(first), Some(name)) = (before, item.text()) else { continue };
            let finding = sink.report(item.span.clone(), format!("`{name}` is listed twice"));
            finding.label(first.span.clone(), "here first");
            finding.safe_fix("take one out", remove_item(list, at).into_iter().collect());
        }
    }
}
