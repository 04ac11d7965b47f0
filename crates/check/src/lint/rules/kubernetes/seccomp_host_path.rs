//! A pod that can change the profiles of others.
//!
//! ## What it finds
//! A `hostPath` on the kubelet's seccomp folder, or above it, that a container mounts writable. In a DaemonSet, which is how profiles are
//! installed, it is a note.
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

use super::super::super::manifest::Object;
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
    for volume in pod.spec.get("volumes").map_or(&[][..], Node::items) {
        let Some(path) = volume.at(["hostPath", "path"]) else { continue };
        let trimmed = path.text().unwrap_or_default().trim_end_matches('/');
        let trimmed = if trimmed.is_empty() { "/" } else { trimmed };
        if !ABOVE.contains(&trimmed) && !super::is_seccomp_folder(trimmed) {
            continue;
        }
        let name = volume.get("name").and_then(Node::text);
        for container in &pod.containers {
            let mounts = container.node.get("volumeMounts").map_or(&[][..], Node::items).iter();
            let writable = |mount: &&Node| {
                mount.get("name").and_then(Node::text) == name
                    && mount.get("readOnly").and_then(Node::flag) != Some(true)
            };
            let Some(mount) = mounts.clone().find(writable) else { continue };
            let message = format!(
                "{} {}: can write {trimmed} of the node, where profiles of all its containers are",
                container.role.name(),
                container.name
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
