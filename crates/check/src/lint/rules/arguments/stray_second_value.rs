//! A second value that no operator reads.
//!
//! ## What it finds
//! A `valueTwo` other than 0 beside an operator that is not SCMP_CMP_MASKED_EQ.
//!
//! ## Why it matters
//! It is read past. Where a range or a mask was meant, the operator is the wrong one.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     {
//!       "names": ["socket"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [{ "index": 0, "value": 2, "valueTwo": 10, "op": "SCMP_CMP_EQ" }]
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
//! - runtime-spec, config-linux.md, Seccomp

use callgate_core::set::Op;

use super::super::prelude::*;
use super::each::{Met, each};

pub(crate) static RULE: Rule = Rule {
    code: "stray-second-value",
    family: Family::Arguments,
    severity: Severity::Note,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let stray =
        |met: &Met<'_>| (met.condition.op != Op::MaskedEq && met.condition.value_two != 0).then_some(());
    for (met, ()) in each(subject, profile, stray) {
        let op = met.condition.op.oci();
        let finding = sink.report(met.part("valueTwo"), format!("{op} does not read `valueTwo`"));
        let edit = met.node().and_then(|node| remove_member(node, "valueTwo"));
        finding.safe_fix("take `valueTwo` out", edit.into_iter().collect());
    }
}
