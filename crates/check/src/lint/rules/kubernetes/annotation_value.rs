//! A value that a seccomp annotation never had.
//!
//! ## What it finds
//! A value other than `unconfined`, `runtime/default`, `docker/default` and `localhost/…` in one of the old annotations: `audit`, `complain`,
//! `log`.
//!
//! ## Why it matters
//! Kubernetes has no such modes: if the fields say nothing, the pod runs unconfined. To log calls and refuse none takes a profile with `defaultAction`
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

use super::super::super::manifest::{Object, short};
use super::super::prelude::*;
use super::alpha_annotation::{CONTAINER, POD, Said};

pub(crate) static RULE: Rule = Rule {
    code: "annotation-value",
    family: Family::Kubernetes,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Object(check),
};

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    let already = Said::of(object);
    for (key, value) in object.annotations() {
        let container = key.name.strip_prefix(CONTAINER);
        if key.name != POD && container.is_none() {
            continue;
        }
        let text = value.text().unwrap_or_default();
        let path = text.strip_prefix("localhost/").is_some_and(|path| !path.is_empty());
        if path || matches!(text, "unconfined" | "runtime/default" | "docker/default") {
            continue;
        }
        let then = match container {
            _ if already.has(container) => String::new(),
            Some(name) => format!(": container {} runs unconfined", short(name)),
            None => ": the pod runs unconfined".to_owned(),
        };
        let message = format!("`{}` is no value of this annotation, and never was{then}", short(text));
        let finding = sink.report(value.span.clone(), message);
        if matches!(text, "audit" | "complain" | "log") {
            finding.hint("for a stage that only logs: `callgate stage PROFILE audit`, and type Localhost with that profile");
        } else {
            finding.hint("say it in securityContext.seccompProfile: RuntimeDefault, Localhost or Unconfined");
        }
    }
}
