//! A profile beside a type that has none.
//!
//! ## What it finds
//! `localhostProfile` beside a type other than `Localhost`.
//!
//! ## Why it matters
//! The API server refuses it.
//!
//! ## Example
//! ```yaml
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
//! spec:
//!   securityContext:
//!     seccompProfile:
//!       type: RuntimeDefault
//!       localhostProfile: profiles/web.json
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
//!       localhostProfile: profiles/web.json
//!   containers:
//!   - name: app
//!     image: web:1
//! ```
//!
//! ## References
//! - kubernetes.io, Restrict a Container's Syscalls with seccomp

use callgate_core::profile::json::Value;

use super::super::super::manifest::Object;
use super::super::super::yaml_edit;
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "stray-localhost-profile",
    family: Family::Kubernetes,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Object(check),
};

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    for chosen in super::chosen(object) {
        let Some((key, value)) = chosen.node.member("localhostProfile") else { continue };
        if value.value == Value::Null {
            continue;
        }
        let Some(kind) = chosen.kind().filter(|kind| matches!(*kind, "RuntimeDefault" | "Unconfined")) else {
            continue;
        };
        let message = format!(
            "`localhostProfile` goes with type Localhost only; this is {kind}: the API server refuses it"
        );
        let finding = sink.report(key.span.start..value.span.end, message);
        finding.label(chosen.place(), "the type");
        let edit = yaml_edit::remove(object.text, chosen.node, "localhostProfile");
        finding.unsafe_fix("take the path out", edit.into_iter().collect());
    }
}
