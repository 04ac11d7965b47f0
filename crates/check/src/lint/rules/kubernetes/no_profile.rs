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

use super::super::super::manifest::{Container, Object};
use super::super::super::yaml_edit::Added;
use super::super::prelude::*;
use super::alpha_annotation::{CONTAINER, POD};
use super::misplaced_profile::misspelt;

pub(crate) static RULE: Rule = Rule {
    code: "no-profile",
    family: Family::Kubernetes,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Object(check),
};

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    let Some(pod) = object.pod.as_ref().filter(|pod| !pod.is_windows()) else { return };
    // What is privileged has no filter, whatever is said.
    let without =
        |container: &&Container<'_>| pod.profile_of(container).is_none() && !container.is_privileged();
    let of_pod = pod.containers.iter().all(|container| without(&container));
    let whole = || (object.title(), object.place(), pod.spec);
    let each = pod.containers.iter().filter(without);
    let places: Vec<_> = match of_pod {
        true if pod.containers.is_empty() => return,
        true => vec![whole()],
        false => each.map(|own| (own.title(), own.place(), own.node)).collect(),
    };
    for (who, place, holder) in places {
        let message =
            format!("{who}: no seccomp profile, so it runs unconfined unless its node says otherwise");
        let finding = sink.report(place, message).hint("seccompProfile: {type: RuntimeDefault} suits most");
        // The default in place of what was meant would be taken for it from then on.
        if is_meant_elsewhere(object) {
            continue;
        }
        let profile = Added::Mapping(&[("type", Added::Text("RuntimeDefault"))]);
        let edit = super::give(object, holder, "seccompProfile", profile);
        finding.unsafe_fix("give it the runtime's default", edit.into_iter().collect());
    }
}

/// Whether another profile is named where nobody reads it: in an annotation, or beside a security context.
fn is_meant_elsewhere(object: &Object<'_>) -> bool {
    let annotated = object.annotations().any(|(key, _)| key.name == POD || key.name.starts_with(CONTAINER));
    annotated || is_misplaced(object.node, false)
}

/// Whether a `seccompProfile` stands anywhere but in a security context, or one of the two is misspelt.
fn is_misplaced(node: &Node, in_context: bool) -> bool {
    let key = |name: &str| {
        (name == "seccompProfile" && !in_context)
            || (name == "seccomp" && in_context)
            || (name.len() > "seccomp".len()
                && (misspelt(name, "seccompProfile") || misspelt(name, "securityContext")))
    };
    let mut members = node.members().iter();
    members.any(|(own, value)| key(&own.name) || is_misplaced(value, own.name == "securityContext"))
        || node.items().iter().any(|item| is_misplaced(item, false))
}
