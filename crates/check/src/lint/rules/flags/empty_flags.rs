//! An empty list of flags, which slows programs down.
//!
//! ## What it finds
//! `"flags": []`.
//!
//! ## Why it matters
//! Where the key is missing, runc from 1.2 on and crun load the filter with SECCOMP_FILTER_FLAG_SPEC_ALLOW. With an empty list they load it
//! without: kernels before 5.16 then slow the program down to guard against speculation.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "flags": [],
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
//!   "flags": ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"],
//!   "syscalls": [
//!     { "names": ["read"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## References
//! - moby#41389
//! - opencontainers/runc#2430

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "empty-flags",
    family: Family::Flags,
    severity: Severity::Note,
    confidence: Confidence::High,
    check: Check::Tree(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let Some(list) =
        subject.node.get("flags").filter(|list| list.kind() == "a list" && list.items().is_empty())
    else {
        return;
    };
    let message = "no flags at all: kernels before 5.16 slow the program down, which they do not where `flags` is missing";
    let finding = sink.report(list.span.clone(), message);
    finding.unsafe_fix("leave `flags` out", remove_member(subject.node, "flags").into_iter().collect());
}
