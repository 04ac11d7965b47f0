//! A profile that is no JSON.
//!
//! ## What it finds
//! A file that is named as a profile, or speaks of `SCMP_ACT_…`, and is not JSON: a trailing comma, a comment, a missing
//! brace, YAML.
//!
//! ## Why it matters
//! Every runtime refuses it, so the container does not start; where the kubelet is to read it, the pod stays in
//! `CreateContainerError`.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [{ "names": ["read"], "action": "SCMP_ACT_ALLOW" }],
//! }
//! ```
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
//! - RFC 8259

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "invalid-json",
    family: Family::Input,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Reported,
};
