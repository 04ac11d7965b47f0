//! A container that nobody gave a profile.
//!
//! ## What it finds
//! Neither the container nor its pod has a `seccompProfile`.
//!
//! ## Why it matters
//! It runs unconfined, unless the kubelet of its node was told to use the runtime's default (`seccompDefault`), which it is not by
//! default.
//!
//! ## Example
//! ```yaml
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
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
//!       type: RuntimeDefault
//!   containers:
//!   - name: app
//!     image: web:1
//! ```
//!
//! ## References
//! - KEP-2413
//! - kubernetes.io, Restrict a Container's Syscalls with seccomp

use super::super::super::manifest::Object;
use super::super::super::yaml_edit::{self, Added};
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "no-profile",
    family: Family::Kubernetes,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Object(check),
};

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    let Some(pod) = &object.pod else { return };
    if pod.is_windows() || pod.containers.is_empty() {
        return;
    }
    let without = || pod.containers.iter().filter(|c| pod.profile_of(c).is_none() && !c.is_privileged());
    let names: Vec<&str> = without().map(|container| container.name).collect();
    let Some(first) = without().next() else { return };
    let all = names.len() == pod.containers.len();
    let who = if all { object.title() } else { format!("{} {}", first.role.name(), names.join(", ")) };
    let message = format!("{who}: no seccomp profile, so it runs unconfined unless its node says otherwise");
    let place = if all { object.place() } else { first.place() };
    let finding = sink.report(place, message).hint("seccompProfile: {type: RuntimeDefault} suits most");
    let edit = match pod.security() {
        Some(context) if context.get("seccompProfile").is_some() => None,
        Some(context) => yaml_edit::add(
            object.text,
            context,
            "seccompProfile",
            &Added::Mapping("type", "RuntimeDefault"),
            object.yaml,
        ),
        None => yaml_edit::add(
            object.text,
            pod.spec,
            "securityContext",
            &Added::Profile("RuntimeDefault"),
            object.yaml,
        ),
    };
    finding.unsafe_fix("give the pod the runtime's default", edit.into_iter().collect());
}
