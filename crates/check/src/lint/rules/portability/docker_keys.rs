//! Keys that only Docker, Podman and CRI-O read.
//!
//! ## What it finds
//! `archMap`, `includes`, `excludes`, `name`, `errno` in a profile. Where `--loader` names one that reads past them, this is an error; so it
//! is where a manifest uses the profile under containerd (`docker-keys-on-node`).
//!
//! ## Why it matters
//! containerd and runtimes drop such keys without a word. A rule that is to hold with CAP_SYS_ADMIN holds for everybody: Docker's own
//! default, used this way, allows `mount`, `bpf` and user namespaces.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
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
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["read"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## References
//! - moby/profiles, `seccomp/seccomp_linux.go`
//! - containerd/containerd, `contrib/seccomp/seccomp.go`
//! - `callgate expand PROFILE --loader docker`

use std::collections::BTreeSet;

use super::super::prelude::*;
use crate::target::{Loader, Target};

pub(crate) static RULE: Rule = Rule {
    code: "docker-keys",
    family: Family::Portability,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Tree(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let keys: Vec<_> = subject.docker_keys().collect();
    let Some((first, _)) = keys.first() else { return };
    let names: BTreeSet<&str> = keys.iter().map(|(_, name)| *name).collect();
    let names = names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let reads_past = |target: &Target| matches!(target.loader, Loader::Containerd | Loader::Oci);
    if subject.is_targeted() && !subject.targets().iter().any(reads_past) {
        return;
    }
    let message = format!(
        "{names}: only Docker, Podman and CRI-O read this; to containerd and runtimes every such rule holds always"
    );
    let finding = sink.report(first.clone(), message);
    if subject.is_targeted() {
        finding.severity(Severity::Error);
    }
    for (other, _) in keys.iter().skip(1).take(3) {
        finding.label(other.clone(), "and here");
    }
    finding
        .hint("callgate expand PROFILE --loader docker writes what Docker makes of it, for everybody else");
}
