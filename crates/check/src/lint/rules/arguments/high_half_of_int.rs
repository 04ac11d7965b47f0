//! A comparison with more bits than the argument has.
//!
//! ## What it finds
//! A value above 32 bits, as of -1, for an argument that is an int; or an order of unsigned numbers for one that may be negative.
//!
//! ## Why it matters
//! The kernel takes 32 bits of the register and a filter compares all 64. What the upper half holds, the program decides: the call
//! is made, and the condition does not hold.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     {
//!       "names": ["socket"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [{ "index": 0, "value": 18446744073709551615, "op": "SCMP_CMP_NE" }]
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
//!       "args": [{ "index": 0, "value": 38, "op": "SCMP_CMP_NE" }]
//!     }
//!   ]
//! }
//! ```
//!
//! ## References
//! - seccomp(2), NOTES
//! - syscall(2)

use callgate_core::set::Op;

use super::super::prelude::*;
use super::each::{Met, each};

pub(crate) static RULE: Rule = Rule {
    code: "high-half-of-int",
    family: Family::Arguments,
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let high = |met: &Met<'_>| {
        let c = met.condition;
        let int = met.param().filter(|param| param.bits == 32)?;
        let wide = |value: u64| value > u64::from(u32::MAX);
        // A mask of all lower bits is how 32 bits are compared in so many words.
        (wide(c.value) || (c.op == Op::MaskedEq && wide(c.value_two))).then_some(int)
    };
    for (met, param) in each(subject, profile, high) {
        let message = format!(
            "`{}` of `{}` has 32 bits, and this compares 64: what the upper ones hold, the program decides",
            param.name, met.name.text
        );
        let finding = sink.report(met.part("value"), message);
        let low = met.condition.value & 0xffff_ffff;
        finding.hint(format!("compare 32 bits: SCMP_CMP_MASKED_EQ with value 4294967295 and valueTwo {low}"));
    }
}
