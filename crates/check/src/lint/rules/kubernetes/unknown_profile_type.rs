//! A type of profile that does not exist.
//!
//! ## What it finds
//! A `type` other than `RuntimeDefault`, `Localhost` and `Unconfined`: `runtime/default`, as annotations had it, or in other case.
//!
//! ## Why it matters
//! The API server refuses the object.
//!
//! ## Example
//! ```yaml
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
//! spec:
//!   securityContext:
//!     seccompProfile:
//!       type: runtime/default
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
//!       type: RuntimeDefault
//!   containers:
//!   - name: app
//!     image: web:1
//! ```
//!
//! ## References
//! - kubernetes.io, Restrict a Container's Syscalls with seccomp

use callgate_core::suggest;

use super::super::super::manifest::Object;
use super::super::super::yaml_edit;
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "unknown-profile-type",
    family: Family::Kubernetes,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Object(check),
};

const TYPES: [&str; 3] = ["RuntimeDefault", "Localhost", "Unconfined"];

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    for chosen in super::chosen(object) {
        let Some(node) = chosen.node.get("type") else {
            let finding = sink.report(
                chosen.key.span.clone(),
                "`seccompProfile` without a `type`: the API server refuses it",
            );
            finding.hint("write type: RuntimeDefault");
            continue;
        };
        let name = node.text().unwrap_or_default();
        if TYPES.contains(&name) {
            continue;
        }
        let finding = sink.report(node.span.clone(), format!("there is no seccomp profile type `{name}`"));
        let same = TYPES.into_iter().find(|known| known.eq_ignore_ascii_case(name));
        let old = match name {
            "runtime/default" | "docker/default" | "default" => Some("RuntimeDefault"),
            "localhost" => Some("Localhost"),
            _ => None,
        };
        if let Some(meant) = same.or(old) {
            let edit = yaml_edit::replace(node, meant, object.yaml);
            finding.hint(format!("it is called `{meant}`")).safe_fix(format!("write {meant}"), vec![edit]);
        } else if let Some(near) = suggest::nearest(name, TYPES) {
            let edit = yaml_edit::replace(node, near, object.yaml);
            finding.hint(format!("did you mean `{near}`?")).unsafe_fix(format!("write {near}"), vec![edit]);
        } else {
            finding.hint("known: RuntimeDefault, Localhost, Unconfined");
        }
    }
}
