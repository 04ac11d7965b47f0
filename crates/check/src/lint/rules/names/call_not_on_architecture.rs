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

use std::collections::BTreeMap;

use super::super::super::subject::Mention;
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "call-not-on-architecture",
    family: Family::Names,
    severity: Severity::Note,
    confidence: Confidence::Medium,
    check: Check::Profile(check),
};

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
    let mut absent: BTreeMap<usize, Vec<Mention<'_>>> = BTreeMap::new();
    for mention in subject.named(profile).all().filter(|m| m.fact.is_some_and(|fact| !fact.is_on(&arches))) {
        absent.entry(mention.index).or_default().push(mention);
    }
    for (index, mut mentions) in absent {
        mentions.sort_by_key(|mention| mention.at);
        let names: Vec<String> = mentions.iter().map(|mention| format!("`{}`", mention.name.text)).collect();
        let shown = super::super::some(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let verb = if names.len() == 1 { "does" } else { "do" };
        let first = mentions[0];
        let finding = sink.report(first.name.span.clone(), format!("{shown} {verb} not exist on {listed}"));
        // One at a time: the next is found again.
        let list = subject.rule(index).and_then(|rule| rule.get("names"));
        let list = list.filter(|_| names.len() < first.rule.names.len());
        let edit = list.and_then(|list| remove_item(list, first.at));
        finding.unsafe_fix("take the first of them out", edit.into_iter().collect());
    }
}
