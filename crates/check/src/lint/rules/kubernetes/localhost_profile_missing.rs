//! Localhost without a profile.
//!
//! ## What it finds
//! `type: Localhost` without `localhostProfile`, or with an empty one.
//!
//! ## Why it matters
//! The API server refuses it. Kubelets before 1.24.14, 1.25.10, 1.26.5 and 1.27.2 ran a container with an empty one unconfined
//! (CVE-2023-2431).
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
//!       type: Localhost
//!       localhostProfile: profiles/web.json
//!   containers:
//!   - name: app
//!     image: web:1
//! ```
//!
//! ## References
//! - k8s#118690

use super::super::super::manifest::Object;
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "localhost-profile-missing",
    family: Family::Kubernetes,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Object(check),
};

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    for chosen in super::chosen(object).filter(|chosen| chosen.kind() == Some("Localhost")) {
        if chosen.path().is_none_or(|(_, path)| path.trim().is_empty()) {
            let message = "`Localhost` without a `localhostProfile`: the API server refuses it";
            sink.report(chosen.place(), message)
                .hint("name the file, relative to the kubelet's seccomp folder");
        }
    }
}
