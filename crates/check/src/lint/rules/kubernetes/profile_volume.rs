//! Profiles mounted into the pod that is to use them.
//!
//! ## What it finds
//! A ConfigMap, Secret or other volume of the pod's own, mounted where the kubelet keeps profiles; a ConfigMap or Secret mounted on the
//! kubelet's folder itself.
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

use super::super::super::manifest::{Object, short};
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "profile-volume",
    family: Family::Kubernetes,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Object(check),
};

/// What nothing of a kubelet's own is in.
const FILES: [&str; 3] = ["configMap", "secret", "projected"];

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    let Some(pod) = &object.pod else { return };
    let volumes = pod.volumes();
    for container in &pod.containers {
        for mount in container.mounts() {
            let text = |key: &str| mount.get(key).and_then(Node::text);
            let volume = text("name").and_then(|name| volumes.get(name));
            let is = |kind: &&str| volume.is_some_and(|volume| volume.get(kind).is_some());
            let Some(place) = mount.get("mountPath") else { continue };
            let path = place.text().map(short).unwrap_or_default();
            let root = path.trim_end_matches('/').ends_with("/lib/kubelet") && FILES.iter().any(is);
            // A node's own folder is something else: that is how profiles get there.
            if !(super::is_seccomp_folder(path) || root) || is(&"hostPath") {
                continue;
            }
            let message = format!(
                "{}: a volume at {path} is in the container, and runtimes read profiles on the node",
                container.title()
            );
            let finding = sink.report(place.span.clone(), message);
            if let Some(volume) = volume {
                finding.label(volume.span.clone(), "the volume");
            }
            finding.hint("put the file onto the nodes: by their configuration, a DaemonSet, or the Security Profiles Operator");
        }
    }
}
