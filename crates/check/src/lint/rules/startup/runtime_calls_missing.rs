//! A profile under which no container starts.
//!
//! ## What it finds
//! What the container runtime itself calls after it loaded the filter, and the profile refuses: by runtime, version and no_new_privs. Where
//! `--runtime` names the runtime, this is an error; so it is where a manifest uses the profile (`container-cannot-start`).
//!
//! ## Why it matters
//! Runtimes load the filter before they are done: they change users, drop capabilities, open the file that starts the container, and
//! execute the program. A list made with strace has none of that. What fails is reported in words that do not mention seccomp.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["read", "write", "close", "exit_group"], "action": "SCMP_ACT_ALLOW" }
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
//! - opencontainers/runc#2097
//! - moby#22252
//! - kubernetes/website#45460
//! - `callgate explain PROFILE --runtime RUNTIME`
//! - `callgate generate --for RUNTIME` adds the calls

use super::super::prelude::*;
use super::calls::{ending, starts};
use crate::explain::start::Ending;

pub(crate) static RULE: Rule = Rule {
    code: "runtime-calls-missing",
    family: Family::Startup,
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let Some((runtimes, names)) = ending(starts(subject, profile), Ending::Fails) else { return };
    let lacks = super::super::some(&names.iter().copied().collect::<Vec<_>>());
    let message =
        format!("no container starts with it under {runtimes}, which make these calls themselves: {lacks}");
    let finding = sink.report(subject.top("syscalls").start..subject.top("syscalls").start + 1, message);
    if subject.is_targeted() {
        finding.severity(Severity::Error);
    }
    finding.hint("a profile for a program on the host needs none of it; for containers: callgate generate --for runc,crun");
    finding.unsafe_fix("allow what the runtimes need", super::super::allow(subject, profile, &names));
}
