//! A profile under which nothing more can be executed in a container.
//!
//! ## What it finds
//! Containers start, but what the runtime calls to execute one more program in them is refused.
//!
//! ## Why it matters
//! `kubectl exec`, exec probes and lifecycle hooks run under the container's filter: probes fail, and the pod is restarted again and
//! again.
//!
//! ## Example
//! ```json (nnp=true runtime=crun@1.21)
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["close", "close_range", "execve"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## Better
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ALLOW",
//!   "syscalls": [
//!     { "names": ["mount"], "action": "SCMP_ACT_ERRNO" }
//!   ]
//! }
//! ```
//!
//! ## References
//! - k8s#110460
//! - `callgate explain PROFILE --runtime RUNTIME`

use super::super::prelude::*;
use super::calls::{ending, starts};
use crate::explain::start::Ending;

pub(crate) static RULE: Rule = Rule {
    code: "exec-calls-missing",
    family: Family::Startup,
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let Some((runtimes, names)) = ending(starts(subject, profile), Ending::StartsOnly) else { return };
    let lacks = super::super::some(&names.iter().copied().collect::<Vec<_>>());
    let message = format!("containers start under {runtimes}, but exec and exec probes fail: {lacks}");
    let start = subject.top("syscalls").start;
    let finding = sink.report(start..start + 1, message);
    finding.unsafe_fix("allow what exec needs", super::super::allow(subject, profile, &names));
}
