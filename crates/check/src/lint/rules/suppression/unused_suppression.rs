//! A suppression of nothing.
//!
//! ## What it finds
//! A `# callgate: ignore[…]` comment or an annotation `ignore.callgate.dev/…` below which the rule finds nothing.
//!
//! ## Why it matters
//! What it was for is mended, or it stands in the wrong place. It would hide the next finding of that kind.
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
//!     securityContext: {runAsNonRoot: true} # callgate: ignore[privileged-profile] the driver needs it
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
//!     securityContext: {runAsNonRoot: true}
//! ```
//!
//! ## References
//! - docs/ci.md

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "unused-suppression",
    family: Family::Suppression,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Reported,
};
