//! Completion: calls no recording can show, added by rule and with a reason.
//!
//! A recording sees one machine, one libc and one day. These rules add what another libc version, a clock source
//! without vDSO, a signal, a growing heap or a resolver would ask for. Every addition names its rule and can be turned
//! off. Nothing of `@dangerous` is ever added.

use std::collections::{BTreeMap, BTreeSet};

use crate::group;

/// Stands for "an inet socket was seen" among the triggers.
const INET: &str = "an inet socket";
/// Stands for "a thread was started" among the triggers.
const THREADS: &str = "a thread";

/// What a recording shows that no call's name says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// An AF_INET or AF_INET6 socket was seen: names may have to be resolved.
    pub inet: bool,
    /// A thread was started, by whichever call: whether it has to wait for another is a matter of luck.
    pub threads: bool,
}

/// One rule: when any of `when` was seen (or always, when empty), `add` belongs to it.
struct Pack {
    when: &'static [&'static str],
    add: &'static [&'static str],
    why: &'static str,
}

/// Calls every program may make without being seen to (signal(7), vdso(7), `kernel/signal.c`).
const PACKS: &[Pack] = &[
    Pack { when: &[], add: &["exit", "exit_group"], why: "ends a thread or the process" },
    Pack { when: &[], add: &["rt_sigreturn", "sigreturn"], why: "returns from a signal handler" },
    Pack { when: &[], add: &["restart_syscall"], why: "the kernel resumes an interrupted sleep with it" },
    Pack {
        when: &[],
        add: &[
            "clock_getres",
            "clock_gettime",
            "getcpu",
            "gettimeofday",
            "time",
            "clock_gettime64",
            "clock_getres_time64",
        ],
        why: "answered by the vDSO here; a real call on other clock sources",
    },
    Pack { when: &[], add: &["write", "writev"], why: "error messages, printed only when something fails" },
    Pack { when: &[], add: &["getrandom"], why: "answered by the vDSO from Linux 6.11 and glibc 2.41 on" },
    Pack {
        when: &["brk", "mmap"],
        add: &["brk", "madvise", "mmap", "mmap2", "mprotect", "mremap", "munmap"],
        why: "malloc grows, trims and gives back memory with these",
    },
    Pack {
        when: &["write", "writev"],
        add: &["fstat", "ioctl", "lseek", "newfstatat", "write", "writev"],
        why: "stdio asks what its output is; a terminal is asked by ioctl",
    },
    Pack {
        when: &["set_robust_list", "set_tid_address"],
        add: &["prlimit64", "rseq", "set_robust_list", "set_tid_address"],
        why: "start-up of a thread in some libc version",
    },
    Pack {
        when: &[THREADS, "clone3"],
        add: &[
            "clone",
            "futex",
            "gettid",
            "madvise",
            "membarrier",
            "mprotect",
            "munmap",
            "rseq",
            "rt_sigprocmask",
            "sched_yield",
            "set_robust_list",
            "tgkill",
        ],
        why: "threads: how libc starts, wakes, signals and ends them",
    },
    Pack {
        when: &["wait4", "waitid", "waitpid"],
        add: &["kill", "rt_sigaction", "rt_sigprocmask", "rt_sigsuspend"],
        why: "a parent waits for, or ends, a child that still runs; recorded, the child may have been faster",
    },
    Pack {
        when: &["rt_sigaction"],
        add: &["getpid", "gettid", "rt_sigprocmask", "tgkill"],
        why: "abort(3) and raise(3)",
    },
    Pack {
        when: &[INET],
        add: &[
            "bind",
            "fcntl",
            "getpeername",
            "getsockname",
            "getsockopt",
            "poll",
            "ppoll",
            "recvfrom",
            "recvmsg",
            "sendmmsg",
            "sendmsg",
            "sendto",
            "setsockopt",
            "shutdown",
            "uname",
        ],
        why: "name resolution and the other address family, taken or not from day to day",
    },
];

/// Families of calls that do one job; which member runs depends on libc, its version and the kernel.
const TWINS: &[&[&str]] = &[
    &["access", "faccessat", "faccessat2"],
    &["accept", "accept4"],
    &["chmod", "fchmodat", "fchmodat2"],
    &["chown", "fchownat", "lchown"],
    &["clock_nanosleep", "nanosleep", "clock_nanosleep_time64"],
    &["dup2", "dup3"],
    &["epoll_create", "epoll_create1"],
    &["epoll_pwait", "epoll_pwait2", "epoll_wait"],
    &["eventfd", "eventfd2"],
    &["fstat", "lstat", "newfstatat", "stat", "statx", "fstat64", "lstat64", "stat64", "fstatat64"],
    &["futex", "futex_time64"],
    &["getdents", "getdents64"],
    &["getrlimit", "prlimit64", "setrlimit", "ugetrlimit"],
    &["inotify_init", "inotify_init1"],
    &["link", "linkat"],
    &["mkdir", "mkdirat"],
    &["mknod", "mknodat"],
    &["open", "openat"],
    &["pipe", "pipe2"],
    &["poll", "ppoll", "ppoll_time64"],
    &["pselect6", "select", "_newselect", "pselect6_time64"],
    &["preadv", "preadv2"],
    &["pwritev", "pwritev2"],
    &["readlink", "readlinkat"],
    &["rename", "renameat", "renameat2"],
    &["rmdir", "unlink", "unlinkat"],
    &["signalfd", "signalfd4"],
    &["symlink", "symlinkat"],
    &["tgkill", "tkill"],
    &["futimesat", "utime", "utimensat", "utimes", "utimensat_time64"],
    &["wait4", "waitid", "waitpid"],
];

/// One seen call brings another, not the other way round: the fallback libc takes on ENOSYS.
const FALLBACKS: &[(&str, &str)] = &[
    ("clone3", "clone"),
    ("close_range", "close"),
    ("fork", "clone"),
    ("openat2", "openat"),
    ("pidfd_open", "wait4"),
    ("pidfd_send_signal", "kill"),
    ("vfork", "clone"),
    ("copy_file_range", "sendfile"),
    ("getrandom", "openat"),
];

/// Calls libc or a language runtime replaces by an older one when told ENOSYS, and takes any other refusal, let alone
/// a kill, for a real failure. Under a killing default they get ENOSYS explicitly.
pub const ENOSYS_FALLBACK: &[&str] = &[
    "accept4",
    "clone3",
    "close_range",
    "copy_file_range",
    "epoll_pwait2",
    "faccessat2",
    "fchmodat2",
    "futex_waitv",
    "getrandom",
    "io_uring_setup",
    "landlock_create_ruleset",
    "map_shadow_stack",
    "membarrier",
    "memfd_create",
    "mseal",
    "openat2",
    "pidfd_open",
    "pidfd_send_signal",
    "preadv2",
    "process_madvise",
    "pwritev2",
    "renameat2",
    "riscv_hwprobe",
    "rseq",
    "sched_getattr",
    "set_robust_list",
    "setxattrat",
    "statx",
    "uretprobe",
    "userfaultfd",
];

/// The calls that belong to `seen` by rule: name → reason. None of them is in `seen`.
pub fn complete(seen: &BTreeSet<&str>, facts: Facts) -> BTreeMap<&'static str, String> {
    complete_all(|name| seen.contains(name), facts)
}

/// The same, of all calls of which `is_seen` is true.
pub fn complete_all(is_seen: impl Fn(&str) -> bool, facts: Facts) -> BTreeMap<&'static str, String> {
    let mut found: BTreeMap<&'static str, String> = BTreeMap::new();
    let mut add = |name: &'static str, why: String| {
        if !is_seen(name) && !group::is_dangerous(name) && name != "clone3" {
            found.entry(name).or_insert(why);
        }
    };
    for pack in PACKS {
        let holds = |when: &&str| match *when {
            INET => facts.inet,
            THREADS => facts.threads,
            name => is_seen(name),
        };
        if pack.when.is_empty() || pack.when.iter().any(holds) {
            pack.add.iter().for_each(|name| add(name, pack.why.to_owned()));
        }
    }
    for family in TWINS {
        if let Some(member) = family.iter().find(|m| is_seen(m)) {
            family
                .iter()
                .for_each(|name| add(name, format!("does the job of {member} in another libc version")));
        }
    }
    for (from, to) in FALLBACKS {
        if is_seen(from) {
            add(to, format!("what libc falls back to without {from}"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_in_the_rules_exists_somewhere_and_none_is_dangerous() {
        let packs =
            PACKS.iter().flat_map(|p| p.when.iter().chain(p.add)).filter(|w| ![INET, THREADS].contains(w));
        let twins = TWINS.iter().flat_map(|t| t.iter());
        let all = packs.chain(twins).chain(ENOSYS_FALLBACK).chain(FALLBACKS.iter().flat_map(|(a, b)| [a, b]));
        for name in all {
            assert!(crate::sysno::is_known(name), "{name}");
        }
        for name in PACKS.iter().flat_map(|p| p.add).chain(TWINS.iter().flat_map(|t| t.iter())) {
            assert!(!group::is_dangerous(name), "{name}");
        }
    }

    #[test]
    fn what_was_seen_is_never_called_completion() {
        let seen = BTreeSet::from(["openat", "mmap", "exit_group"]);
        let added = complete(&seen, Facts::default());
        let inet = complete(&seen, Facts { inet: true, ..Facts::default() });
        assert!(!added.contains_key("sendmmsg") && inet.contains_key("sendmmsg"));
        assert!(added.keys().all(|name| !seen.contains(name)));
        assert!(added["open"].contains("openat"));
        assert!(added.contains_key("rt_sigreturn") && added.contains_key("clock_gettime"));
    }

    #[test]
    fn whoever_waits_may_have_to_sleep_first() {
        let child = complete(&BTreeSet::from(["wait4"]), Facts::default());
        assert!(child.contains_key("rt_sigsuspend"), "dash's wait, when the child is slower than the shell");
        let threads = complete(&BTreeSet::from(["clone"]), Facts { threads: true, ..Facts::default() });
        assert!(threads.contains_key("futex"), "a lock that was free while recording");
        assert!(!complete(&BTreeSet::from(["clone"]), Facts::default()).contains_key("futex"));
    }
}
