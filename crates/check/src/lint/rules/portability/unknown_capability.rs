//! A capability that does not exist.
//!
//! ## What it finds
//! A name in `caps` of `includes` or `excludes` that is none of capabilities(7): misspelt, in small letters, without `CAP_`.
//!
//! ## Why it matters
//! No container has it: the rule is never there, or, in `excludes`, always.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     {
//!       "names": ["bpf"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "includes": { "caps": ["CAP_SYSADMIN"] }
//!     }
//!   ]
//! }
//! ```
//!
//! ## Better
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     {
//!       "names": ["bpf"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "includes": { "caps": ["CAP_SYS_ADMIN"] }
//!     }
//!   ]
//! }
//! ```
//!
//! ## References
//! - capabilities(7)

use callgate_core::{capability, suggest};

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "unknown-capability",
    family: Family::Portability,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Tree(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    for rule in subject.rules() {
        for key in ["includes", "excludes"] {
            for node in rule.at([key, "caps"]).map_or(&[][..], Node::items) {
                let Some(name) = node.text().filter(|name| !capability::NAMES.contains(name)) else {
                    continue;
                };
                let finding =
                    sink.report(node.span.clone(), format!("`{name}` is no capability: no container has it"));
                let full = format!("CAP_{}", name.to_ascii_uppercase().trim_start_matches("CAP_"));
                let meant = capability::find(name).or_else(|| suggest::nearest(&full, capability::NAMES));
                if let Some(meant) = meant {
                    let edit = Edit::replace(node.span.clone(), format!("\"{meant}\""));
                    finding
                        .hint(format!("did you mean `{meant}`?"))
                        .unsafe_fix(format!("write `{meant}`"), vec![edit]);
                }
            }
        }
    }
}
