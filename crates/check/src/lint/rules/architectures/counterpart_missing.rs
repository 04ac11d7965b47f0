//! An old call without what newer architectures have instead.
//!
//! ## What it finds
//! Calls such as `open`, `stat` or `fork` in a profile for an architecture that never had them, without the call that does the same there:
//! `openat`, `newfstatat`, `clone`.
//!
//! ## Why it matters
//! A list that was made on x86_64 names calls that arm64 and riscv64 do not have. There the program makes others, and they are refused.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "architectures": ["SCMP_ARCH_AARCH64"],
//!   "syscalls": [
//!     { "names": ["open", "read"], "action": "SCMP_ACT_ALLOW" }
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
//!     { "names": ["open", "openat", "read"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## References
//! - Linux, include/uapi/asm-generic/unistd.h
//! - `callgate generate --arch aarch64` translates a trace

use std::collections::{BTreeMap, BTreeSet};

use callgate_core::trace::counterparts;

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "counterpart-missing",
    family: Family::Architectures,
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    if profile.default.action.permits() || profile.architectures.is_empty() {
        return;
    }
    let named = subject.named(profile);
    let listed = profile.architectures.iter().filter_map(|listed| listed.arch);
    for arch in listed
        .filter(|arch| !arch.companions().is_empty() || *arch == Arch::Riscv64 || *arch == Arch::Loongarch64)
    {
        let absent = counterparts(arch)
            .iter()
            .filter(|(name, _)| sysno::number(arch, name).is_none() && named.allows(name));
        let lacking = absent.filter(|(_, there)| !there.iter().any(|other| named.allows(other)));
        let missing: BTreeMap<&str, &str> =
            lacking.filter_map(|(name, there)| Some((*name, *there.first()?))).collect();
        let Some((first, _)) = missing.first_key_value() else { continue };
        let place = profile
            .rules
            .iter()
            .flat_map(|rule| &rule.names)
            .find(|name| name.text == *first)
            .map(|name| name.span.clone());
        let pairs: Vec<String> =
            missing.iter().take(4).map(|(old, new)| format!("{old} is {new} there")).collect();
        let more = missing.len().saturating_sub(4);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        let message = format!(
            "{arch} does not have some of these calls, and what it has instead is not allowed: {}{more}",
            pairs.join(", ")
        );
        let names: BTreeSet<&str> = missing.values().copied().collect();
        let edits = super::super::allow(subject, profile, &names);
        sink.report(place.unwrap_or(0..0), message).unsafe_fix("allow these, too", edits);
    }
}
