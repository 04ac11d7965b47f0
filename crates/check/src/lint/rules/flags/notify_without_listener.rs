//! A question that nobody is there to answer.
//!
//! ## What it finds
//! SCMP_ACT_NOTIFY without `listenerPath`, as the default action, or for `write`.
//!
//! ## Why it matters
//! runc refuses the profile; under crun the container starts, and the calls fail with ENOSYS. `write` is how runc hands the listener
//! over.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ALLOW",
//!   "syscalls": [
//!     { "names": ["mount"], "action": "SCMP_ACT_NOTIFY" }
//!   ]
//! }
//! ```
//!
//! ## Better
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ALLOW",
//!   "listenerPath": "/run/agent.sock",
//!   "syscalls": [
//!     { "names": ["mount"], "action": "SCMP_ACT_NOTIFY" }
//!   ]
//! }
//! ```
//!
//! ## References
//! - runtime-spec, config-linux.md, Seccomp
//! - seccomp_unotify(2)

use callgate_core::profile::Rule as Entry;

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "notify-without-listener",
    family: Family::Flags,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let asks = |rule: &&Entry| rule.action.action == Action::Notify;
    let first = profile.rules.iter().position(|rule| asks(&rule));
    if profile.default.action == Action::Notify {
        let message = "SCMP_ACT_NOTIFY as the default asks about the calls that hand the listener over: no container starts";
        sink.report(subject.top("defaultAction"), message);
    } else if let Some(first) =
        first.filter(|_| profile.listener_path.as_deref().unwrap_or_default().is_empty())
    {
        let message = "SCMP_ACT_NOTIFY, and no `listenerPath`: runc refuses the profile, under crun the call fails with ENOSYS";
        sink.report(subject.part(first, "action"), message).hint("name the socket of the agent that answers");
    }
    let write =
        profile.rules.iter().filter(asks).flat_map(|rule| &rule.names).find(|name| name.text == "write");
    if let Some(name) = write {
        sink.report(name.span.clone(), "runc hands the listener over with `write`, which waits for it here");
    }
}
