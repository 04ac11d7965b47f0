//! A capability that opens calls in the runtime's default.
//!
//! ## What it finds
//! A capability that a container adds, and for which the runtime's default profile allows calls that it refuses otherwise. It is said of
//! containers with `RuntimeDefault`.
//!
//! ## Why it matters
//! `RuntimeDefault` is not one profile: with CAP_SYS_ADMIN it allows `mount`, `setns`, `unshare` and all flags of `clone`.
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
//!     securityContext:
//!       capabilities: {add: [SYS_ADMIN]}
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
//!     securityContext:
//!       capabilities: {add: [NET_BIND_SERVICE]}
//! ```
//!
//! ## References
//! - containerd/containerd, `contrib/seccomp/seccomp_default.go`
//! - `callgate default containerd --blocked`

use callgate_core::capability;

use super::super::super::manifest::Object;
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "capability-opens-calls",
    family: Family::Kubernetes,
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    check: Check::Object(check),
};

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    let Some(pod) = &object.pod else { return };
    for container in &pod.containers {
        if pod.profile_of(container).and_then(|c| c.kind().map(|kind| kind == "RuntimeDefault")) != Some(true)
        {
            continue;
        }
        let added = container.setting("capabilities").and_then(|caps| caps.get("add"));
        for node in added.map_or(&[][..], Node::items) {
            let name = node.text().unwrap_or_default();
            let Some(opened) = OPENED.iter().find(|(cap, _)| capability::find(name) == Some(*cap)) else {
                continue;
            };
            let message = format!(
                "{} {}: with {} the runtime's default allows {}",
                container.role.name(),
                container.name,
                opened.0,
                opened.1
            );
            sink.report(node.span.clone(), message).hint("a profile of its own says what of that it needs");
        }
    }
}

/// What containerd's and Docker's defaults allow with a capability (`callgate default docker --blocked` lists all of it).
const OPENED: [(&str, &str); 6] = [
    ("CAP_SYS_ADMIN", "mount, unshare, setns, bpf, perf_event_open and all namespaces"),
    ("CAP_SYS_MODULE", "loading kernel modules"),
    ("CAP_SYS_BOOT", "reboot"),
    ("CAP_BPF", "bpf"),
    ("CAP_PERFMON", "perf_event_open"),
    ("CAP_SYS_RAWIO", "iopl and ioperm"),
];
