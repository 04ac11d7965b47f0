//! A profile that begins with a byte order mark.
//!
//! ## What it finds
//! The three bytes EF BB BF at the beginning of a profile. Editors of Windows write them.
//!
//! ## Why it matters
//! Decoders of JSON take them for garbage: runtimes refuse the profile.
//!
//! ## Example
//! A file that begins with U+FEFF.
//!
//! ## Better
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [{ "names": ["read"], "action": "SCMP_ACT_ALLOW" }]
//! }
//! ```
//!
//! ## References
//! - RFC 8259, section 8.1

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "byte-order-mark",
    family: Family::Input,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Reported,
};
