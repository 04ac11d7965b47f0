//! Calls that no filter sees.
//!
//! ## What it finds
//! `io_uring_setup`, `io_uring_enter` or `io_uring_register` allowed.
//!
//! ## Why it matters
//! Operations of a ring are done by the kernel and are no system calls: files are opened, sockets connected and data sent that the profile
//! refuses. Runtimes' defaults have refused it since 2023.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["io_uring_setup", "io_uring_enter"], "action": "SCMP_ACT_ALLOW" }
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
//! - moby#46762
//! - containerd#9320
//! - io_uring(7)

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "io-uring-bypass",
    family: Family::Danger,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(_: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let rules = profile.rules.iter().filter(|rule| rule.action.action.permits() && rule.extra.is_empty());
    let names = rules.flat_map(|rule| &rule.names);
    for name in names.filter(|name| name.text == "io_uring_setup") {
        let message =
            "`io_uring_setup` is allowed: what a ring does is no system call, and no filter sees it";
        sink.report(name.span.clone(), message)
            .hint("refuse it with errno 38 (ENOSYS): programs then do without");
    }
}
