//! An architecture in a condition that is called otherwise there.
//!
//! ## What it finds
//! A name in `arches` of `includes` or `excludes` that is none of libseccomp's: `x86_64`, `SCMP_ARCH_X86_64`, `386`.
//!
//! ## Why it matters
//! It never equals the machine's: the rule is never there, or, in `excludes`, always.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     {
//!       "names": ["bpf"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "includes": { "arches": ["x86_64"] }
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
//!       "includes": { "arches": ["amd64"] }
//!     }
//!   ]
//! }
//! ```
//!
//! ## References
//! - seccomp/libseccomp-golang, ScmpArch.String

use callgate_core::suggest;

use super::super::prelude::*;
use crate::loader;

pub(crate) static RULE: Rule = Rule {
    code: "architecture-never-matches",
    family: Family::Portability,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Tree(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let known: Vec<&str> = Arch::ALL.iter().map(|arch| loader::arch_name(*arch)).chain(UNMODELLED).collect();
    for rule in subject.rules() {
        for key in ["includes", "excludes"] {
            let arches = rule.at([key, "arches"]).map_or(&[][..], Node::items);
            for node in arches {
                let Some(name) = node.text().filter(|name| !known.contains(name)) else { continue };
                let finding = sink.report(
                    node.span.clone(),
                    format!("`{name}` is no architecture here: it never equals the machine's"),
                );
                let meant = name.parse::<Arch>().ok().map(loader::arch_name);
                let meant = meant.or_else(|| suggest::nearest(name, known.iter().copied()));
                if let Some(meant) = meant {
                    let edit = Edit::replace(node.span.clone(), format!("\"{meant}\""));
                    finding
                        .hint(format!("it is called `{meant}`"))
                        .unsafe_fix(format!("write `{meant}`"), vec![edit]);
                }
            }
        }
    }
}

/// Names of architectures for which there is no table here.
const UNMODELLED: [&str; 13] = [
    "mips",
    "mips64",
    "mips64n32",
    "mipsel",
    "mipsel64",
    "mipsel64n32",
    "parisc",
    "parisc64",
    "ppc",
    "ppc64",
    "s390",
    "m68k",
    "sh",
];
