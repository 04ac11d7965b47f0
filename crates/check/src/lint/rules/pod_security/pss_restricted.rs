//! What the Restricted level asks for, and is not there.
//!
//! ## What it finds
//! With `--pss restricted`: a container for which neither it nor its pod sets `RuntimeDefault` or `Localhost`. From Kubernetes 1.19 on; pods for
//! Windows are let off from 1.25 on.
//!
//! ## Why it matters
//! A namespace with `pod-security.kubernetes.io/enforce: restricted` refuses the pod. Only the part about seccomp is held against it here.
//!
//! ## Example
//! ```yaml pss=restricted
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
//! ```yaml pss=restricted
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

use std::ops::Range;

use super::super::super::manifest::{Chosen, Object};
use super::super::super::pss::{FIELDS_SINCE, Level, WINDOWS_SINCE};
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "pss-restricted",
    family: Family::PodSecurity,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Object(check),
};

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    let (Some(standard), Some(pod)) = (sink.options.pss, &object.pod) else { return };
    let asks = standard.level == Level::Restricted && standard.minor >= FIELDS_SINCE;
    if !asks || (pod.is_windows() && standard.minor >= WINDOWS_SINCE) {
        return;
    }
    let fine = |chosen: Chosen<'_>| matches!(chosen.kind(), Some("RuntimeDefault" | "Localhost"));
    let pod_is_fine = pod.profile().is_some_and(fine);
    // A pod that says something else is refused, whatever its containers say.
    if let Some(chosen) = pod.profile().filter(|chosen| !fine(*chosen)) {
        report("pod", chosen.place(), sink);
    }
    for container in &pod.containers {
        let who = format!("{} {}", container.role.name(), container.name);
        match container.profile() {
            Some(own) if !fine(own) => report(&who, own.place(), sink),
            None if !pod_is_fine => report(&format!("pod or {who}"), container.place(), sink),
            _ => {}
        }
    }
}

fn report(who: &str, place: Range<usize>, sink: &mut Sink<'_>) {
    let message =
        format!("{who} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"");
    sink.report(place, message);
}
