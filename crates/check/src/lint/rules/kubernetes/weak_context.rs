//! A profile without what should stand beside it.
//!
//! ## What it finds
//! A container that may run as root, can write its own files, or keeps capabilities: no `runAsNonRoot: true` and no other user, no
//! `readOnlyRootFilesystem: true`, no `drop: [ALL]`.
//!
//! ## Why it matters
//! A profile says which calls can be made, not by whom and on what. Root with capabilities reaches through allowed calls what others
//! cannot; and runtimes' defaults allow more calls to containers with more capabilities.
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
//!     runAsNonRoot: true
//!   containers:
//!   - name: app
//!     image: web:1
//!     securityContext:
//!       allowPrivilegeEscalation: false
//!       readOnlyRootFilesystem: true
//!       capabilities: {drop: [ALL]}
//! ```
//!
//! ## References
//! - Pod Security Standards, Restricted

use callgate_core::profile::json::Value;

use super::super::super::manifest::Object;
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "weak-context",
    family: Family::Kubernetes,
    severity: Severity::Note,
    confidence: Confidence::Medium,
    check: Check::Object(check),
};

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    let Some(pod) = &object.pod else { return };
    if pod.is_windows() {
        return;
    }
    for container in &pod.containers {
        // Where there is no profile, that comes first.
        if pod.profile_of(container).is_none() || container.is_privileged() {
            continue;
        }
        // The container's own counts in place of the pod's.
        let says = |key: &str| {
            let context =
                |context: Option<&'_ Node>| context.and_then(|c| c.get(key)).map(|node| node.value.clone());
            context(container.security()).or_else(|| context(pod.security()))
        };
        let other_user = matches!(says("runAsUser"), Some(Value::Number(user)) if user != "0");
        let root = says("runAsNonRoot") != Some(Value::Bool(true)) && !other_user;
        let writable = container.setting("readOnlyRootFilesystem").and_then(Node::flag) != Some(true);
        let drop = container.setting("capabilities").and_then(|caps| caps.get("drop"));
        let kept = !drop
            .map_or(&[][..], Node::items)
            .iter()
            .any(|cap| cap.text().is_some_and(|c| c.eq_ignore_ascii_case("all")));
        let what = [
            (root, "runAsNonRoot: true"),
            (writable, "readOnlyRootFilesystem: true"),
            (kept, "capabilities: {drop: [ALL]}"),
        ];
        let missing: Vec<&str> = what.into_iter().filter(|(is, _)| *is).map(|(_, what)| what).collect();
        if !missing.is_empty() {
            let message =
                format!("{}: beside its profile it lacks {}", container.title(), missing.join(", "));
            sink.report(container.place(), message);
        }
    }
}
