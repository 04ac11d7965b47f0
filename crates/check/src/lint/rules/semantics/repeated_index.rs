//! Two conditions on one argument in one rule.
//!
//! ## What it finds
//! An `index` that stands twice in one rule's `args`, as in a range: at least 5 and at most 9.
//!
//! ## Why it matters
//! Conditions of a rule are to hold together. But where an index stands twice, runc, crun and others make one rule of each
//! condition, so that any of them is enough: the range holds for every value.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     {
//!       "names": ["personality"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [
//!         { "index": 0, "value": 5, "op": "SCMP_CMP_GE" },
//!         { "index": 0, "value": 9, "op": "SCMP_CMP_LE" }
//!       ]
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
//!       "args": [{ "index": 0, "value": 8, "op": "SCMP_CMP_EQ" }]
//!     }
//!   ]
//! }
//! ```
//!
//! ## References
//! - opencontainers/runc, `libcontainer/seccomp/seccomp_linux.go`, matchCall
//! - containers/crun 0.12.2

use callgate_core::profile::Condition;
use callgate_core::set::{ArgBox, Region};

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "repeated-index",
    family: Family::Semantics,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    for (index, rule) in profile.rules.iter().enumerate() {
        let mut first = [None; 6];
        let mut told = false;
        for (at, condition) in rule.conditions.iter().enumerate() {
            let slot = &mut first[usize::from(condition.index).min(5)];
            match *slot {
                Some(before) if !told => {
                    told = true;
                    let all = if holds_always(&rule.conditions) {
                        ": together they hold for every value"
                    } else {
                        ""
                    };
                    let message = format!(
                        "argument {} has two conditions: runtimes take the rule where any one condition of it holds{all}",
                        condition.index
                    );
                    let finding = sink.report(subject.condition(index, at), message);
                    finding.label(subject.condition(index, before), "the other one");
                    finding.hint("say it with one condition for each argument; a range needs rules for what is below and above it");
                }
                Some(_) => {}
                None => *slot = Some(at),
            }
        }
    }
}

/// So many conditions of a rule are united; of more it is not said that they hold for every value.
const MAX_UNITED: usize = 64;

/// Whether any of the conditions holds for whatever arguments.
fn holds_always(conditions: &[Condition]) -> bool {
    if conditions.len() > MAX_UNITED {
        return false;
    }
    let boxes = conditions
        .iter()
        .flat_map(|c| ArgBox::from_conditions(&[(usize::from(c.index), c.op, c.value, c.value_two)]));
    boxes.fold(Region::none(), |all, one| all.union(&Region::from(one))).is_all()
}
