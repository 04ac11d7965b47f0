//! Conditions that no call fulfils.
//!
//! ## What it finds
//! A rule whose conditions no arguments fulfil together: less than 0, more than the largest number.
//!
//! ## Why it matters
//! The rule is about nothing: what it was to allow stays refused.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     {
//!       "names": ["personality"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [{ "index": 0, "value": 0, "op": "SCMP_CMP_LT" }]
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
    code: "condition-never-holds",
    family: Family::Arguments,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    // Two conditions on one argument have a rule of their own.
    let never = |met: &Met<'_>| {
        let c = met.condition;
        let sets = ArgSet::from_op(c.op, c.value, c.value_two);
        sets.iter().all(ArgSet::is_empty).then_some(())
    };
    for (met, ()) in each(subject, profile, never) {
        let c = met.condition;
        sink.report(
            met.place(),
            format!("no value is {} {}: the rule holds for no call", words(c.op), c.value),
        );
    }
}

fn words(op: Op) -> &'static str {
    match op {
        Op::Lt => "less than",
        Op::Le => "at most",
        Op::Gt => "more than",
        Op::Ge => "at least",
        Op::Ne => "other than",
        Op::Eq | Op::MaskedEq => "equal to",
    }
}
