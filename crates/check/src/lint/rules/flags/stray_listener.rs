//! A listener that is asked nothing.
//!
//! ## What it finds
//! `listenerPath` or SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV without a rule that notifies; `listenerMetadata` without a path.
//!
//! ## Why it matters
//! It has no effect, or keeps the profile from being taken: the runtime-spec forbids the one, and the kernel refuses the other.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "listenerPath": "/run/agent.sock",
//!   "syscalls": [
//!     { "names": ["read"], "action": "SCMP_ACT_ALLOW" }
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
//! - runtime-spec, config-linux.md, Seccomp

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "stray-listener",
    family: Family::Flags,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let asks = profile.default.action == Action::Notify
        || profile.rules.iter().any(|r| r.action.action == Action::Notify);
    let path = profile.listener_path.as_deref().unwrap_or_default();
    let mut report = |key: &str, message: &str| {
        let Some((name, value)) = subject.node.member(key) else { return };
        let finding = sink.report(name.span.start..value.span.end, message);
        finding
            .unsafe_fix(format!("take `{key}` out"), remove_member(subject.node, key).into_iter().collect());
    };
    if !asks && !path.is_empty() {
        report("listenerPath", "no rule asks a listener");
    }
    if path.is_empty() && profile.listener_metadata.as_deref().is_some_and(|data| !data.is_empty()) {
        report("listenerMetadata", "`listenerMetadata` without `listenerPath`: nobody is told");
    }
    let waits = |node: &&Node| node.text() == Some("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV");
    let flag = subject.node.get("flags").and_then(|flags| flags.items().iter().find(waits));
    if let Some(flag) = flag.filter(|_| !asks) {
        sink.report(flag.span.clone(), "this flag is for filters with a listener, and no rule asks one");
    }
}
