//! A refusal that another call walks around.
//!
//! ## What it finds
//! A call that a rule refuses or puts conditions on, and one that does the same and is allowed whatever its arguments: `open` and
//! `openat2`, `fork` and `clone`, `sendto` and `sendmsg`, `ptrace` and `process_vm_writev`.
//!
//! ## Why it matters
//! Whoever is to be kept out makes the other call.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "defaultErrnoRet": 38,
//!   "syscalls": [
//!     { "names": ["sendto"], "action": "SCMP_ACT_ERRNO" },
//!     { "names": ["read", "sendmsg"], "action": "SCMP_ACT_ALLOW" }
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
//!     { "names": ["sendto", "sendmsg", "sendmmsg"], "action": "SCMP_ACT_ERRNO" },
//!     { "names": ["read"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## References
//! - syscalls(2)

use callgate_core::errno::ENOSYS;
use callgate_core::profile::Rule as Entry;

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "equivalent-call",
    family: Family::Danger,
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    check: Check::Profile(check),
};

/// Calls that do what the others of their line do.
const FAMILIES: [&[&str]; 12] = [
    &["open", "openat", "openat2", "open_by_handle_at"],
    &["fork", "vfork", "clone", "clone3"],
    &["execve", "execveat"],
    &["sendto", "sendmsg", "sendmmsg"],
    &["recvfrom", "recvmsg", "recvmmsg", "recvmmsg_time64"],
    &["ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd"],
    &["mount", "move_mount", "open_tree", "fsmount", "mount_setattr"],
    &["chmod", "fchmod", "fchmodat", "fchmodat2"],
    &["chown", "lchown", "fchown", "fchownat"],
    &["kill", "tkill", "tgkill", "pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo"],
    &["init_module", "finit_module"],
    &["kexec_load", "kexec_file_load"],
];

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let by_name = subject.by_name(profile);
    // What holds for some capabilities only, others may open on purpose.
    let plain = |rule: &Entry| rule.extra.is_empty();
    let held = |call: &str| {
        let rules = by_name.get(call).map(Vec::as_slice).unwrap_or_default();
        let refuses =
            |rule: &Entry| !rule.action.action.permits() && rule.action.action != Action::Errno(ENOSYS);
        let open = rules.iter().any(|(_, rule)| rule.action.action.permits() && rule.conditions.is_empty());
        let held =
            rules.iter().find(|(_, rule)| plain(rule) && (refuses(rule) || !rule.conditions.is_empty()));
        held.filter(|_| !open && rules.iter().all(|(_, rule)| plain(rule)))
    };
    let open = |call: &str| {
        let rules = by_name.get(call).map(Vec::as_slice).unwrap_or_default();
        let by_rule = rules
            .iter()
            .find(|(_, rule)| plain(rule) && rule.action.action.permits() && rule.conditions.is_empty());
        by_rule.map(|(_, rule)| *rule)
    };
    for family in FAMILIES {
        let Some((call, (_, rule))) = family.iter().find_map(|call| Some((*call, held(call)?))) else {
            continue;
        };
        let others: Vec<(&str, &Entry)> =
            family.iter().filter_map(|other| Some((*other, open(other)?))).collect();
        // clone3 beside a clone with conditions has a rule of its own.
        let others: Vec<_> =
            others.into_iter().filter(|(other, _)| (call, *other) != ("clone", "clone3")).collect();
        let Some((first, allowing)) = others.first() else { continue };
        let place = |rule: &Entry, call: &str| {
            rule.names
                .iter()
                .find(|name| name.text == call)
                .map_or(rule.span.clone(), |name| name.span.clone())
        };
        let names = others.iter().map(|(other, _)| format!("`{other}`")).collect::<Vec<_>>().join(", ");
        let what = if rule.conditions.is_empty() { "refused" } else { "held to some arguments" };
        let message = format!("`{call}` is {what}, and {names} does the same and is allowed");
        let finding = sink.report(place(rule, call), message);
        finding.label(place(allowing, first), "allowed here").hint("hold all of them to the same, or none");
    }
}
