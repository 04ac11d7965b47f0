//! A suppression whose day has passed.
//!
//! ## What it finds
//! A suppression with `until=` a day that is over, or with what is no day.
//!
//! ## Why it matters
//! It suppresses nothing any more: it was to be looked at again by that day.
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
//!     securityContext: {privileged: true} # callgate: ignore[privileged-profile] the driver needs it until=2020-01-31
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
//!     securityContext: {privileged: true} # callgate: ignore[privileged-profile] the driver needs it until=9999-12-31
//! ```
//!
//! ## References
//! - docs/ci.md

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "expired-suppression",
    family: Family::Suppression,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Reported,
};
