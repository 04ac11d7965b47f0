//! A profile of Docker's form that containerd will read.
//!
//! ## What it finds
//! A container whose `localhostProfile` has keys that only Docker, Podman and CRI-O read. containerd is assumed where `--loader` does not
//! name another.
//!
//! ## Why it matters
//! containerd reads past them: rules that hold for some capabilities or architectures hold for every container.
//!
//! ## Example
//! ```yaml (file=pod.yaml)
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
//! spec:
//!   containers:
//!   - name: app
//!     image: web:1
//!     securityContext:
//!       allowPrivilegeEscalation: false
//!       seccompProfile: {type: Localhost, localhostProfile: web.json}
//! ```
//!
//! ```json (file=web.json)
//! {
//!   "defaultAction": "SCMP_ACT_LOG",
//!   "syscalls": [
//!     { "names": ["read"], "action": "SCMP_ACT_ALLOW" },
//!     {
//!       "names": ["bpf"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "includes": { "caps": ["CAP_BPF"] }
//!     }
//!   ]
//! }
//! ```
//!
//! ## Better
//! ```yaml (file=pod.yaml loader=cri-o)
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
//! spec:
//!   containers:
//!   - name: app
//!     image: web:1
//!     securityContext:
//!       allowPrivilegeEscalation: false
//!       seccompProfile: {type: Localhost, localhostProfile: web.json}
//! ```
//!
//! ```json (file=web.json)
//! {
//!   "defaultAction": "SCMP_ACT_LOG",
//!   "syscalls": [
//!     { "names": ["read"], "action": "SCMP_ACT_ALLOW" },
//!     {
//!       "names": ["bpf"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "includes": { "caps": ["CAP_BPF"] }
//!     }
//!   ]
//! }
//! ```
//!
//! ## References
//! - containerd/containerd, `contrib/seccomp/seccomp.go`

use std::collections::BTreeSet;

use super::super::super::usage::{Judged, WHO};
use super::super::prelude::*;
use crate::target::{Loader, Target};

pub(crate) static RULE: Rule = Rule {
    code: "docker-keys-on-node",
    family: Family::Portability,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Use(check),
};

fn check(judged: &Judged<'_>, sink: &mut Sink<'_>) {
    let reads_past = |target: &Target| target.loader == Loader::Containerd;
    if !judged.subject.targets().iter().any(reads_past) {
        return;
    }
    let names: BTreeSet<&str> = judged.subject.docker_keys().map(|(_, name)| name).collect();
    if names.is_empty() {
        return;
    }
    let names = names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let message = format!(
        "{WHO}: containerd reads past {names} of {}: such rules hold for every container",
        judged.file
    );
    let finding = sink.report(judged.usage.span.clone(), message);
    finding.hint(
        "put on the nodes what `callgate expand PROFILE --loader docker` writes; under CRI-O: --loader cri-o",
    );
}
