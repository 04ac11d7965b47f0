//! Calls that older interfaces make through another one: socketcall(2) and ipc(2).
//!
//! For every call of theirs libseccomp adds the rule for the one that leads to it, too, with the first argument set to the
//! number under which it does (`src/syscalls.c`, abi_rule_add). What the profile wants of that first argument is lost, and
//! what it wants of others compares a pointer.

use std::collections::BTreeMap;

use callgate_core::set::Op;
use callgate_core::{Arch, sysno};

use super::{Added, Rule};

/// `SYS_*` of include/uapi/linux/net.h.
const SOCKETCALL: &[(&str, u64)] = &[
    ("accept", 5),
    ("accept4", 18),
    ("bind", 2),
    ("connect", 3),
    ("getpeername", 7),
    ("getsockname", 6),
    ("getsockopt", 15),
    ("listen", 4),
    ("recv", 10),
    ("recvfrom", 12),
    ("recvmmsg", 19),
    ("recvmsg", 17),
    ("send", 9),
    ("sendmmsg", 20),
    ("sendmsg", 16),
    ("sendto", 11),
    ("setsockopt", 14),
    ("shutdown", 13),
    ("socket", 1),
    ("socketpair", 8),
];

/// include/uapi/linux/ipc.h.
const IPC: &[(&str, u64)] = &[
    ("msgctl", 14),
    ("msgget", 13),
    ("msgrcv", 12),
    ("msgsnd", 11),
    ("semctl", 3),
    ("semget", 2),
    ("semop", 1),
    ("semtimedop", 4),
    ("shmat", 21),
    ("shmctl", 24),
    ("shmdt", 22),
    ("shmget", 23),
];

/// The calls that go through ipc(2), each with its number there.
pub(super) fn behind_ipc() -> &'static [(&'static str, u64)] {
    IPC
}

/// Whether calls of this architecture go through another one.
pub fn is_multiplexed(arch: Arch) -> bool {
    matches!(arch, Arch::X86 | Arch::S390x | Arch::Ppc64le)
}

/// Whether the call can be made through another one on this architecture. libseccomp then knows it by a number of its
/// own, below 0.
pub fn goes_through_another(arch: Arch, name: &str) -> bool {
    is_multiplexed(arch)
        && [SOCKETCALL, IPC].iter().any(|t| t.binary_search_by_key(&name, |(name, _)| name).is_ok())
}

/// The rules that the calls behind socketcall and ipc bring to these two, by number.
pub(super) fn through(arch: Arch, added: &Added) -> BTreeMap<u32, Vec<Rule>> {
    let mut found: BTreeMap<u32, Vec<Rule>> = BTreeMap::new();
    if !is_multiplexed(arch) {
        return found;
    }
    for (through, behind) in [("socketcall", SOCKETCALL), ("ipc", IPC)] {
        let Some(nr) = sysno::number(arch, through) else { continue };
        for (name, call) in behind {
            for rule in added.of(name) {
                let mut rule = rule.clone();
                rule.conditions.retain(|(index, ..)| *index != 0);
                rule.conditions.push((0, Op::Eq, *call, 0));
                found.entry(nr).or_default().push(rule);
            }
        }
    }
    found
}
