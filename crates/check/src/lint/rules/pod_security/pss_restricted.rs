//! What the Restricted level asks for, and is not there.
//!
//! ## What it finds
//! With `--pss restricted`: containers for which neither they nor their pod set a profile. From Kubernetes 1.19 on; pods for Windows are let
//! off from 1.25 on. What sets another type than `RuntimeDefault` and `Localhost` is `pss-baseline`'s, at this level too.
//!
//! ## Why it matters
//! A namespace with `pod-security.kubernetes.io/enforce: restricted` refuses the pod. Only the part about seccomp is held against it here.
//!
//! ## Example
//! ```yaml (pss=restricted)
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
//! ```yaml (pss=restricted)
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
//! - pod-security-admission, `policy/check_seccompProfile_restricted.go`

use super::super::super::manifest::Object;
use super::super::super::pss::Level;
use super::super::prelude::*;
use super::{Said, sees_fields};

pub(crate) static RULE: Rule = Rule {
    code: "pss-restricted",
    family: Family::PodSecurity,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Object(check),
};

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    let (Some(standard), Some(pod)) = (sink.options.pss, &object.pod) else { return };
    if standard.level != Level::Restricted || !sees_fields(standard, pod) {
        return;
    }
    // Where the pod sets another type, it is that which has to change, and pss-baseline says so.
    let Said::Nothing = Said::of(pod.profile()) else { return };
    let unset = |said| matches!(said, Said::Nothing);
    let without: Vec<_> = pod.containers.iter().filter(|c| unset(Said::of(c.profile()))).collect();
    let ends = format!("must set securityContext.seccompProfile.type: {standard} refuses the pod");
    let hint = "write RuntimeDefault, or Localhost with a path; the pod's counts for all its containers";
    if without.len() == pod.containers.len() && !without.is_empty() {
        let message = format!("{}: the pod or each of its containers {ends}", object.title());
        sink.report(object.place(), message).hint(hint);
        return;
    }
    for container in without {
        let who = format!("{} {}", container.role.name(), container.name);
        sink.report(container.place(), format!("pod or {who} {ends}")).hint(hint);
    }
}
