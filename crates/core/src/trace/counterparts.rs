//! Which calls of another architecture do what one does here.

use std::sync::OnceLock;

use crate::arch::Arch;
use crate::sysno;

/// What does the same job on an architecture without the call. Arguments go over by their names.
const COUNTERPARTS: &[(&str, &[&str])] = &[
    ("accept", &["accept4"]),
    ("access", &["faccessat", "faccessat2"]),
    ("alarm", &["setitimer"]),
    ("chmod", &["fchmodat"]),
    ("chown", &["fchownat"]),
    ("creat", &["openat"]),
    ("dup2", &["dup3"]),
    ("epoll_create", &["epoll_create1"]),
    ("epoll_wait", &["epoll_pwait"]),
    ("eventfd", &["eventfd2"]),
    ("fork", &["clone"]),
    ("fstat64", &["fstat"]),
    ("futimesat", &["utimensat"]),
    ("getdents", &["getdents64"]),
    ("getpgrp", &["getpgid"]),
    ("inotify_init", &["inotify_init1"]),
    ("lchown", &["fchownat"]),
    ("link", &["linkat"]),
    ("lstat", &["newfstatat", "statx"]),
    ("mkdir", &["mkdirat"]),
    ("mknod", &["mknodat"]),
    ("open", &["openat"]),
    ("pause", &["ppoll"]),
    ("pipe", &["pipe2"]),
    ("poll", &["ppoll"]),
    ("readlink", &["readlinkat"]),
    ("getrlimit", &["prlimit64"]),
    ("rename", &["renameat", "renameat2"]),
    ("renameat", &["renameat2"]),
    ("setrlimit", &["prlimit64"]),
    ("rmdir", &["unlinkat"]),
    ("select", &["pselect6"]),
    ("signalfd", &["signalfd4"]),
    ("stat", &["newfstatat", "statx"]),
    ("symlink", &["symlinkat"]),
    ("time", &["clock_gettime", "gettimeofday"]),
    ("unlink", &["unlinkat"]),
    ("ustat", &["fstatfs"]),
    ("utime", &["utimensat"]),
    ("utimes", &["utimensat"]),
    ("vfork", &["clone"]),
];

/// Calls that set up what other architectures have no need of (segments, ports): nothing takes their place.
pub(super) const NEEDLESS: &[&str] = &[
    "arch_prctl",
    "get_thread_area",
    "ioperm",
    "iopl",
    "modify_ldt",
    "set_thread_area",
    "uprobe",
    "uretprobe",
];

/// What a 32-bit C library makes beside, or instead of, the call of that name: files, times and users of 64 bits, where
/// the call itself has 32, or 16 (`include/uapi/asm-generic/unistd.h`, `__ARCH_WANT_TIME32_SYSCALLS`, `arch/arm/tools/syscall.tbl`).
const WIDE: &[(&str, &[&str])] = &[
    ("chown", &["chown32"]),
    ("clock_adjtime", &["clock_adjtime64"]),
    ("clock_getres", &["clock_getres_time64"]),
    ("clock_gettime", &["clock_gettime64"]),
    ("clock_nanosleep", &["clock_nanosleep_time64"]),
    ("clock_settime", &["clock_settime64"]),
    ("fadvise64", &["fadvise64_64", "arm_fadvise64_64"]),
    ("fchown", &["fchown32"]),
    ("fcntl", &["fcntl64"]),
    ("fstat", &["fstat64"]),
    ("fstatfs", &["fstatfs64"]),
    ("ftruncate", &["ftruncate64"]),
    ("futex", &["futex_time64"]),
    ("getegid", &["getegid32"]),
    ("geteuid", &["geteuid32"]),
    ("getgid", &["getgid32"]),
    ("getgroups", &["getgroups32"]),
    ("getresgid", &["getresgid32"]),
    ("getresuid", &["getresuid32"]),
    ("getrlimit", &["ugetrlimit"]),
    ("getuid", &["getuid32"]),
    ("io_pgetevents", &["io_pgetevents_time64"]),
    ("lchown", &["lchown32"]),
    ("lseek", &["_llseek"]),
    ("lstat", &["lstat64"]),
    ("mmap", &["mmap2"]),
    ("mq_timedreceive", &["mq_timedreceive_time64"]),
    ("mq_timedsend", &["mq_timedsend_time64"]),
    ("nanosleep", &["clock_nanosleep_time64"]),
    ("newfstatat", &["fstatat64", "statx"]),
    ("ppoll", &["ppoll_time64"]),
    ("pselect6", &["pselect6_time64"]),
    ("recvmmsg", &["recvmmsg_time64"]),
    ("rt_sigtimedwait", &["rt_sigtimedwait_time64"]),
    ("sched_rr_get_interval", &["sched_rr_get_interval_time64"]),
    ("select", &["_newselect", "pselect6_time64"]),
    ("semop", &["semtimedop_time64"]),
    ("semtimedop", &["semtimedop_time64"]),
    ("sendfile", &["sendfile64"]),
    ("setfsgid", &["setfsgid32"]),
    ("setfsuid", &["setfsuid32"]),
    ("setgid", &["setgid32"]),
    ("setgroups", &["setgroups32"]),
    ("setregid", &["setregid32"]),
    ("setresgid", &["setresgid32"]),
    ("setresuid", &["setresuid32"]),
    ("setreuid", &["setreuid32"]),
    ("setuid", &["setuid32"]),
    ("stat", &["stat64"]),
    ("statfs", &["statfs64"]),
    ("sync_file_range", &["arm_sync_file_range"]),
    ("timer_gettime", &["timer_gettime64"]),
    ("timer_settime", &["timer_settime64"]),
    ("timerfd_gettime", &["timerfd_gettime64"]),
    ("timerfd_settime", &["timerfd_settime64"]),
    ("truncate", &["truncate64"]),
    ("utimensat", &["utimensat_time64"]),
];

/// The calls of `to` that do what this one does elsewhere; the one of the same name first, where there is one.
pub(super) fn of<'n>(name: &'n str, to: Arch) -> Vec<&'n str> {
    let among = |table: &[(&str, &'static [&'static str])]| {
        table.iter().find(|(call, _)| *call == name).map_or(&[][..], |(_, calls)| *calls)
    };
    let is_there = |call: &&str| sysno::number(to, call).is_some();
    let mut found: Vec<&'n str> = [name].into_iter().filter(is_there).collect();
    if found.is_empty() {
        found.extend(among(COUNTERPARTS).iter().copied().filter(is_there));
    }
    if to.arg_bits() == 32 {
        found.extend(among(WIDE).iter().copied().filter(is_there));
    }
    found
}

/// A call, and what does the same on another architecture.
pub type Otherwise = (&'static str, Vec<&'static str>);

/// The calls that are made otherwise on `to`, each with what does the same there, itself left out.
pub fn all(to: Arch) -> &'static [Otherwise] {
    static ALL: [OnceLock<Vec<Otherwise>>; Arch::ALL.len()] = [const { OnceLock::new() }; Arch::ALL.len()];
    ALL[to as usize].get_or_init(|| {
        let wide = WIDE.iter().filter(|_| to.arg_bits() == 32);
        let names = COUNTERPARTS.iter().chain(wide).map(|(name, _)| *name);
        names.map(|name| (name, of(name, to).into_iter().filter(|other| *other != name).collect())).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_the_tables_is_a_call_somewhere() {
        let known = |name: &str| Arch::ALL.into_iter().any(|arch| sysno::number(arch, name).is_some());
        for (call, others) in [COUNTERPARTS, WIDE].concat() {
            assert!(known(call), "{call}");
            for other in others {
                assert!(known(other), "{other}");
            }
        }
        let wide = |(_, calls): &(&str, &[&str])| {
            calls.iter().any(|c| [Arch::Arm, Arch::X86].iter().any(|arch| sysno::number(*arch, c).is_some()))
        };
        assert!(WIDE.iter().all(wide), "a 32-bit architecture has it");
        assert!(WIDE.is_sorted_by_key(|(call, _)| *call));
    }
}
