//! Names in strace's text to numbers: older names, numbers in words, and the calls that are several calls.

use crate::arch::{Arch, X32_BIT};
use crate::sysno;

/// What strace calls otherwise than the tables do, tried where an architecture has no call of the name itself; sorted.
///
/// `umount` is x86_64's umount2 in strace before 4.9, when `oldumount` was i386's umount; `old_mmap` and `oldselect` are
/// i386's mmap and select there; `_exit` is exit before 4.6 (strace's NEWS and `syscallent.h`). Arm's numbers 270 and
/// 341 have the names of their arguments' order there (`src/linux/arm/syscallent.h`).
const RENAMED: [(&str, &str); 7] = [
    ("_exit", "exit"),
    ("fadvise64_64", "arm_fadvise64_64"),
    ("old_mmap", "mmap"),
    ("oldselect", "select"),
    ("oldumount", "umount"),
    ("sync_file_range2", "arm_sync_file_range"),
    ("umount", "umount2"),
];

/// What socketcall(2) carries out, from sub-call 1 (`include/uapi/linux/net.h`).
const SOCKET_CALLS: [&str; 20] = [
    "socket",
    "bind",
    "connect",
    "listen",
    "accept",
    "getsockname",
    "getpeername",
    "socketpair",
    "send",
    "recv",
    "sendto",
    "recvfrom",
    "shutdown",
    "setsockopt",
    "getsockopt",
    "sendmsg",
    "recvmsg",
    "accept4",
    "recvmmsg",
    "sendmmsg",
];

/// What ipc(2) carries out (`include/uapi/linux/ipc.h`).
const IPC_CALLS: [(&str, u64); 12] = [
    ("semop", 1),
    ("semget", 2),
    ("semctl", 3),
    ("semtimedop", 4),
    ("msgsnd", 11),
    ("msgrcv", 12),
    ("msgget", 13),
    ("msgctl", 14),
    ("shmat", 21),
    ("shmdt", 22),
    ("shmget", 23),
    ("shmctl", 24),
];

/// A call of an ABI that carries out others, which strace shows instead of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Carrier {
    /// Its number.
    pub(crate) nr: u32,
    /// Its first argument.
    pub(crate) call: u64,
}

/// What a name in the text can stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resolved {
    /// The call's own number.
    pub(super) nr: Option<u32>,
    /// The call that may have carried it out.
    pub(super) carrier: Option<Carrier>,
}

/// Looks a name up; `None` if this ABI has no such call.
///
/// `number` is that of `-n`, which decides where a name alone does not.
pub(super) fn resolve(arch: Arch, name: &str, number: Option<u32>) -> Option<Resolved> {
    if let Some(nr) = numbered(name) {
        return Some(Resolved { nr: Some(within(arch, nr)), carrier: None });
    }
    let (nr, carrier) = (own(arch, name), carrier(arch, name));
    let found = Resolved { nr, carrier };
    match number.map(|n| within(arch, n)) {
        Some(n) if nr == Some(n) => Some(Resolved { carrier: None, ..found }),
        Some(n) if carrier.is_some_and(|c| c.nr == n) => Some(Resolved { nr: None, ..found }),
        _ => (nr.is_some() || carrier.is_some()).then_some(found),
    }
}

/// The ABI that has this name at this number, the given one if it does.
pub(super) fn arch_of(arch: Arch, name: &str, number: u32) -> Arch {
    let fits = |arch: &Arch| {
        let x32 = *arch == Arch::X32;
        let nr = within(*arch, number);
        x32 == (number >= X32_BIT)
            && (own(*arch, name) == Some(nr) || carrier(*arch, name).is_some_and(|c| c.nr == nr))
    };
    let native = if matches!(arch, Arch::X86 | Arch::X32) { Arch::X86_64 } else { arch };
    let native = if arch == Arch::Arm { Arch::Aarch64 } else { native };
    let all = [arch, native].into_iter().chain(native.companions().iter().copied());
    all.into_iter().find(fits).unwrap_or(arch)
}

/// Numbers as the tables have them: on x32 without its bit.
fn within(arch: Arch, nr: u32) -> u32 {
    if arch == Arch::X32 { nr & !X32_BIT } else { nr }
}

fn own(arch: Arch, name: &str) -> Option<u32> {
    // x32's half of strace's table shows numbers that x32 gave up as `ioctl#64`, by their 64-bit name.
    if let Some(name) = name.strip_suffix("#64").filter(|_| arch == Arch::X32) {
        return sysno::number(Arch::X86_64, name);
    }
    let renamed = || RENAMED.binary_search_by_key(&name, |(old, _)| old).ok().map(|at| RENAMED[at].1);
    sysno::number(arch, name)
        .or_else(|| sysno::number(arch, sysno::canonical(name)?))
        .or_else(|| sysno::number(arch, renamed()?))
}

pub(crate) fn carrier(arch: Arch, name: &str) -> Option<Carrier> {
    if let Some(at) = SOCKET_CALLS.iter().position(|n| *n == name) {
        return Some(Carrier { nr: sysno::number(arch, "socketcall")?, call: at as u64 + 1 });
    }
    let (_, call) = IPC_CALLS.iter().find(|(n, _)| *n == name)?;
    Some(Carrier { nr: sysno::number(arch, "ipc")?, call: *call })
}

/// `syscall_0x258` and the older `syscall_600`, `SYS_600`: a call strace has no name for.
fn numbered(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("syscall_").or_else(|| name.strip_prefix("SYS_"))?;
    match digits.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => digits.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nr(arch: Arch, name: &str) -> Option<&'static str> {
        sysno::name(arch, resolve(arch, name, None)?.nr?)
    }

    #[test]
    fn older_names_are_the_calls_they_were() {
        assert_eq!(nr(Arch::X86_64, "umount"), Some("umount2"));
        assert_eq!(nr(Arch::X86, "umount"), Some("umount"));
        assert_eq!(nr(Arch::X86, "oldumount"), Some("umount"));
        assert_eq!(nr(Arch::X86, "old_mmap"), Some("mmap"));
        assert_eq!(nr(Arch::X86_64, "_exit"), Some("exit"));
        assert_eq!(nr(Arch::X86_64, "pread"), Some("pread64"));
        assert_eq!(nr(Arch::Arm, "fadvise64_64"), Some("arm_fadvise64_64"));
        assert_eq!(nr(Arch::X86_64, "opneat"), None);
        assert!(RENAMED.is_sorted());
    }

    #[test]
    fn numbers_in_words_are_kept() {
        for name in ["syscall_0x258", "syscall_600", "SYS_600"] {
            assert_eq!(resolve(Arch::X86_64, name, None), Some(Resolved { nr: Some(600), carrier: None }));
        }
        let x32 = resolve(Arch::X32, "syscall_0x400003e8", None).unwrap();
        assert_eq!(x32.nr, Some(1000));
        assert_eq!(resolve(Arch::X32, "ioctl#64", None).unwrap().nr, Some(16));
    }

    #[test]
    fn a_call_that_another_may_carry_out_is_both_until_its_number_decides() {
        let socket = resolve(Arch::X86, "socket", None).unwrap();
        assert_eq!(socket, Resolved { nr: Some(359), carrier: Some(Carrier { nr: 102, call: 1 }) });
        assert_eq!(resolve(Arch::X86, "socket", Some(359)).unwrap().carrier, None);
        assert_eq!(resolve(Arch::X86, "socket", Some(102)).unwrap().nr, None);
        assert_eq!(resolve(Arch::X86, "accept", None).unwrap().nr, None);
        assert_eq!(resolve(Arch::X86_64, "socket", None).unwrap().carrier, None);
    }

    #[test]
    fn a_number_tells_the_abi() {
        assert_eq!(arch_of(Arch::X86_64, "getpid", 20), Arch::X86);
        assert_eq!(arch_of(Arch::X86, "getpid", 39), Arch::X86_64);
        assert_eq!(arch_of(Arch::X86_64, "getpid", X32_BIT + 39), Arch::X32);
        assert_eq!(arch_of(Arch::X86_64, "socket", 102), Arch::X86);
        assert_eq!(arch_of(Arch::X86_64, "getpid", 7777), Arch::X86_64);
    }
}
