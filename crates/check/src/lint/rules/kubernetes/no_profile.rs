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
        let profile = Added::Mapping(&[("type", Added::Text("RuntimeDefault"))]);
        let edit = super::give(object, holder, "seccompProfile", profile);
        finding.unsafe_fix("give it the runtime's default", edit.into_iter().collect());
    }
}
