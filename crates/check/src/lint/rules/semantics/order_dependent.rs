//! Rules that meet, where nobody promises which one counts.
//!
//! ## What it finds
//! Rules for one call with different conditions that hold for some arguments together, and with different actions.
//!
//! ## Why it matters
//! Which of them counts follows from the shape of a tree inside of libseccomp, which changes with its releases. It is neither the
//! order of the file nor the strictest.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     {
//!       "names": ["ioctl"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [{ "index": 1, "value": 21505, "op": "SCMP_CMP_GE" }]
//!     },
//!     {
//!       "names": ["ioctl"],
//!       "action": "SCMP_ACT_KILL_PROCESS",
//!       "args": [{ "index": 1, "value": 255, "valueTwo": 18, "op": "SCMP_CMP_MASKED_EQ" }]
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
//!       "names": ["ioctl"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [{ "index": 1, "value": 21505, "op": "SCMP_CMP_EQ" }]
//!     }
//!   ]
//! }
//! ```
//!
//! ## References
//! - seccomp/libseccomp, `src/db.c`

use std::collections::BTreeSet;

use callgate_core::args;

use super::super::prelude::*;
use crate::resolve::Resolved;

pub(crate) static RULE: Rule = Rule {
    code: "order-dependent",
    family: Family::Semantics,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Tree(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    if !subject.is_targeted() && subject.is_plain() {
        return;
    }
    let mut told: BTreeSet<(Vec<usize>, u32)> = BTreeSet::new();
    for (_, resolved) in subject.resolved() {
        for met in resolved.iter().flat_map(Resolved::undecided) {
            let native = met.arch == subject.native() || met.entries.is_empty();
            if !native || !told.insert((met.entries.clone(), met.nr)) {
                continue;
            }
            let name = sysno::name(met.arch, met.nr).unwrap_or("a call");
            let place = met
                .entries
                .last()
                .map_or_else(|| subject.top("syscalls"), |entry| subject.part(*entry, "args"));
            let example = met.args.witness().map(|args| args::format_call(met.arch, name, &args));
            let example = example.map(|call| format!(", as of {call}")).unwrap_or_default();
            let finding = sink.report(place, format!("`{name}`: {}{example}", met.why));
            for entry in met.entries.iter().rev().skip(1) {
                finding.label(subject.part(*entry, "args"), "meets this");
            }
            finding.hint("write conditions that do not hold together");
        }
    }
}
