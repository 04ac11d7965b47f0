//! A pod that can change the profiles of others.
//!
//! ## What it finds
//! A `hostPath` on the kubelet's seccomp folder, or above it, that a container mounts writable; what `subPath` leads elsewhere is not
//! meant. In a DaemonSet, which is how profiles are installed, it is a note.
//!
//! ## Why it matters
//! Whoever runs in that container decides what every later container of the node may do.
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
//!     volumeMounts:
//!     - {name: profiles, mountPath: /profiles}
//!   volumes:
//!   - name: profiles
//!     hostPath: {path: /var/lib/kubelet/seccomp}
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
//!   containers:
//!   - name: app
//!     image: web:1
//!     volumeMounts:
//!     - {name: profiles, mountPath: /profiles, readOnly: true}
//!   volumes:
//!   - name: profiles
//!     hostPath: {path: /var/lib/kubelet/seccomp}
//! ```
//!
//! ## References
//! - kubernetes/website#47967

use std::collections::BTreeSet;

use super::super::super::manifest::{Object, short};
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "seccomp-host-path",
    family: Family::Kubernetes,
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    check: Check::Object(check),
};

/// The kubelet's folder, and what is above it.
const ABOVE: [&str; 4] = ["/", "/var", "/var/lib", "/var/lib/kubelet"];

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    let Some(pod) = &object.pod else { return };
    let volumes = pod.volumes();
    for container in &pod.containers {
        let mut told = BTreeSet::new();
        for mount in container.mounts() {
            let name = mount.get("name").and_then(Node::text).unwrap_or_default();
            let path = volumes.get(name).and_then(|volume| volume.at(["hostPath", "path"]));
            let read_only = mount.get("readOnly").and_then(Node::flag) == Some(true);
            let Some((path, shown)) = path.filter(|_| !read_only).and_then(|path| shown(path, mount)) else {
                continue;
            };
            if !told.insert(name) {
                continue;
            }
            let message = format!(
                "{}: can write {} of the node, where profiles of all its containers are",
                container.title(),
                short(&shown)
            );
            let finding = sink.report(path.span.clone(), message);
            finding
                .label(mount.span.clone(), "mounted here")
                .hint("mount it with readOnly: true, unless it installs profiles");
            if object.kind == "DaemonSet" {
                finding.severity(Severity::Note);
            }
        }
    }
}

/// The folder of the node that a mount shows, where profiles are in it or below it, with where its path stands.
fn shown<'o>(path: &'o Node, mount: &Node) -> Option<(&'o Node, String)> {
    let sub = mount.get("subPath").and_then(Node::text).map(short).unwrap_or_default();
    let parts = short(path.text()?).split('/').chain(sub.split('/'));
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    let whole = format!("/{}", parts.join("/"));
    (ABOVE.contains(&whole.as_str()) || super::is_seccomp_folder(&whole)).then_some((path, whole))
}
