//! A condition that every call fulfils.
//!
//! ## What it finds
//! A comparison that holds for every value: at least 0, at most the largest number.
//!
//! ## Why it matters
//! The rule is about the call whatever its arguments; what the condition was to keep out goes through.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     {
//!       "names": ["personality"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [{ "index": 0, "value": 0, "op": "SCMP_CMP_GE" }]
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
//!       "names": ["personality"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [{ "index": 0, "value": 0, "op": "SCMP_CMP_EQ" }]
//!     }
//!   ]
//! }
//! ```
//!
//! ## References
//! - runtime-spec, config-linux.md, Seccomp

use callgate_core::set::{ArgSet, Op};

use super::super::prelude::*;
use super::each::{Met, each};

pub(crate) static RULE: Rule = Rule {
    code: "condition-always-holds",
    family: Family::Arguments,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let always = |met: &Met<'_>| {
        let c = met.condition;
        let empty_mask = c.op == Op::MaskedEq;
        let sets = ArgSet::from_op(c.op, c.value, c.value_two);
        (!empty_mask && matches!(sets.as_slice(), [only] if only.is_any())).then_some(())
    };
    for (met, ()) in each(subject, profile, always) {
        let finding = sink
            .report(met.place(), format!("this holds for every value of argument {}", met.condition.index));
        finding.hint("leave the condition out, if the call is meant whatever its arguments");
    }
}
