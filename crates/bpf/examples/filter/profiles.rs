//! What is compiled: profiles of our own that stand for those people have.

use callgate_core::baseline::{self, Kernel};
use callgate_core::profile::{self, Condition, Profile, Rule, RuleAction};
use callgate_core::set::Op;
use callgate_core::{Action, Arch, errno, group};

use crate::random::Dice;

/// The architecture of all of them; Docker's has its companions beside.
pub(crate) const NATIVE: Arch = Arch::X86_64;
/// A kernel on which every rule of Docker's default counts.
const KERNEL: Kernel = Kernel { major: 6, minor: 12 };
/// What a service may do: as many stretches of numbers as systemd's @system-service leaves.
const SERVICE: &[&str] = &[
    "@async-io",
    "@events",
    "@files",
    "@identity",
    "@ipc",
    "@limits",
    "@memory",
    "@network",
    "@numa",
    "@process",
    "@random",
    "@sandbox",
    "@scheduling",
    "@signals",
    "@system-info",
    "@threads",
    "@time",
    "@timers",
    "@keys",
];
/// A server, learned: few calls of many topics, so that hardly two neighbours are treated alike.
const SERVER: &[&str] =
    &["@directories", "@events", "@exit", "@file-open", "@limits", "@network-server", "@random", "@threads"];
/// Of the server beside those.
const SERVER_CALLS: &[&str] = &[
    "brk",
    "clone",
    "connect",
    "dup2",
    "execve",
    "fcntl",
    "fstat",
    "futex",
    "geteuid",
    "getpid",
    "getppid",
    "getuid",
    "ioctl",
    "kill",
    "lseek",
    "madvise",
    "mmap",
    "mprotect",
    "munmap",
    "newfstatat",
    "prctl",
    "pread64",
    "pwrite64",
    "read",
    "readlink",
    "readv",
    "rename",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sendfile",
    "setgid",
    "setgroups",
    "setsid",
    "sigaltstack",
    "sysinfo",
    "umask",
    "unlink",
    "wait4",
    "write",
    "writev",
];
/// Values of ioctl's second argument.
const REQUESTS: usize = 200;
/// A monitor of virtual machines: what it may do whatever the arguments.
const MONITOR: &[&str] = &[
    "brk",
    "clock_gettime",
    "close",
    "connect",
    "epoll_ctl",
    "epoll_pwait",
    "eventfd2",
    "exit",
    "exit_group",
    "fdatasync",
    "fstat",
    "ftruncate",
    "getrandom",
    "gettid",
    "io_uring_enter",
    "io_uring_setup",
    "lseek",
    "mincore",
    "mremap",
    "munmap",
    "open",
    "pread64",
    "pwrite64",
    "read",
    "readv",
    "recvfrom",
    "recvmsg",
    "restart_syscall",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sched_yield",
    "sendmsg",
    "sendto",
    "sigaltstack",
    "stat",
    "write",
    "writev",
];
/// What it may do with these values only: alternatives, each of them arguments with mask and value.
type Alternatives = &'static [&'static [(u8, u64, u64)]];
const WORD: u64 = 0xffff_ffff;
const CHECKED: &[(&str, Alternatives)] = &[
    ("accept4", &[&[(3, WORD, 0x8_0800)]]),
    ("fcntl", &[&[(1, WORD, 4), (2, WORD, 0x800)], &[(1, WORD, 1030)]]),
    ("futex", &[&[(1, WORD, 0)], &[(1, WORD, 1)], &[(1, WORD, 128)], &[(1, WORD, 129)], &[(1, WORD, 137)]]),
    ("madvise", &[&[(2, WORD, 4)]]),
    (
        "mmap",
        &[
            &[(2, 4, 0), (3, WORD, 0x22)],
            &[(2, 4, 0), (3, WORD, 0x4022)],
            &[(2, WORD, 1), (3, WORD, 2)],
            &[(2, WORD, 3), (3, WORD, 1)],
            &[(2, WORD, 3), (3, WORD, 0x8001)],
            &[(2, 4, 0), (3, WORD, 0x2_0022)],
        ],
    ),
    ("mprotect", &[&[(2, 4, 0)]]),
    ("msync", &[&[(2, WORD, 4)]]),
    ("rt_sigaction", &[&[(0, WORD, 31)]]),
    (
        "socket",
        &[&[(0, WORD, 1), (1, WORD, 0x8_0001), (2, WORD, 0)], &[(0, WORD, 40), (1, WORD, 1), (2, WORD, 0)]],
    ),
    ("timerfd_settime", &[&[(1, WORD, 0)], &[(1, WORD, 1)]]),
    ("tgkill", &[&[(2, WORD, 6)], &[(2, WORD, 10)]]),
    ("timerfd_create", &[&[(0, WORD, 1), (1, WORD, 0x8_0800)]]),
];
/// Its requests to KVM and to taps, `include/uapi/linux/kvm.h` and `if_tun.h`.
const KVM: &[u64] = &[
    0x5421,
    0xae01,
    0xae03,
    0xae41,
    0xae80,
    0x4020_ae46,
    0x4038_ae7a,
    0x4090_ae82,
    0x8090_ae81,
    0x4138_ae81,
    0x4008_ae90,
    0x4004_54ca,
    0x4004_54d0,
    0x4004_54d8,
];

/// A profile by the name that its bars have.
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) profile: Profile,
    /// As it is read.
    pub(crate) text: String,
}

/// All of our own.
pub(crate) fn ours() -> Vec<Named> {
    let named = |name: &str, profile| {
        let text = profile::write(&profile, true);
        Named { name: name.to_owned(), profile, text }
    };
    vec![
        named("docker, x86_64", docker(&[NATIVE])),
        named("docker, three architectures", docker(&[NATIVE, Arch::X86, Arch::X32])),
        named("service", listing(SERVICE, &[])),
        named("server", listing(SERVER, SERVER_CALLS)),
        named("ioctl", requests()),
        named("monitor", monitor()),
    ]
}

fn docker(arches: &[Arch]) -> Profile {
    let Some(docker) = baseline::find("docker") else { return Profile::default() };
    let mut profile = docker.newest().rules(&docker.machine(NATIVE, KERNEL)).profile();
    profile.architectures = arches.iter().copied().map(Into::into).collect();
    profile
}

fn listing(groups: &[&str], calls: &[&str]) -> Profile {
    let mut names: Vec<&str> = groups.iter().filter_map(|name| group::expand(name)).flatten().collect();
    names.extend(calls);
    names.sort_unstable();
    names.dedup();
    let rule = Rule::new(names.into_iter().map(str::to_owned), Action::Allow);
    profile(Action::Errno(errno::EPERM), &[NATIVE], vec![rule])
}

/// The server, with 200 requests of ioctl: some in a row, as terminals, sockets and disks have them, most with the size of
/// their structure in them.
fn requests() -> Profile {
    let mut profile = listing(SERVER, SERVER_CALLS);
    for rule in &mut profile.rules {
        rule.names.retain(|name| name.text != "ioctl");
    }
    let mut values: Vec<u64> = (0x5401..0x5421).chain(0x8901..0x8919).chain(0x125d..0x1269).collect();
    let mut dice = Dice::new(200);
    while values.len() < REQUESTS {
        let (way, size) = (1 + dice.below(3), 4 * (1 + dice.below(32)));
        values.push(way << 30 | size << 16 | (0x40 + dice.below(0x80)) << 8 | dice.below(0x60));
        values.sort_unstable();
        values.dedup();
    }
    let eq = |value: u64| Condition { index: 1, op: Op::Eq, value, value_two: 0 };
    profile.rules.extend(values.into_iter().map(|value| allowing("ioctl", vec![eq(value)])));
    profile
}

/// Fifty calls in 76 rules, thirteen of which are decided by 32-bit arguments.
fn monitor() -> Profile {
    let mut rules: Vec<Rule> = MONITOR.iter().map(|name| allowing(name, Vec::new())).collect();
    for (name, alternatives) in CHECKED {
        let condition = |(index, mask, bits): &(u8, u64, u64)| Condition::masked(*index, *mask, *bits);
        rules.extend(alternatives.iter().map(|all| allowing(name, all.iter().map(condition).collect())));
    }
    rules.extend(KVM.iter().map(|value| allowing("ioctl", vec![Condition::masked(1, WORD, *value)])));
    profile(Action::Trap(0), &[NATIVE], rules)
}

fn allowing(name: &str, conditions: Vec<Condition>) -> Rule {
    Rule { conditions, ..Rule::new([name.to_owned()], Action::Allow) }
}

fn profile(default: Action, arches: &[Arch], rules: Vec<Rule>) -> Profile {
    let architectures = arches.iter().map(|arch| (*arch).into()).collect();
    Profile { default: RuleAction::from(default), architectures, rules, ..Profile::default() }
}
