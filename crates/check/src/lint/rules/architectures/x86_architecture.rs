//! A door for 32-bit x86 programs.
//!
//! ## What it finds
//! SCMP_ARCH_X86 in `architectures` beside SCMP_ARCH_X86_64.
//!
//! ## Why it matters
//! Every program of the container can make 32-bit calls (`int 0x80`). They are another table, with calls such as `socketcall` that walk
//! around conditions on arguments. Without the entry such calls end the program, which is right if nothing in the image is 32-bit.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
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
//! - moby#52506
//! - `file PROGRAM` says whether it is 32-bit

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "x86-architecture",
    family: Family::Architectures,
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    super::door(subject, profile, Arch::X86, sink, "leave it out, unless a program of the image is 32-bit");
}
