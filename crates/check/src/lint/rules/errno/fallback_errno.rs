//! A refusal that keeps libc from falling back.
//!
//! ## What it finds
//! Calls that libc makes first and for which it has an older one, refused with anything but ENOSYS: clone3, faccessat2, openat2,
//! statx, fchmodat2, close_range and others.
//!
//! ## Why it matters
//! Told ENOSYS, libc and language runtimes make the older call, which is allowed. Told EPERM they give up: no thread starts, `test -x`
//! says no, `tar` cannot set modes. It happens when the image gets a newer libc, with the profile unchanged.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["clone", "faccessat", "stat"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## Better
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "defaultErrnoRet": 38,
//!   "syscalls": [
//!     { "names": ["clone", "faccessat", "stat"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## References
//! - moby#42680
//! - opencontainers/runc#2151
//! - moby#36417
//! - docker-ce-packaging#1007
//! - moby#42871

use callgate_core::errno;

use super::super::prelude::*;
use crate::target::{RuntimeName, Target};

pub(crate) static RULE: Rule = Rule {
    code: "fallback-errno",
    family: Family::Errno,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

/// Calls for which libc has an older one if it is told ENOSYS, and what it then makes (glibc, `sysdeps/unix/sysv/linux`).
const FALLBACKS: [(&str, &str); 9] = [
    ("clone3", "clone"),
    ("faccessat2", "faccessat"),
    ("openat2", "openat"),
    ("statx", "newfstatat"),
    ("fchmodat2", "fchmodat"),
    ("close_range", "close"),
    ("epoll_pwait2", "epoll_pwait"),
    ("futex_waitv", "futex"),
    ("rseq", "nothing in its place"),
];

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let arch = subject.native();
    let named = subject.named(profile);
    let stub = stub(subject, profile);
    let mut by_default = Vec::new();
    for (call, older) in FALLBACKS {
        let Some(nr) = sysno::number(arch, call) else { continue };
        match named.of(call).next() {
            None if breaks(profile.default.action) && stub.is_none_or(|last| nr <= last) => {
                by_default.push(call);
            }
            Some(first) if first.rule.conditions.is_empty() && first.rule.extra.is_empty() => {
                let action = first.rule.action.action;
                if breaks(action) {
                    let message =
                        format!("`{call}` is refused with {action}: libc tries {older} only if told ENOSYS");
                    sink.report(first.name.span.clone(), message)
                        .hint("give the rule \"errnoRet\": 38 (ENOSYS)");
                }
            }
            _ => {}
        }
    }
    if !by_default.is_empty() {
        let message = format!(
            "{} get {}: libc falls back to older calls only if told ENOSYS",
            by_default.join(", "),
            profile.default.action
        );
        let finding = sink.report(subject.top("defaultAction"), message);
        finding.hint("give the profile \"defaultErrnoRet\": 38 (ENOSYS), and name with EPERM what programs are to be told of");
        if matches!(profile.default.action, Action::Errno(_)) {
            let edit = match subject.node.get("defaultErrnoRet") {
                Some(node) => Some(Edit::replace(node.span.clone(), "38")),
                None => add_member(subject.text, subject.node, "defaultAction", "\"defaultErrnoRet\": 38"),
            };
            finding.unsafe_fix("refuse with ENOSYS", edit.into_iter().collect());
        }
    }
}

fn breaks(action: Action) -> bool {
    !action.permits()
        && action != Action::Errno(errno::ENOSYS)
        && !matches!(action, Action::Trace(_) | Action::Notify)
}

/// The highest number that is named, where runc is asked about and nothing else: it says ENOSYS for all above.
fn stub(subject: &Subject<'_>, profile: &Profile) -> Option<u32> {
    let runc = |target: &Target| target.runtime.is_some_and(|runtime| runtime.name == RuntimeName::Runc);
    if !subject.is_targeted() || !subject.targets().iter().all(runc) {
        return None;
    }
    let names = profile.rules.iter().flat_map(|rule| &rule.names);
    names.filter_map(|name| sysno::number(subject.native(), &name.text)).max()
}
