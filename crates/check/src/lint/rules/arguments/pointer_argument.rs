//! A condition on an address.
//!
//! ## What it finds
//! A condition on an argument that is a pointer: a path, a buffer, a structure. In `openat` the path is argument 1 and the flags are
//! argument 2.
//!
//! ## Why it matters
//! A filter sees the address, not what lies there. Addresses differ from run to run: the rule holds by chance, or never.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     {
//!       "names": ["openat"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [{ "index": 1, "value": 2, "op": "SCMP_CMP_MASKED_EQ" }]
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
//!       "names": ["openat"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [{ "index": 2, "value": 3, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ" }]
//!     }
//!   ]
//! }
//! ```
//!
//! ## References
//! - seccomp(2), NOTES
//! - `callgate syscalls`

use callgate_core::args;
use callgate_core::set::Op;

use super::super::prelude::*;
use super::each::{Met, each};

pub(crate) static RULE: Rule = Rule {
    code: "pointer-argument",
    family: Family::Arguments,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let address = |met: &Met<'_>| met.param().filter(|param| param.is_pointer());
    for (met, param) in each(subject, profile, address) {
        // NULL is an address that can be asked for.
        let null = met.condition.value == 0 && matches!(met.condition.op, Op::Eq | Op::Ne);
        let message = format!(
            "argument {} of `{}` is an address ({}): a filter cannot see what lies there",
            met.condition.index, met.name.text, param.name
        );
        let finding = sink.report(met.part("index"), message);
        if null {
            finding.severity(Severity::Note);
        }
        let all = args::params_on(met.arch, &met.name.text).unwrap_or_default().iter().enumerate();
        let others: Vec<String> =
            all.filter(|(_, p)| !p.is_pointer()).map(|(at, p)| format!("{at} is {}", p.name)).collect();
        if !others.is_empty() {
            finding.hint(format!("arguments that can be compared: {}", others.join(", ")));
        }
    }
}
