//! A condition on an argument that the call does not have.
//!
//! ## What it finds
//! An `index` beyond the call's last argument.
//!
//! ## Why it matters
//! The register holds whatever the program left there: the rule holds by chance.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     {
//!       "names": ["close"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [{ "index": 1, "value": 0, "op": "SCMP_CMP_EQ" }]
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
//!       "names": ["close"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [{ "index": 0, "value": 0, "op": "SCMP_CMP_NE" }]
//!     }
//!   ]
//! }
//! ```
//!
//! ## References
//! - syscall(2)
//! - `callgate syscalls`

use callgate_core::args;

use super::super::prelude::*;
use super::each::{Met, each};

pub(crate) static RULE: Rule = Rule {
    code: "absent-argument",
    family: Family::Arguments,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let absent = |met: &Met<'_>| {
        let params = args::params_on(met.arch, &met.name.text)?;
        (usize::from(met.condition.index) >= params.len()).then_some(params.len())
    };
    for (met, count) in each(subject, profile, absent) {
        let has = match count {
            0 => "no arguments".to_owned(),
            1 => "one argument, with index 0".to_owned(),
            n => format!("{n} arguments, with indices 0 to {}", n - 1),
        };
        sink.report(
            met.part("index"),
            format!("`{}` has {has}: there is no argument {}", met.name.text, met.condition.index),
        );
    }
}
