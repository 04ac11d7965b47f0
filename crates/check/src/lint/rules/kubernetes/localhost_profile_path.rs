//! A path that is not looked for where it was meant.
//!
//! ## What it finds
//! A `localhostProfile` that is absolute, has `..` or backslashes in it, or begins with `localhost/`, `~` or the kubelet's folder.
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
use super::super::super::yaml_edit::{self, Added};
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "localhost-profile-path",
    family: Family::Kubernetes,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Object(check),
};

/// What people write in front of it, and what is meant for certain without.
const FRONT: [&str; 3] = ["/var/lib/kubelet/seccomp/", "var/lib/kubelet/seccomp/", "localhost/"];

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    for chosen in super::chosen(object).filter(|chosen| chosen.kind() == Some("Localhost")) {
        let Some((node, path)) = chosen.path() else { continue };
        let Some((what, then)) = wrong(path) else { continue };
        let finding = sink.report(node.span.clone(), format!("`{path}` {what}: {then}"));
        let certain = FRONT.iter().find_map(|front| path.strip_prefix(front));
        // The kubelet's root folder is another one on some nodes.
        let other = path.split_once("/kubelet/seccomp/").map(|(_, rest)| rest);
        // What is longer than a path can be is told in part.
        let fine = |rest: &&str| !rest.is_empty() && wrong(rest).is_none() && node.text() == Some(path);
        let write = |rest| {
            let edit = yaml_edit::replace(object.text, &node.span, &Added::Text(rest), object.yaml);
            edit.into_iter().collect()
        };
        match (certain.filter(fine), other.filter(fine)) {
            (Some(rest), _) => {
                finding.hint(format!("write `{rest}`")).safe_fix(format!("write {rest}"), write(rest))
            }
            (None, Some(rest)) => {
                finding.hint(format!("write `{rest}`")).unsafe_fix(format!("write {rest}"), write(rest))
            }
            (None, None) => finding.hint("write the path as it is below /var/lib/kubelet/seccomp"),
        };
    }
}

/// What is wrong with a path, and what comes of it.
fn wrong(path: &str) -> Option<(&'static str, &'static str)> {
    let refused = "the API server refuses it";
    let elsewhere = "it is looked for in a folder of that name below the kubelet's seccomp folder";
    if path.starts_with('/') {
        Some(("is absolute", refused))
    } else if path.split('/').any(|part| part == "..") {
        Some(("has `..` in it", refused))
    } else if path.starts_with("localhost/") {
        Some(("begins with `localhost/`, as annotations did", elsewhere))
    } else if path.starts_with("var/lib/kubelet/") {
        Some(("begins with the kubelet's own folder", elsewhere))
    } else if path.starts_with("~/") {
        Some(("begins with `~`, which is no home here", elsewhere))
    } else if path.contains('\\') {
        Some(("has backslashes in it", "nodes with seccomp take them for part of a name"))
    } else if path.trim() != path {
        Some(("begins or ends with space", "the space is part of the name that is looked for"))
    } else {
        None
    }
}
