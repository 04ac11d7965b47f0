//! A suppression of a rule that does not exist.
//!
//! ## What it finds
//! A code in a suppression or in `callgate.toml` that no rule has.
//!
//! ## Why it matters
//! It suppresses nothing. Codes are stable: it is misspelt, or of another linter.
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
//!     securityContext: {privileged: true} # callgate: ignore[priviliged-profile] the driver needs it
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
//! - `callgate rule`

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "unknown-rule",
    family: Family::Suppression,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Reported,
};
