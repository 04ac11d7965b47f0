//! A door for x32 programs, which nobody has.
//!
//! ## What it finds
//! SCMP_ARCH_X32 in `architectures`.
//!
//! ## Why it matters
//! x32 is an ABI of its own beside x86_64, with entry points of its own. Distributions ship no programs of it, and many kernels have it
//! turned off. Where it is on, everything the profile allows can be reached through it too.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"],
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
//! - Linux, CONFIG_X86_X32_ABI

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "x32-architecture",
    family: Family::Architectures,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    super::door(subject, profile, Arch::X32, sink, "x32 has no programs: leave it out");
}
