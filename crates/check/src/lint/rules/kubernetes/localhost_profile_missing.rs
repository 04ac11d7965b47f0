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

use callgate_core::profile::json::Key;

use super::super::super::manifest::Object;
use super::super::prelude::*;
use super::misplaced_profile::misspelt;

pub(crate) static RULE: Rule = Rule {
    code: "localhost-profile-missing",
    family: Family::Kubernetes,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Object(check),
};

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    for chosen in super::chosen(object).filter(|chosen| chosen.kind() == Some("Localhost")) {
        // A key that was meant for it is told of where keys are.
        let near = |(key, _): &(Key, Node)| misspelt(&key.name, "localhostProfile");
        if chosen.path().is_none_or(|(_, path)| path.is_empty()) && !chosen.node.members().iter().any(near) {
            let message = "`Localhost` without a `localhostProfile`: the API server refuses it";
            let place = chosen.node.get("localhostProfile").map_or(chosen.place(), |node| node.span.clone());
            let place = if place.is_empty() { chosen.place() } else { place };
            sink.report(place, message).hint("name the file, relative to the kubelet's seccomp folder");
        }
    }
}
