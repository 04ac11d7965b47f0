//! A capability that opens calls in the runtime's default.
//!
//! ## What it finds
//! A capability that a container adds, `ALL` too, and for which containerd's and Docker's default profiles allow dangerous calls that
//! they refuse otherwise. It is said of containers with `RuntimeDefault`.
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

use super::super::super::manifest::{Object, short};
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "capability-opens-calls",
    family: Family::Kubernetes,
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    check: Check::Object(check),
};

/// What containerd's and Docker's defaults allow with a capability, as far as it is dangerous; `callgate default containerd --blocked`
/// lists all of it.
const OPENED: [(&str, &[&str]); 8] = [
    ("CAP_SYS_ADMIN", &["mount", "setns", "unshare", "clone3", "bpf", "perf_event_open"]),
    ("CAP_SYS_MODULE", &["init_module", "finit_module"]),
    ("CAP_SYS_PTRACE", &["pidfd_getfd", "process_madvise"]),
    ("CAP_SYS_RAWIO", &["iopl", "ioperm"]),
    ("CAP_DAC_READ_SEARCH", &["open_by_handle_at"]),
    ("CAP_BPF", &["bpf"]),
    ("CAP_PERFMON", &["perf_event_open"]),
    ("CAP_SYS_BOOT", &["reboot"]),
];

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    let Some(pod) = &object.pod else { return };
    for container in &pod.containers {
        let kind = pod.profile_of(container).and_then(|chosen| chosen.kind());
        if kind != Some("RuntimeDefault") || container.is_privileged() {
            continue;
        }
        for node in container.added_caps() {
            let name = node.text().map(short).unwrap_or_default();
            let cap = capability::find(name);
            let all = name.eq_ignore_ascii_case("all");
            let opened = OPENED.iter().filter(|(own, _)| all || cap == Some(*own));
            let mut calls: Vec<&str> = opened.flat_map(|(_, calls)| calls.iter().copied()).collect();
            if calls.is_empty() {
                continue;
            }
            calls.dedup();
            let calls = super::super::some(&calls);
            let message = format!("{}: with {name} the runtime's default allows {calls}", container.title());
            let finding = sink.report(node.span.clone(), message);
            finding.hint("a profile of its own, type Localhost, allows of that only what it needs");
        }
    }
}

#[cfg(test)]
mod tests {
    use callgate_core::baseline::{Kernel, named};

    use super::*;
    use crate::blocked;

    #[test]
    fn the_defaults_allow_with_a_capability_what_is_said_and_refuse_it_without() {
        for name in ["containerd", "docker"] {
            let edition = named(name).expect("it is there");
            let machine = edition.baseline.machine(Arch::X86_64, Kernel::new(6, 1));
            let refused = blocked(&edition, &machine);
            for (cap, calls) in OPENED {
                for call in calls {
                    let found = refused.iter().find(|refused| refused.call == *call);
                    assert!(
                        found.is_some_and(|f| f.wholly && f.opened_by.contains(&cap)),
                        "{name} {cap} {call}"
                    );
                }
            }
        }
    }
}
