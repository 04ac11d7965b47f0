//! A seccomp profile for Windows.
//!
//! ## What it finds
//! A `seccompProfile` in a pod with `os.name: windows`.
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
//!   os: {name: windows}
//!   securityContext:
//!     seccompProfile:
//!       type: RuntimeDefault
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
//!   os: {name: windows}
//!   containers:
//!   - name: app
//!     image: web:1
//! ```
//!
//! ## References
//! - k8s.io/api, PodOS

use callgate_core::profile::json::Value;

use super::super::super::manifest::Object;
use super::super::super::yaml_edit;
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "windows-profile",
    family: Family::Kubernetes,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Object(check),
};

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    let Some(pod) = object.pod.as_ref().filter(|pod| pod.is_windows()) else { return };
    for holder in std::iter::once(pod.spec).chain(pod.containers.iter().map(|container| container.node)) {
        let Some((key, node)) =
            holder.get("securityContext").and_then(|context| context.member("seccompProfile"))
        else {
            continue;
        };
        if node.value != Value::Null {
            let message = "a pod for Windows with a seccomp profile: the API server refuses it";
            let edit = yaml_edit::remove_from(object.text, holder, "securityContext", "seccompProfile");
            let finding = sink.report(key.span.clone(), message).hint("Windows has no seccomp: take it out");
            finding.unsafe_fix("take it out", edit.into_iter().collect());
        }
    }
}
