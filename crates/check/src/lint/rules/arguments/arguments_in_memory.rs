//! A condition on a call whose arguments lie in memory.
//!
//! ## What it finds
//! Conditions on `clone3`, `openat2`, `socketcall` or `ipc`, which take a structure or an array: a filter sees its address or its
//! size.
//!
//! ## Why it matters
//! What the condition is to keep out goes through. Such calls can only be allowed or refused whole; refused with ENOSYS, libc uses
//! the older call, whose arguments a filter does see.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     {
//!       "names": ["clone3"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [{ "index": 0, "value": 268435456, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ" }]
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
//!       "names": ["clone"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [{ "index": 0, "value": 268435456, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ" }]
//!     },
//!     { "names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38 }
//!   ]
//! }
//! ```
//!
//! ## References
//! - clone(2), clone3
//! - moby#42681

use super::super::prelude::*;
use super::each::{Met, each};

pub(crate) static RULE: Rule = Rule {
    code: "arguments-in-memory",
    family: Family::Arguments,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

/// Calls that take a structure or an array, and what a filter can see of it.
const IN_MEMORY: [(&str, &str, &str); 4] = [
    ("clone3", "flags", "clone"),
    ("openat2", "flags", "openat"),
    ("socketcall", "socket family", "socket"),
    ("ipc", "arguments", "the call itself"),
];

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let in_memory = |met: &Met<'_>| {
        let found = IN_MEMORY.iter().find(|(call, ..)| *call == met.name.text)?;
        // Which call it stands for is a number, in argument 0 of the two that multiplex.
        let selects = matches!(found.0, "socketcall" | "ipc") && met.condition.index == 0;
        (!selects).then_some(*found)
    };
    for (met, (call, what, older)) in each(subject, profile, in_memory) {
        let message = format!("the {what} of `{call}` lie in memory: no filter can compare them");
        let finding = sink.report(met.place(), message);
        finding
            .hint(format!("refuse `{call}` with errno 38 (ENOSYS), and compare the arguments of `{older}`"));
    }
}
