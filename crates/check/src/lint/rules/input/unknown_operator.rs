//! An operator that does not exist.
//!
//! ## What it finds
//! An `op` that is none of the `SCMP_CMP_…` names.
//!
//! ## Why it matters
//! Runtimes refuse the profile.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     {
//!       "names": ["socket"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [{ "index": 0, "value": 2, "op": "SCMP_CMP_EQUAL" }]
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
use super::word::{Word, report};

pub(crate) static RULE: Rule = Rule {
    code: "unknown-operator",
    family: Family::Input,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Tree(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let known = Op::ALL.map(|(_, name)| name);
    let word = Word { what: "operator", prefix: "SCMP_CMP_", known: &known };
    let conditions = subject.rules().iter().filter_map(|rule| rule.get("args")).flat_map(Node::items);
    conditions.filter_map(|c| c.get("op")).for_each(|node| report(subject, node, &word, sink));
}
