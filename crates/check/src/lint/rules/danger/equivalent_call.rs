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

use super::super::super::subject::Mention;
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
    &["open", "openat", "openat2"],
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
    let named = subject.named(profile);
    // What holds for some capabilities only, others may open on purpose.
    let plain = |m: &Mention<'_>| m.rule.extra.is_empty();
    let opens = |m: &Mention<'_>| m.rule.action.action.permits() && m.rule.conditions.is_empty();
    let held = |call: &str| {
        let mentions: Vec<Mention<'_>> = named.of(call).collect();
        let refuses = |action: Action| !action.permits() && action != Action::Errno(ENOSYS);
        // Of the others, what conditions keep out (namespaces, in clone) is nothing that their like could do.
        let compared = |m: &Mention<'_>| !m.rule.conditions.is_empty() && FAMILIES[0].contains(&call);
        let held = |m: &&Mention<'_>| refuses(m.rule.action.action) || compared(m);
        let found = mentions.iter().find(held).copied();
        found.filter(|_| mentions.iter().all(|m| plain(m) && !opens(m)))
    };
    let open = |call: &str| named.of(call).find(|m| plain(m) && opens(m));
    for family in FAMILIES {
        let Some(held) = family.iter().find_map(|call| held(call)) else { continue };
        let call = held.name.text.as_str();
        // clone3 beside a clone with conditions has a rule of its own.
        let family = family.iter().filter(|other| (call, **other) != ("clone", "clone3"));
        let others: Vec<Mention<'_>> = family.filter_map(|other| open(other)).collect();
        let Some(first) = others.first() else { continue };
        let names = others.iter().map(|m| format!("`{}`", m.name.text)).collect::<Vec<_>>().join(", ");
        let what = if held.rule.conditions.is_empty() { "refused" } else { "held to some arguments" };
        let message = format!("`{call}` is {what}, and {names} does the same and is allowed");
        let finding = sink.report(held.name.span.clone(), message);
        finding.label(first.name.span.clone(), "allowed here").hint("hold all of them to the same, or none");
    }
}
