//! A mask of no bits.
//!
//! ## What it finds
//! SCMP_CMP_MASKED_EQ with `value` 0. The mask stands in `value`, what it is compared with in `valueTwo`.
//!
//! ## Why it matters
//! Without bits to compare, the condition holds for every value: the rule is about the call whatever its arguments.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     {
//!       "names": ["socket"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [{ "index": 0, "value": 0, "valueTwo": 2, "op": "SCMP_CMP_MASKED_EQ" }]
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
//!       "names": ["socket"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [{ "index": 0, "value": 2, "op": "SCMP_CMP_EQ" }]
//!     }
//!   ]
//! }
//! ```
//!
//! ## References
//! - seccomp_rule_add(3), SCMP_CMP_MASKED_EQ

use callgate_core::set::Op;

use super::super::prelude::*;
use super::each::{Met, each};

pub(crate) static RULE: Rule = Rule {
    code: "empty-mask",
    family: Family::Arguments,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let empty = |met: &Met<'_>| (met.condition.op == Op::MaskedEq && met.condition.value == 0).then_some(());
    for (met, ()) in each(subject, profile, empty) {
        let finding = sink.report(met.part("value"), "the mask is 0: the condition holds for every value");
        finding.hint("the mask stands in `value`, what it is compared with in `valueTwo`");
    }
}
