//! A seccomp profile for Windows.
//!
//! ## What it finds
//! A `seccompProfile` in a pod with `os.name: windows`.
//!
//! ## Why it matters
//! The API server refuses it.
//!
//! ## Example
//! ```yaml
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
//! spec:
//!   os: {name: windows}
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
//!   os: {name: windows}
//!   containers:
//!   - name: app
//!     image: web:1
//! ```
//!
//! ## References
//! - k8s.io/api, PodOS

use super::super::super::manifest::Object;
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "windows-profile",
    family: Family::Kubernetes,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Object(check),
};

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    if object.pod.as_ref().is_some_and(super::super::super::manifest::Pod::is_windows) {
        for chosen in super::chosen(object) {
            sink.report(
                chosen.key.span.clone(),
                "a pod for Windows with a seccomp profile: the API server refuses it",
            );
        }
    }
}
