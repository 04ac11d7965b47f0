//! A mask that takes the access mode for bits.
//!
//! ## What it finds
//! A mask over one of the two lowest bits of the flags of `open` and `openat`, to let files be opened for reading only.
//!
//! ## Why it matters
//! O_RDONLY, O_WRONLY and O_RDWR are 0, 1 and 2: a mode of two bits, not a bit each. A mask of 2 lets O_WRONLY through, with O_CREAT
//! and O_TRUNC. Nor does the mode say all: O_RDONLY with O_TRUNC empties a file.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     {
//!       "names": ["openat"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [{ "index": 2, "value": 2, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ" }]
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
//!       "args": [{ "index": 2, "value": 579, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ" }]
//!     }
//!   ]
//! }
//! ```
//!
//! ## References
//! - open(2), File access mode

use callgate_core::set::Op;

use super::super::prelude::*;
use super::each::{Met, each};

pub(crate) static RULE: Rule = Rule {
    code: "access-mode-bit",
    family: Family::Arguments,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

/// Where the flags of a call stand.
const FLAGS: [(&str, u8); 2] = [("open", 1), ("openat", 2)];
/// O_ACCMODE of every architecture here.
const MODE: u64 = 3;

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let part = |met: &Met<'_>| {
        let c = met.condition;
        let flags = FLAGS.contains(&(met.name.text.as_str(), c.index)) && c.op == Op::MaskedEq;
        (flags && matches!(c.value & MODE, 1 | 2)).then_some(())
    };
    for (met, ()) in each(subject, profile, part) {
        let message = format!(
            "the access mode of `{}` has two bits, and the mask compares one: other modes go through",
            met.name.text
        );
        let finding = sink.report(met.part("value"), message);
        finding.hint("to let files be read only: mask 579 (O_ACCMODE, O_CREAT and O_TRUNC), valueTwo 0");
    }
}
