//! A value that a seccomp annotation never had.
//!
//! ## What it finds
//! A value other than `unconfined`, `runtime/default`, `docker/default` and `localhost/…` in one of the old annotations: `audit`, `complain`,
//! `log`.
//!
//! ## Why it matters
//! Kubernetes has no such modes. The pod runs unconfined. To log calls and refuse none takes a profile with `defaultAction`
//! SCMP_ACT_LOG, and type `Localhost`.
//!
//! ## Example
//! ```yaml
//! apiVersion: v1
//! kind: Pod
//! metadata:
//!   name: web
//!   annotations:
//!     seccomp.security.alpha.kubernetes.io/pod: audit
//! spec:
//!   containers:
//!   - name: app
//!     image: web:1
//! ```
//!
//! ## Better
//! ```yaml
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
//! spec:
//!   securityContext:
//!     seccompProfile:
//!       type: Localhost
//!       localhostProfile: stages/web.audit.json
//!   containers:
//!   - name: app
//!     image: web:1
//! ```
//!
//! ## References
//! - KEP-135
//! - `callgate stage PROFILE audit`

use super::super::super::manifest::Object;
use super::super::prelude::*;
use super::alpha_annotation::{CONTAINER, POD};

pub(crate) static RULE: Rule = Rule {
    code: "annotation-value",
    family: Family::Kubernetes,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Object(check),
};

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    for (key, value) in object.annotations() {
        if key.name != POD && !key.name.starts_with(CONTAINER) {
            continue;
        }
        let text = value.text().unwrap_or_default();
        if matches!(text, "unconfined" | "runtime/default" | "docker/default")
            || text.starts_with("localhost/")
        {
            continue;
        }
        let message =
            format!("`{text}` is no value of this annotation, and never was: the pod runs unconfined");
        let finding = sink.report(value.span.clone(), message);
        if matches!(text, "audit" | "complain" | "log") {
            finding.hint("for a stage that only logs: `callgate stage PROFILE audit`, and type Localhost with that profile");
        }
    }
}
