//! A manifest that is no YAML.
//!
//! ## What it finds
//! A document that cannot be read as YAML. The documents after it are looked at all the same.
//!
//! ## Why it matters
//! Nothing in it is applied, and nothing in it is checked. A Helm template is no YAML before it is rendered: lint what
//! `helm template` prints.
//!
//! ## Example
//! ```yaml
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web
//! spec:
//!   containers: []
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
//!   containers: []
//! ```
//!
//! ## References
//! - YAML 1.2.2

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "invalid-yaml",
    family: Family::Input,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Reported,
};
