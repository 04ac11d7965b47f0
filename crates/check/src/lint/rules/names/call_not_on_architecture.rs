//! A call that none of the architectures has.
//!
//! ## What it finds
//! Names that exist, but on none of the architectures that the profile filters: `recv` on x86_64, where it is a use of
//! `recvfrom`; `open` on arm64.
//!
//! ## Why it matters
//! The name does nothing there. Mostly it was copied from another machine's list, and the call that this machine makes in its place
//! may be missing.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "architectures": ["SCMP_ARCH_X86_64"],
//!   "syscalls": [
//!     { "names": ["recv", "recvfrom"], "action": "SCMP_ACT_ALLOW" }
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
//!     { "names": ["recvfrom"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## References
//! - syscalls(2)
//! - `callgate syscalls --arch ARCH`

use callgate_core::profile::Name;

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "call-not-on-architecture",
    family: Family::Names,
    severity: Severity::Note,
    confidence: Confidence::Medium,
    check: Check::Profile(check),
};

/// So many names are named.
const MAX_NAMES: usize = 6;

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    // Who lists none, or maps them, writes one list for all machines.
    if profile.architectures.is_empty() {
        return;
    }
    let arches: Vec<Arch> = profile.architectures.iter().filter_map(|listed| listed.arch).collect();
    if arches.is_empty() {
        return;
    }
    let listed = arches.iter().map(|arch| arch.name()).collect::<Vec<_>>().join(", ");
    for (index, rule) in profile.rules.iter().enumerate() {
        let absent = |name: &&Name| {
            sysno::is_known(&name.text)
                && arches.iter().all(|arch| sysno::number(*arch, &name.text).is_none())
        };
        let names: Vec<&Name> = rule.names.iter().filter(absent).collect();
        let Some(first) = names.first() else { continue };
        let shown: Vec<String> =
            names.iter().take(MAX_NAMES).map(|name| format!("`{}`", name.text)).collect();
        let more = names.len().saturating_sub(MAX_NAMES);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let verb = if names.len() == 1 { "does" } else { "do" };
        let finding = sink
            .report(first.span.clone(), format!("{}{more} {verb} not exist on {listed}", shown.join(", ")));
        let list = subject.rule(index).and_then(|rule| rule.get("names"));
        let gone: Vec<usize> = (0..rule.names.len())
            .filter(|at| names.iter().any(|n| std::ptr::eq(*n, &raw const rule.names[*at])))
            .collect();
        // One at a time: the next is found again.
        if let (Some(list), true) = (list, names.len() < rule.names.len()) {
            let edits = gone.first().and_then(|at| remove_item(list, *at)).into_iter().collect();
            finding.unsafe_fix("take the first of them out", edits);
        }
    }
}
