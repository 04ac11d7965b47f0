//! Conditions on sockets that 32-bit programs walk around.
//!
//! ## What it finds
//! Conditions on `socket` and its like in a profile that also filters X86 and lets `socketcall` through: there the call has a second
//! form that takes its arguments from memory.
//!
//! ## Why it matters
//! Where the rule is to keep a socket family out, a 32-bit program opens it all the same: a filter does not see what lies in memory.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
//!   "syscalls": [
//!     { "names": ["read", "socketcall"], "action": "SCMP_ACT_ALLOW" },
//!     {
//!       "names": ["socket"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [{ "index": 0, "value": 2, "op": "SCMP_CMP_EQ" }]
//!     }
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
//!     { "names": ["read"], "action": "SCMP_ACT_ALLOW" },
//!     {
//!       "names": ["socket"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [{ "index": 0, "value": 2, "op": "SCMP_CMP_EQ" }]
//!     }
//!   ]
//! }
//! ```
//!
//! ## References
//! - socketcall(2)
//! - moby#52506
//! - moby#52547

use super::super::prelude::*;
use super::each::{Met, each};

pub(crate) static RULE: Rule = Rule {
    code: "socketcall-bypass",
    family: Family::Arguments,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

/// Calls that `socketcall` stands for, whose arguments are worth a condition.
const MULTIPLEXED: [&str; 3] = ["socket", "socketpair", "setsockopt"];

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let door = profile.architectures.iter().find(|listed| listed.arch == Some(Arch::X86));
    let Some(door) = door else { return };
    let open = profile.rules.iter().filter(|rule| rule.action.action.permits());
    let open = open.flat_map(|rule| &rule.names).find(|name| name.text == "socketcall");
    let by_itself = profile.default.action.permits();
    if open.is_none() && !by_itself {
        return;
    }
    let compared = |met: &Met<'_>| MULTIPLEXED.contains(&met.name.text.as_str()).then_some(());
    for (met, ()) in each(subject, profile, compared) {
        let message = format!(
            "32-bit programs make `{}` through `socketcall`, which this does not hold for",
            met.name.text
        );
        let finding = sink.report(met.place(), message);
        finding.label(door.span.clone(), "32-bit programs are let in here");
        if let Some(open) = open {
            finding.label(open.span.clone(), "and this call there");
        }
        finding.hint("leave SCMP_ARCH_X86 out, if no 32-bit program runs there");
    }
}
