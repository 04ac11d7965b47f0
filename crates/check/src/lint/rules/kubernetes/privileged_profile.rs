//! A privileged container, whose profile is not applied.
//!
//! ## What it finds
//! `privileged: true` on a container. With a profile of its own or its pod's it is an error, without one a warning.
//!
//! ## Why it matters
//! Runtimes load no filter for privileged containers, whatever the profile says, and nothing says so: not the API server, not the Pod
//! Security Standards.
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
//!   containers:
//!   - name: app
//!     image: web:1
//!     securityContext:
//!       privileged: true
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
//!     securityContext:
//!       allowPrivilegeEscalation: false
//! ```
//!
//! ## References
//! - cri-api, `api.proto`, SecurityContext
//! - CRI-O: `privileged_seccomp_profile`

use super::super::super::manifest::Object;
use super::super::super::yaml_edit::{self, Added};
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "privileged-profile",
    family: Family::Kubernetes,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Object(check),
};

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    let Some(pod) = &object.pod else { return };
    for container in pod.containers.iter().filter(|container| container.is_privileged()) {
        let Some(node) = container.setting("privileged") else { continue };
        let chosen = pod.profile_of(container).filter(|chosen| chosen.kind() != Some("Unconfined"));
        let who = container.title();
        let finding = if let Some(chosen) = chosen {
            let message = format!("{who}: privileged, so its seccomp profile is not applied");
            let finding = sink.report(node.span.clone(), message);
            finding.label(chosen.place(), "this one")
        } else {
            let message = format!("{who}: privileged, so no seccomp filter is loaded");
            sink.report(node.span.clone(), message).severity(Severity::Warning)
        };
        finding.hint("name the capabilities it needs, in place of `privileged`, and a profile");
        let edit = yaml_edit::replace(object.text, &node.span, &Added::Flag(false), object.yaml);
        finding.unsafe_fix("take the privilege away", edit.into_iter().collect());
    }
}
