//! A container that does not have its pod's profile.
//!
//! ## What it finds
//! A container with a `seccompProfile` of its own in a pod that has another one.
//!
//! ## Why it matters
//! The container's replaces the pod's, it does not add to it: a container with `RuntimeDefault` in a pod with a tight profile has the
//! runtime's default only. `kubectl debug` containers have the pod's.
//!
//! ## Example
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
//!     securityContext:
//!       seccompProfile:
//!         type: RuntimeDefault
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
//!     securityContext:
//!       allowPrivilegeEscalation: false
//! ```
//!
//! ## References
//! - kubelet, `kuberuntime/helpers.go`, getSeccompProfile

use super::super::super::manifest::{Chosen, Object};
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "container-overrides-pod",
    family: Family::Kubernetes,
    severity: Severity::Note,
    confidence: Confidence::Medium,
    check: Check::Object(check),
};

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    let Some(pod) = &object.pod else { return };
    let Some(whole) = pod.profile() else { return };
    let same = |a: &Chosen<'_>, b: &Chosen<'_>| {
        a.kind() == b.kind() && a.path().map(|p| p.1) == b.path().map(|p| p.1)
    };
    for container in &pod.containers {
        // Unconfined has a rule of its own.
        let own = container.profile().filter(|own| !same(own, &whole) && own.kind() != Some("Unconfined"));
        let Some(own) = own else { continue };
        let message = format!(
            "{}: its own profile replaces the pod's, which counts for nothing here",
            container.title()
        );
        sink.report(own.place(), message).label(whole.place(), "the pod's");
    }
}
