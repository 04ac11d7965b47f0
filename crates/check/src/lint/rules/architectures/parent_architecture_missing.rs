//! A 32-bit architecture without its 64-bit one.
//!
//! ## What it finds
//! SCMP_ARCH_X86 or SCMP_ARCH_X32 without SCMP_ARCH_X86_64, SCMP_ARCH_ARM without SCMP_ARCH_AARCH64.
//!
//! ## Why it matters
//! On a 64-bit machine the machine's own architecture is filtered by the same names all the same, though nobody wrote them for it:
//! `stat64` is there, `newfstatat` is not.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "architectures": ["SCMP_ARCH_ARM"],
//!   "syscalls": [
//!     { "names": ["read", "fstat64"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## Better
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "architectures": ["SCMP_ARCH_AARCH64"],
//!   "syscalls": [
//!     { "names": ["read", "fstat"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## References
//! - seccomp_init(3)

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "parent-architecture-missing",
    family: Family::Architectures,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(_: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let lists = |arch: Arch| profile.architectures.iter().any(|listed| listed.arch == Some(arch));
    for listed in &profile.architectures {
        let parents = [Arch::X86_64, Arch::Aarch64].into_iter();
        let parent =
            parents.filter(|parent| listed.arch.is_some_and(|arch| parent.companions().contains(&arch)));
        for parent in parent.filter(|parent| !lists(*parent)) {
            let message = format!(
                "{} without {}: on such a machine that one is filtered too, by the same names",
                listed.name,
                parent.oci()
            );
            sink.report(listed.span.clone(), message)
                .hint(format!("list {} beside it, and the calls of both", parent.oci()));
        }
    }
}
