//! Profiles by what they show, and what becomes of them: in our own words, one per class of case that was seen with real
//! loaders and runtimes.

/// Runtimes, and what a profile becomes under them.
pub(crate) type Becomes = &'static [(&'static str, &'static str)];

/// A profile as a runtime is handed it, and what becomes of it.
pub(crate) struct Case {
    /// What it shows.
    pub(crate) shows: &'static str,
    /// `linux.seccomp`.
    pub(crate) profile: &'static str,
    /// Runtimes → `refused: MESSAGE`, `unconfined`, `undecided`, or calls with what happens to them.
    pub(crate) becomes: Becomes,
}

const fn case(shows: &'static str, profile: &'static str, becomes: Becomes) -> Case {
    Case { shows, profile, becomes }
}

const BOTH: &str = "runc@1.1.5 runc@1.3.6 crun@1.8.1 crun@1.28";
const RUNC: &str = "runc@1.1.5 runc@1.3.6";
const CRUN: &str = "crun@1.8.1 crun@1.28";

/// Every case.
pub(crate) const CASES: &[Case] = &[
    case(
        "an empty object is no seccomp to runc and an error to crun",
        "{}",
        &[(RUNC, "unconfined"), (CRUN, "refused: Required field 'defaultAction' not present")],
    ),
    case(
        "rules without a default are refused",
        r#"{"syscalls": [{"names": ["getcpu"], "action": "SCMP_ACT_ERRNO"}]}"#,
        &[
            (RUNC, "refused: string  is not a valid action"),
            (CRUN, "refused: Required field 'defaultAction' not present"),
        ],
    ),
    case(
        "actions are written in capitals",
        r#"{"defaultAction": "scmp_act_allow"}"#,
        &[
            (RUNC, "refused: string scmp_act_allow is not a valid action"),
            (CRUN, "refused: action `scmp_act_allow`"),
        ],
    ),
    case(
        "keys are taken for others by runc alone",
        r#"{"DEFAULTACTION": "SCMP_ACT_ALLOW", "Syscalls": [{"NAMES": ["getcpu"], "action": "SCMP_ACT_ERRNO"}]}"#,
        &[(RUNC, "getcpu: EPERM; getpid: allow"), (CRUN, "refused: Required field 'defaultAction'")],
    ),
    case(
        "a rule without an action is refused",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getcpu"]}]}"#,
        &[
            (RUNC, "refused: string  is not a valid action"),
            (CRUN, "refused: Required field 'action' not present"),
        ],
    ),
    case(
        "an architecture that is not listed kills",
        r#"{"defaultAction": "SCMP_ACT_ALLOW"}"#,
        &[(BOTH, "getpid: allow; x86 getpid: kill-thread; x32 getpid: kill-thread")],
    ),
    case(
        "listed architectures are judged",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], "syscalls": [{"names": ["getcpu"], "action": "SCMP_ACT_ERRNO"}]}"#,
        &[(BOTH, "getcpu: EPERM; x86 getcpu: EPERM; x32 getcpu: EPERM; x86 getpid: allow")],
    ),
    case(
        "architectures without their prefix are known to crun alone",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["X86_64"]}"#,
        &[(RUNC, "refused: string X86_64 is not a valid arch"), (CRUN, "getpid: allow")],
    ),
    case(
        "Go's names of architectures are known to nobody",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["amd64"]}"#,
        &[
            (RUNC, "refused: string amd64 is not a valid arch"),
            (CRUN, "refused: seccomp unknown architecture amd64"),
        ],
    ),
    case(
        "an architecture of the other byte order cannot be added",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_S390X"]}"#,
        &[
            (RUNC, "refused: error adding architecture to seccomp filter: numerical argument out of domain"),
            (CRUN, "refused: seccomp adding architecture: Numerical argument out of domain"),
        ],
    ),
    case(
        "a foreign architecture of the same byte order changes nothing",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_AARCH64"]}"#,
        &[(BOTH, "getpid: allow; x86 getpid: kill-thread")],
    ),
    case(
        "riscv64 came to runc with 1.1.8",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_RISCV64"]}"#,
        &[
            ("runc@1.1.5", "refused: string SCMP_ARCH_RISCV64 is not a valid arch"),
            ("runc@1.1.8 crun@1.8.1", "getpid: allow"),
        ],
    ),
    case(
        "flags came to runc with 1.2",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_LOG"]}"#,
        &[
            ("runc@1.1.5", "refused: seccomp flags are not yet supported by runc"),
            ("runc@1.2.0 crun@1.8.1", "getpid: allow"),
        ],
    ),
    case(
        "an unknown flag is refused",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_NEW"]}"#,
        &[
            ("runc@1.3.6", "refused: seccomp flag SECCOMP_FILTER_FLAG_NEW is not known to runc"),
            (CRUN, "refused: unknown seccomp option SECCOMP_FILTER_FLAG_NEW"),
        ],
    ),
    case(
        "names that nobody knows are left out",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["opneat", "63", " getcpu", "sys_getcpu"], "action": "SCMP_ACT_ERRNO"}]}"#,
        &[(BOTH, "uname: allow; getcpu: allow")],
    ),
    case(
        "an empty name is an error to runc alone",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": [""], "action": "SCMP_ACT_ERRNO"}]}"#,
        &[(RUNC, "refused: empty string is not a valid syscall"), (CRUN, "getpid: allow")],
    ),
    case(
        "the old key name is none of runc's and crun wants names",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"name": "getcpu", "action": "SCMP_ACT_ERRNO"}]}"#,
        &[(RUNC, "getcpu: allow"), (CRUN, "refused: Required field 'names' not present")],
    ),
    case(
        "keys of Docker's count for nothing",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getcpu"], "action": "SCMP_ACT_ERRNO", "comment": "x", "includes": {"caps": ["CAP_SYS_ADMIN"]}, "errno": "ENOSYS"}]}"#,
        &[(BOTH, "getcpu: EPERM")],
    ),
    case(
        "an errno of 0 claims success",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getcpu"], "action": "SCMP_ACT_ERRNO", "errnoRet": 0}]}"#,
        &[(BOTH, "getcpu: errno 0")],
    ),
    case(
        "of an errno sixteen bits are left",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getcpu"], "action": "SCMP_ACT_ERRNO", "errnoRet": 65574}]}"#,
        &[(BOTH, "getcpu: ENOSYS")],
    ),
    case(
        "an errno above 4095 is refused, runc speaks of something else",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getcpu"], "action": "SCMP_ACT_ERRNO", "errnoRet": 4096}]}"#,
        &[(RUNC, "refused: two checks on same syscall argument"), (CRUN, "refused: Invalid argument")],
    ),
    case(
        "an errno beside an action without one is refused by crun",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getcpu"], "action": "SCMP_ACT_KILL_PROCESS", "errnoRet": 1}]}"#,
        &[
            (RUNC, "getcpu: kill-process"),
            (CRUN, "refused: errno value specified for action `SCMP_ACT_KILL_PROCESS`"),
        ],
    ),
    case(
        "a negative errno is no number",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getcpu"], "action": "SCMP_ACT_ERRNO", "errnoRet": -1}]}"#,
        &[
            (RUNC, "refused: json: cannot unmarshal number -1"),
            (CRUN, "refused: Invalid value '-1' with type 'uint32' for key 'errnoRet'"),
        ],
    ),
    case(
        "a fraction is no value",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getcpu"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 0.5, "op": "SCMP_CMP_EQ"}]}]}"#,
        &[
            (RUNC, "refused: json: cannot unmarshal number 0.5"),
            (CRUN, "refused: Invalid value '0.5' with type 'uint64' for key 'value'"),
        ],
    ),
    case(
        "there is no seventh argument",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getcpu"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]}]}"#,
        &[(RUNC, "refused: syscalls only have up to 6 arguments"), (CRUN, "refused: invalid seccomp index")],
    ),
    case(
        "an unknown operator is refused",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getcpu"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 0, "op": "SCMP_CMP_IN"}]}]}"#,
        &[
            (RUNC, "refused: string SCMP_CMP_IN is not a valid operator"),
            (CRUN, "refused: get_seccomp_operator"),
        ],
    ),
    case(
        "a listener cannot be asked about write, by runc",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/nowhere", "syscalls": [{"names": ["write"], "action": "SCMP_ACT_NOTIFY"}]}"#,
        &[(RUNC, "refused: SCMP_ACT_NOTIFY cannot be used for the write syscall")],
    ),
    case(
        "runc wants a listener where one is to be asked",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getcpu"], "action": "SCMP_ACT_NOTIFY"}]}"#,
        &[(RUNC, "refused: seccomp listenerPath is not set"), (CRUN, "getcpu: notify")],
    ),
    case(
        "conditions of a rule are all needed",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getcpu"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 3, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 4, "value": 2, "op": "SCMP_CMP_NE"}]}]}"#,
        &[(BOTH, "getcpu 0 0 0 1 3: EPERM; getcpu 0 0 0 1 2: allow; getcpu 0 0 0 0 3: allow")],
    ),
    case(
        "an interval on one argument is everything",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getcpu"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 3, "value": 5, "op": "SCMP_CMP_GE"}, {"index": 3, "value": 9, "op": "SCMP_CMP_LE"}]}]}"#,
        &[(BOTH, "getcpu 0 0 0 4: EPERM; getcpu 0 0 0 7: EPERM; getcpu 0 0 0 10: EPERM")],
    ),
    case(
        "an index named twice splits the whole rule",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getcpu"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 3, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 3, "value": 2, "op": "SCMP_CMP_EQ"}, {"index": 4, "value": 9, "op": "SCMP_CMP_EQ"}]}]}"#,
        &[(BOTH, "getcpu 0 0 0 1: EPERM; getcpu 0 0 0 2: EPERM; getcpu 0 0 0 0 9: EPERM; getcpu: allow")],
    ),
    case(
        "a mask leaves bits out",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getcpu"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 3, "value": 15, "valueTwo": 245, "op": "SCMP_CMP_MASKED_EQ"}]}]}"#,
        &[(BOTH, "getcpu 0 0 0 5: EPERM; getcpu 0 0 0 0x35: EPERM; getcpu 0 0 0 6: allow")],
    ),
    case(
        "a value is one of 64 bits",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getcpu"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 3, "value": 4294967295, "op": "SCMP_CMP_EQ"}]}]}"#,
        &[(BOTH, "getcpu 0 0 0 0xffffffff: EPERM; getcpu 0 0 0 0xffffffffffffffff: allow")],
    ),
    case(
        "the first of two rules for all arguments stands",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getcpu"], "action": "SCMP_ACT_LOG"}, {"names": ["getcpu"], "action": "SCMP_ACT_ERRNO"}]}"#,
        &[(BOTH, "getcpu: allow + log")],
    ),
    case(
        "a rule for all arguments beats one before it",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getcpu"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 3, "value": 7, "op": "SCMP_CMP_EQ"}]}, {"names": ["getcpu"], "action": "SCMP_ACT_LOG"}]}"#,
        &[(BOTH, "getcpu 0 0 0 7: allow + log")],
    ),
    case(
        "equality is asked before order",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getcpu"], "action": "SCMP_ACT_LOG", "args": [{"index": 3, "value": 5, "op": "SCMP_CMP_GE"}]}, {"names": ["getcpu"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 3, "value": 7, "op": "SCMP_CMP_EQ"}]}]}"#,
        &[(BOTH, "getcpu 0 0 0 7: EPERM; getcpu 0 0 0 6: allow + log; getcpu 0 0 0 4: allow")],
    ),
    case(
        "the higher index is asked first",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getcpu"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 3, "value": 1, "op": "SCMP_CMP_EQ"}]}, {"names": ["getcpu"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "args": [{"index": 4, "value": 2, "op": "SCMP_CMP_EQ"}]}]}"#,
        &[(BOTH, "getcpu 0 0 0 1 2: ENOSYS; getcpu 0 0 0 1: EPERM")],
    ),
    case(
        "one condition with two actions is refused",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getcpu"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 3, "value": 1, "op": "SCMP_CMP_EQ"}]}, {"names": ["getcpu"], "action": "SCMP_ACT_LOG", "args": [{"index": 3, "value": 1, "op": "SCMP_CMP_EQ"}]}]}"#,
        &[(BOTH, "refused: file exists")],
    ),
    case(
        "a special rule behind a general one says nothing",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getcpu"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 3, "value": 1, "op": "SCMP_CMP_EQ"}]}, {"names": ["getcpu"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "args": [{"index": 3, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 4, "value": 2, "op": "SCMP_CMP_EQ"}]}]}"#,
        &[(BOTH, "getcpu 0 0 0 1 2: EPERM")],
    ),
    case(
        "a general rule behind a special one is refused",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getcpu"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "args": [{"index": 3, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 4, "value": 2, "op": "SCMP_CMP_EQ"}]}, {"names": ["getcpu"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 3, "value": 1, "op": "SCMP_CMP_EQ"}]}]}"#,
        &[(BOTH, "refused: file exists")],
    ),
    case(
        "a rule for socket does not judge what socketcall is told",
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], "syscalls": [{"names": ["socket"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 40, "op": "SCMP_CMP_EQ"}]}]}"#,
        &[(
            BOTH,
            "x86 socket 40: EPERM; x86 socket 2: allow; x86 socketcall 1: EPERM; x86 socketcall 2: allow",
        )],
    ),
];

/// Cases of calls above the highest that a profile names; `LIST` stands for what a small program needs.
pub(crate) const ABSENT: &[(&str, &str, Becomes)] = &[
    (
        "ERRNO",
        "",
        &[
            (RUNC, "ptrace: EPERM; clone3: ENOSYS; cachestat: ENOSYS"),
            (CRUN, "ptrace: EPERM; clone3: EPERM; cachestat: EPERM"),
        ],
    ),
    (
        "ERRNO",
        "\"faccessat2\", ",
        &[(RUNC, "clone3: EPERM; cachestat: ENOSYS"), (CRUN, "clone3: EPERM; cachestat: EPERM")],
    ),
    (
        "KILL_PROCESS",
        "",
        &[("runc@1.1.5", "ptrace: kill-process; cachestat: ENOSYS"), (CRUN, "cachestat: kill-process")],
    ),
    ("LOG", "", &[(BOTH, "ptrace: allow + log; cachestat: allow + log")]),
    ("TRACE", "", &[(BOTH, "ptrace: trace (data 1); cachestat: trace (data 1)")]),
];

/// What a static program of busybox, runc and crun need.
pub(crate) const LIST: &str = r#""read", "write", "close", "fstat", "lseek", "mmap", "mprotect", "munmap", "brk", "rt_sigaction",
    "rt_sigprocmask", "rt_sigreturn", "ioctl", "getpid", "getppid", "gettid", "clone", "execve", "exit", "exit_group", "wait4",
    "fcntl", "getcwd", "chdir", "capget", "capset", "prctl", "arch_prctl", "setgroups", "setgid", "setuid", "setresgid",
    "setresuid", "getuid", "geteuid", "futex", "epoll_ctl", "epoll_pwait", "getdents64", "set_tid_address", "openat",
    "newfstatat", "fstatfs", "set_robust_list", "prlimit64", "readlinkat", "readlink", "getrandom", "nanosleep", "restart_syscall",
    "clock_nanosleep", "sched_yield", "tgkill", "madvise", "rseq", "statx""#;
