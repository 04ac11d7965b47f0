//! What the Baseline level refuses.
//!
//! ## What it finds
//! With `--pss baseline` or `restricted`: `Unconfined`, or anything else but `RuntimeDefault` and `Localhost`, on a pod or any of its
//! containers, init and ephemeral ones too. Before Kubernetes 1.19 annotations count instead: those of the pod, not of what makes it.
//!
//! ## Why it matters
//! A namespace with `pod-security.kubernetes.io/enforce` of that level refuses the pod.
//!
//! ## Example
//! ```yaml (pss=baseline)
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
//! spec:
//!   securityContext:
//!     seccompProfile:
//!       type: Unconfined
//!   containers:
//!   - name: app
//!     image: web:1
//! ```
//!
//! ## Better
//! ```yaml (pss=baseline)
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
//! spec:
//!   containers:
//!   - name: app
//!     image: web:1
//! ```
//!
//! ## References
//! - pod-security-admission, `policy/check_seccompProfile_baseline.go`

use super::super::super::manifest::{Chosen, Object, Pod};
use super::super::super::pss::{FIELDS_SINCE, Level, Standard};
use super::super::kubernetes::{ANNOTATION as POD, ANNOTATION_OF as CONTAINER};
use super::super::prelude::*;
use super::{Said, sees_fields};

pub(crate) static RULE: Rule = Rule {
    code: "pss-baseline",
    family: Family::PodSecurity,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Object(check),
};

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    let (Some(standard), Some(pod)) = (sink.options.pss, &object.pod) else { return };
    if standard.minor < FIELDS_SINCE {
        return annotations(pod, standard, sink);
    }
    if !sees_fields(standard, pod) {
        return;
    }
    if let Said::Bad(chosen) = Said::of(pod.profile()) {
        field("pod", &chosen, standard, sink);
    }
    for container in &pod.containers {
        if let Said::Bad(chosen) = Said::of(container.profile()) {
            field(&format!("{} {}", container.role.name(), container.name), &chosen, standard, sink);
        }
    }
}

fn field(who: &str, chosen: &Chosen<'_>, standard: Standard, sink: &mut Sink<'_>) {
    let kind = chosen.kind().unwrap_or_default();
    let what = format!("{who} must not set securityContext.seccompProfile.type to \"{kind}\"");
    let hint = match standard.level {
        Level::Baseline => "write RuntimeDefault or Localhost, or leave seccompProfile out",
        Level::Restricted => "write RuntimeDefault or Localhost",
    };
    sink.report(chosen.place(), format!("{what}: {standard} refuses the pod")).hint(hint);
}

/// Before there were fields: annotations of the pod, for itself and for containers that it has.
fn annotations(pod: &Pod<'_>, standard: Standard, sink: &mut Sink<'_>) {
    let all = pod.metadata.and_then(|metadata| metadata.get("annotations")).map_or(&[][..], Node::members);
    for (key, value) in all {
        let is_container = |name| pod.containers.iter().any(|container| container.name == name);
        let ours = key.name == POD || key.name.strip_prefix(CONTAINER).is_some_and(is_container);
        let text = value.text().unwrap_or_default();
        let allowed = matches!(text, "runtime/default" | "docker/default") || text.starts_with("localhost/");
        if ours && !allowed {
            let message =
                format!("annotation `{}` must not be \"{text}\": {standard} refuses the pod", key.name);
            let hint = "write runtime/default or localhost/PATH, or leave it out";
            sink.report(value.span.clone(), message).hint(hint);
        }
    }
}
