//! A value with bits that its mask leaves out.
//!
//! ## What it finds
//! SCMP_CMP_MASKED_EQ with bits in `valueTwo` that `value`, the mask, does not have.
//!
//! ## Why it matters
//! libseccomp compares with the bits of the mask only: those outside are not asked for. Often the two values stand the wrong way
//! round.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     {
//!       "names": ["mmap"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [{ "index": 2, "value": 2, "valueTwo": 6, "op": "SCMP_CMP_MASKED_EQ" }]
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
//!       "names": ["mmap"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [{ "index": 2, "value": 6, "valueTwo": 2, "op": "SCMP_CMP_MASKED_EQ" }]
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
    code: "bits-outside-mask",
    family: Family::Arguments,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let outside = |met: &Met<'_>| {
        let c = met.condition;
        (c.op == Op::MaskedEq && c.value != 0 && c.value_two & !c.value != 0)
            .then_some(c.value_two & !c.value)
    };
    for (met, bits) in each(subject, profile, outside) {
        let message = format!(
            "the bits {bits:#x} of `valueTwo` are not in the mask {:#x}: they are not asked for",
            met.condition.value
        );
        let finding = sink.report(met.part("valueTwo"), message);
        finding.hint("the mask stands in `value`, what it is compared with in `valueTwo`");
    }
}
