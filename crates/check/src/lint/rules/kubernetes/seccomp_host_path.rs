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
    for volume in pod.volumes() {
        let Some(path) = volume.at(["hostPath", "path"]) else { continue };
        let name = volume.get("name").and_then(Node::text);
        for container in &pod.containers {
            let reaches = |mount: &&Node| {
                let own = mount.get("name").and_then(Node::text) == name;
                let read_only = mount.get("readOnly").and_then(Node::flag) == Some(true);
                own && !read_only && shown(path, mount).is_some()
            };
            let Some(mount) = container.mounts().iter().find(reaches) else { continue };
            let message = format!(
                "{}: can write {} of the node, where profiles of all its containers are",
                container.title(),
                short(&shown(path, mount).unwrap_or_default())
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

/// The folder of the node that a mount shows, where profiles are in it or below it.
fn shown(path: &Node, mount: &Node) -> Option<String> {
    let sub = mount.get("subPath").and_then(Node::text).unwrap_or_default();
    let parts = path.text()?.split('/').chain(sub.split('/'));
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    let whole = format!("/{}", parts.join("/"));
    (ABOVE.contains(&whole.as_str()) || super::is_seccomp_folder(&whole)).then_some(whole)
}
