//! A path that is not looked for where it was meant.
//!
//! ## What it finds
//! A `localhostProfile` that is absolute, has `..` in it, or begins with `localhost/` or the kubelet's folder.
//!
//! ## Why it matters
//! The path is relative to `seccomp` below the kubelet's root folder. Absolute ones and those with `..` the API server refuses; the others are
//! looked for in a folder of that name, and the pod stays in `CreateContainerError`.
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
//!       localhostProfile: /var/lib/kubelet/seccomp/profiles/web.json
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
//! - k8s#88755
//! - DataDog/helm-charts#774
//! - kubernetes.io, Restrict a Container's Syscalls with seccomp

use super::super::super::manifest::Object;
use super::super::super::yaml_edit;
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "localhost-profile-path",
    family: Family::Kubernetes,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Object(check),
};

/// What people write in front; the kubelet's folder differs, and `seccomp` does not.
const FRONT: [&str; 4] = ["/var/lib/kubelet/seccomp/", "var/lib/kubelet/seccomp/", "localhost/", "seccomp/"];

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    for chosen in super::chosen(object) {
        let Some((node, path)) = chosen.path() else { continue };
        let parts: Vec<&str> = path.split('/').collect();
        let inside = path.split_once("/seccomp/").map(|(_, rest)| rest).filter(|_| path.starts_with('/'));
        let front = FRONT.iter().find_map(|front| path.strip_prefix(front)).or(inside);
        let what = if path.starts_with('/') {
            "is absolute"
        } else if parts.contains(&"..") {
            "has `..` in it"
        } else if path.starts_with("localhost/") {
            "begins with `localhost/`, as annotations did"
        } else if path.starts_with("var/lib/kubelet/") {
            "begins with the kubelet's own folder"
        } else if path.contains('\\') || path.starts_with('~') || path.trim() != path {
            "is no path that a kubelet finds"
        } else {
            continue;
        };
        let message = format!("`{path}` {what}: it is looked for below the kubelet's seccomp folder");
        let finding = sink.report(node.span.clone(), message);
        let meant = front.filter(|rest| !rest.is_empty() && !rest.starts_with('/') && !rest.contains(".."));
        match meant {
            Some(meant) => {
                let edit = yaml_edit::replace(node, meant, object.yaml);
                finding.hint(format!("write `{meant}`")).safe_fix(format!("write {meant}"), vec![edit])
            }
            None => finding.hint("write the path as it is below /var/lib/kubelet/seccomp"),
        };
    }
}
