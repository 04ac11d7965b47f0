//! A container that does not start with its profile.
//!
//! ## What it finds
//! A container whose `localhostProfile` is among the files, and refuses what the runtime itself calls: judged for this container, with its
//! `allowPrivilegeEscalation`, its capabilities and its architecture.
//!
//! ## Why it matters
//! The pod stays in `CreateContainerError` or crashes at once. Without `allowPrivilegeEscalation: false` runtimes load the filter
//! earlier, and need more calls.
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
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["read", "write", "close", "exit_group"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## Better
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
//!   "defaultAction": "SCMP_ACT_ALLOW",
//!   "syscalls": [
//!     { "names": ["mount"], "action": "SCMP_ACT_ERRNO" }
//!   ]
//! }
//! ```
//!
//! ## References
//! - opencontainers/runc#2097
//! - k8s#84623
//! - `callgate generate --for RUNTIME` adds the calls

use super::super::super::usage::{Judged, WHO};
use super::super::prelude::*;
use super::calls::starts;
use crate::explain::start::{Ending, Start, lacking};

pub(crate) static RULE: Rule = Rule {
    code: "container-cannot-start",
    family: Family::Startup,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Use(check),
};

fn check(judged: &Judged<'_>, sink: &mut Sink<'_>) {
    let Some(profile) = judged.subject.profile() else {
        let message =
            format!("{WHO}: {} is no profile, and the container does not start with it", judged.file);
        sink.report(judged.usage.span.clone(), message);
        return;
    };
    for (_, resolved) in judged.subject.resolved() {
        if let Err(refusal) = resolved {
            let message = format!("{WHO}: {} refuses {}: {}", refusal.by, judged.file, refusal.message);
            sink.report(judged.usage.span.clone(), message);
        }
    }
    let starts = starts(&judged.subject, profile);
    let failing: Vec<&Start> = starts.iter().filter(|start| start.ending == Ending::Fails).collect();
    if failing.is_empty() {
        return;
    }
    let runtimes = failing.iter().map(|start| start.runtime.as_str()).collect::<Vec<_>>().join(" and ");
    let names: Vec<&str> = lacking(failing.iter().copied()).into_iter().collect();
    let file = judged.file;
    let message = format!(
        "{WHO}: does not start with {file} under {runtimes}: it lacks {}",
        super::super::some(&names)
    );
    let finding = sink.report(judged.usage.span.clone(), message);
    finding.hint(if judged.usage.no_new_privs {
        "add the calls: callgate generate --for runc,crun, or lint --unsafe-fixes the profile"
    } else {
        "with allowPrivilegeEscalation: false it needs fewer calls; callgate generate --for runc,crun adds them"
    });
}
