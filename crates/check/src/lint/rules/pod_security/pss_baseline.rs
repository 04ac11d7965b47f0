//! What the Baseline level refuses.
//!
//! ## What it finds
//! With `--pss baseline` or `restricted`: `Unconfined` on a pod or any of its containers, init and ephemeral ones too. Before Kubernetes 1.19 the
//! annotations count instead.
//!
//! ## Why it matters
//! A namespace with `pod-security.kubernetes.io/enforce` of that level refuses the pod.
//!
//! ## Example
//! ```yaml pss=baseline
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
//! ```yaml pss=baseline
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

use super::super::super::manifest::{Chosen, Object};
use super::super::super::pss::{FIELDS_SINCE, WINDOWS_SINCE};
use super::super::kubernetes::{ANNOTATION as POD, ANNOTATION_OF as CONTAINER};
use super::super::prelude::*;

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
        return annotations(object, sink);
    }
    if pod.is_windows() && standard.minor >= WINDOWS_SINCE {
        return;
    }
    let unconfined = |chosen: &Chosen<'_>| chosen.kind() == Some("Unconfined");
    if let Some(chosen) = pod.profile().filter(unconfined) {
        report(
            &format!(
                "pod must not set securityContext.seccompProfile.type to \"Unconfined\", which {standard} forbids"
            ),
            &chosen,
            sink,
        );
    }
    for container in &pod.containers {
        if let Some(chosen) = container.profile().filter(unconfined) {
            let who = format!("{} {}", container.role.name(), container.name);
            report(
                &format!("{who} must not set its type to \"Unconfined\", which {standard} forbids"),
                &chosen,
                sink,
            );
        }
    }
}

fn report(message: &str, chosen: &Chosen<'_>, sink: &mut Sink<'_>) {
    sink.report(chosen.place(), message).hint("write RuntimeDefault or Localhost, or leave it out");
}

/// Before there were fields: any value but these of annotations of the pod and its containers.
fn annotations(object: &Object<'_>, sink: &mut Sink<'_>) {
    for (key, value) in object.annotations() {
        let text = value.text().unwrap_or_default();
        let ours = key.name == POD || key.name.starts_with(CONTAINER);
        let allowed = matches!(text, "runtime/default" | "docker/default") || text.starts_with("localhost/");
        if ours && !allowed {
            let finding =
                sink.report(value.span.clone(), format!("annotation `{}` must not be `{text}`", key.name));
            finding.hint("write runtime/default or localhost/…");
        }
    }
}
