//! What 32-bit programs make in place of allowed calls.
//!
//! ## What it finds
//! A profile that filters ARM or X86 and allows a call without the form that a 32-bit libc makes: `clock_gettime64`, `fcntl64`, `mmap2`.
//!
//! ## Why it matters
//! 32-bit programs make the wide forms first. Refused, `date` says 1970, and `apt` and TLS fail with odd errors.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "architectures": ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
//!   "syscalls": [
//!     { "names": ["clock_gettime"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## Better
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "architectures": ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
//!   "syscalls": [
//!     { "names": ["clock_gettime", "clock_gettime64"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## References
//! - moby#40734
//! - moby#43774
//! - seccomp/libseccomp#228

use std::collections::BTreeSet;

use callgate_core::trace::counterparts;

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "wide-form-missing",
    family: Family::Architectures,
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let narrow =
        profile.architectures.iter().find(|listed| matches!(listed.arch, Some(Arch::X86 | Arch::Arm)));
    let Some(narrow) = narrow.filter(|_| !profile.default.action.permits()) else { return };
    let arch = narrow.arch.unwrap_or(Arch::X86);
    let named = subject.named(profile);
    let made = counterparts(arch).iter().filter(|(name, _)| named.allows(name)).flat_map(|(_, forms)| forms);
    let missing: BTreeSet<&str> = made.copied().filter(|form| !named.allows(form)).collect();
    if !missing.is_empty() {
        let names = super::super::some(&missing.iter().copied().collect::<Vec<_>>());
        let message = format!(
            "{} programs make these in place of what is allowed, and they are refused: {names}",
            narrow.name
        );
        let finding = sink.report(narrow.span.clone(), message);
        finding.unsafe_fix("allow these, too", super::super::allow(subject, profile, &missing));
    }
}
