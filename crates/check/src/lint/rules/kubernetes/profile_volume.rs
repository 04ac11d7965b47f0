//! Profiles mounted into the pod that is to use them.
//!
//! ## What it finds
//! A ConfigMap, Secret or other volume of the pod's own, mounted where the kubelet keeps profiles.
//!
//! ## Why it matters
//! The runtime reads the profile on the node, before the container and its mounts exist. A file in the container is never looked at: the
//! pod stays in `CreateContainerError`, unless the node has such a file by chance.
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
//!       localhostProfile: profiles/web.json
//!   containers:
//!   - name: app
//!     image: web:1
//!     volumeMounts:
//!     - name: profiles
//!       mountPath: /var/lib/kubelet/seccomp/profiles
//!   volumes:
//!   - name: profiles
//!     configMap: {name: seccomp-profiles}
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
//! - kubernetes/enhancements#1269
//! - docs/ci.md

use super::super::super::manifest::Object;
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "profile-volume",
    family: Family::Kubernetes,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Object(check),
};

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    let Some(pod) = &object.pod else { return };
    let volumes = pod.spec.get("volumes").map_or(&[][..], Node::items);
    for container in &pod.containers {
        for mount in container.node.get("volumeMounts").map_or(&[][..], Node::items) {
            let text = |key: &str| mount.get(key).and_then(Node::text);
            let Some(path) = text("mountPath").filter(|path| super::is_seccomp_folder(path)) else {
                continue;
            };
            let of = |volume: &&Node| volume.get("name").and_then(Node::text) == text("name");
            let volume = volumes.iter().find(of);
            // A node's own folder is something else: that is how profiles get there.
            if volume.is_some_and(|volume| volume.get("hostPath").is_some()) {
                continue;
            }
            let place = mount.get("mountPath").map_or(mount.span.clone(), |node| node.span.clone());
            let message = format!(
                "{} {}: a volume at {path} is in the container, and runtimes read profiles on the node",
                container.role.name(),
                container.name
            );
            let finding = sink.report(place, message);
            if let Some(volume) = volume {
                finding.label(volume.span.clone(), "the volume");
            }
            finding.hint("put the file onto the nodes: by their configuration, a DaemonSet, or the Security Profiles Operator");
        }
    }
}
