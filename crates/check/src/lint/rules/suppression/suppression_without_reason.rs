//! A suppression without a code or a reason.
//!
//! ## What it finds
//! A suppression that does not say which rule it is about, or why; and a comment that is nearly one: `# callgate:ignore[…]`.
//!
//! ## Why it matters
//! It suppresses nothing. Whoever reads it next has to know whether it still holds.
//!
//! ## Example
//! ```yaml
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
//! spec:
//!   securityContext:
//!     seccompProfile: {type: RuntimeDefault}
//!   containers:
//!   - name: app
//!     image: web:1
//!     securityContext: {privileged: true} # callgate: ignore[privileged-profile]
//! ```
//!
//! ## Better
//! ```yaml
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
//! spec:
//!   securityContext:
//!     seccompProfile: {type: RuntimeDefault}
//!   containers:
//!   - name: app
//!     image: web:1
//!     securityContext: {privileged: true} # callgate: ignore[privileged-profile] the driver needs it
//! ```
//!
//! ## References
//! - docs/ci.md

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "suppression-without-reason",
    family: Family::Suppression,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Reported,
};
