//! Every argument has a name; every text reads back; dangerous values and policies are where the design puts them.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::sysno;

#[test]
fn every_call_has_its_arguments_or_the_mark_that_it_takes_none() {
    let known: BTreeSet<&str> = calls().collect();
    let named: BTreeSet<&str> = sysno::names().iter().copied().collect();
    assert_eq!(known, named);
    for arch in Arch::ALL {
        for entry in sysno::table(arch) {
            let params = params_on(arch, entry.name()).expect("every call has a list on every architecture");
            assert!(params.len() <= 6, "{}", entry.name());
            for param in params {
                assert!(!param.name.is_empty() && !param.ctype.is_empty(), "{}", entry.name());
                assert!(param.set.is_none_or(|s| find_set(s).is_some()), "{}", entry.name());
            }
        }
    }
    assert!(takes_none("getpid") && !takes_none("socket"));
    assert_eq!(params("frobnicate"), None);
}

/// What `format_call` does not write: registers beyond the arguments, and the sign extension of 32-bit numbers.
fn canonical(arch: Arch, name: &str, args: &[u64; 6]) -> [u64; 6] {
    let params = params_on(arch, name).unwrap();
    let mut found = [0; 6];
    for (index, param) in params.iter().enumerate() {
        let register = arch.truncate(args[index]);
        let low = param.low(register);
        let extended = register == low as u32 as i32 as u64;
        found[index] = if param.bits == 32 && extended { low } else { register };
    }
    found
}

fn round_trips(arch: Arch, name: &str, args: &[u64; 6]) {
    let text = format_call(arch, name, args);
    let (back, read) = parse_call(arch, &text).unwrap_or_else(|e| panic!("{arch} {text}: {e}"));
    assert_eq!((back.as_str(), read), (name, canonical(arch, name, args)), "{arch} {text}");
    let private = format_call_private(arch, name, args);
    let (_, read) = parse_call(arch, &private).unwrap_or_else(|e| panic!("{arch} {private}: {e}"));
    assert_eq!(format_call_private(arch, name, &read), private);
}

const INTERESTING: [u64; 24] = [
    0,
    1,
    2,
    3,
    7,
    8,
    17,
    0o644,
    0o4755,
    0xfff,
    0x1000,
    0x5412,
    0x8_0000,
    0x8_0241,
    0x7e02_0011,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ff9c,
    0xffff_ffff,
    0x1_0000_0000,
    0x1_0000_5412,
    0x7fff_1234_5678,
    0xffff_ffff_ffff_ff9c,
    u64::MAX,
];

const TESTED: [Arch; 4] = [Arch::X86_64, Arch::X86, Arch::Aarch64, Arch::S390x];

#[test]
fn interesting_values_of_every_call_round_trip() {
    for arch in TESTED {
        for name in calls() {
            for value in INTERESTING {
                round_trips(arch, name, &[value; 6]);
            }
        }
    }
}

#[test]
fn every_constant_of_every_argument_round_trips_by_name() {
    for arch in Arch::ALL {
        for name in calls() {
            for (index, param) in params_on(arch, name).unwrap().iter().enumerate() {
                let Some(set) = param.set.and_then(find_set) else { continue };
                for constant in set.on(arch) {
                    let read = parse_value(arch, name, index, constant.name).unwrap();
                    assert_eq!(read, constant.value, "{arch} {name} {}", constant.name);
                    let text = format_value(arch, name, index, constant.value);
                    assert_eq!(
                        parse_value(arch, name, index, &text),
                        Ok(constant.value),
                        "{arch} {name} {text}"
                    );
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn any_values_of_any_call_round_trip(at in 0..calls().count(), args: [u64; 6], shifts: [u8; 6]) {
        let name = calls().nth(at).unwrap();
        let args = std::array::from_fn(|i| args[i] >> (shifts[i] % 64));
        for arch in TESTED {
            round_trips(arch, name, &args);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".*", name in "(openat|socket|mmap|ioctl)") {
        let _ = parse_call(Arch::X86_64, &text);
        let _ = parse_call(Arch::X86_64, &format!("{name}({text})"));
    }
}

#[rustfmt::skip]
const GOLDEN: &[(Arch, &str, [u64; 6], &str)] = &[
    (Arch::X86_64, "socket", [10, 0x80001, 0, 9, 9, 9], "socket(AF_INET6, SOCK_STREAM|SOCK_CLOEXEC, 0)"),
    (Arch::X86_64, "openat", [0xffff_ffff_ffff_ff9c, 0x7ffd_0000_1000, 0x80000, 0, 0, 0], "openat(AT_FDCWD, 0x7ffd00001000, O_RDONLY|O_CLOEXEC, 0)"),
    (Arch::X86_64, "openat", [0xffff_ff9c, 0, 0x4000_0000, 0o644, 0, 0], "openat(AT_FDCWD, NULL, O_RDONLY|0x40000000, 0644)"),
    (Arch::X86_64, "openat", [3, 1, 0x41_0002, 0o600, 0, 0], "openat(3, 0x1, O_RDWR|O_TMPFILE, 0600)"),
    (Arch::X86_64, "open", [1, 0x1_0000, 0, 0, 0, 0], "open(0x1, O_RDONLY|O_DIRECTORY, 0)"),
    (Arch::Aarch64, "openat", [3, 1, 0x4000, 0, 0, 0], "openat(3, 0x1, O_RDONLY|O_DIRECTORY, 0)"),
    (Arch::Ppc64le, "ioctl", [0, 0x402c_7413, 0x1_0000, 0, 0, 0], "ioctl(0, TCGETS, 0x10000)"),
    (Arch::X86_64, "ioctl", [0, 0x5412, 0, 0, 0, 0], "ioctl(0, TIOCSTI, 0)"),
    (Arch::X86_64, "ioctl", [0, 0x1_0000_5412, 0, 0, 0, 0], "ioctl(0, 0x100005412, 0)"),
    (Arch::X86_64, "ioctl", [0, 0xdead_beef, 1, 0, 0, 0], "ioctl(0, 0xdeadbeef, 1)"),
    (Arch::X86_64, "clone", [0x0120_0011, 0, 0, 0x7f00_0000, 0, 0], "clone(SIGCHLD|CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID, NULL, NULL, 0x7f000000, NULL)"),
    (Arch::S390x, "clone", [0, 0x1000_0011, 0, 0, 0, 0], "clone(NULL, SIGCHLD|CLONE_NEWUSER, NULL, NULL, NULL)"),
    (Arch::X86_64, "mmap", [0, 4096, 3, 0x22, u64::MAX, 0], "mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)"),
    (Arch::X86_64, "mprotect", [0x7f00_0000, 4096, 0, 0, 0, 0], "mprotect(0x7f000000, 4096, PROT_NONE)"),
    (Arch::X86, "mmap", [0x7f00_0000, 0, 0, 0, 0, 0], "mmap(0x7f000000)"),
    (Arch::X86_64, "chmod", [1, 0o4755, 0, 0, 0, 0], "chmod(0x1, S_ISUID|0755)"),
    (Arch::X86_64, "mknod", [1, 0o20666, 0x103, 0, 0, 0], "mknod(0x1, S_IFCHR|0666, 259)"),
    (Arch::X86_64, "futex", [1, 0x189, 2, 0, 0, 0xffff_ffff], "futex(0x1, FUTEX_WAIT_BITSET|FUTEX_PRIVATE_FLAG|FUTEX_CLOCK_REALTIME, 2, 0, NULL, 4294967295)"),
    (Arch::X86_64, "personality", [0xffff_ffff, 0, 0, 0, 0, 0], "personality(0xffffffff)"),
    (Arch::X86_64, "personality", [0x20008, 0, 0, 0, 0, 0], "personality(PER_LINUX32|UNAME26)"),
    (Arch::X86_64, "kill", [u64::MAX, 9, 0, 0, 0, 0], "kill(-1, SIGKILL)"),
    (Arch::X86_64, "chown", [1, u64::MAX, 1000, 0, 0, 0], "chown(0x1, -1, 1000)"),
    (Arch::X86_64, "lseek", [3, u64::MAX, 2, 0, 0, 0], "lseek(3, -1, SEEK_END)"),
    (Arch::X86, "pread64", [3, 0x1000, 512, 1, 2, 9], "pread64(3, 0x1000, 512, 1, 2)"),
    (Arch::X86_64, "fcntl", [3, 1030, 0, 0, 0, 0], "fcntl(3, F_DUPFD_CLOEXEC, 0)"),
    (Arch::X86_64, "access", [1, 4, 0, 0, 0, 0], "access(0x1, R_OK)"),
    (Arch::X86_64, "getpid", [7; 6], "getpid()"),
    (Arch::X86_64, "no_such_call", [7, 0, 0x7000_0000, 0, 0, 0], "no_such_call(7, 0, 0x70000000)"),
];

#[test]
fn calls_read_as_in_strace() {
    for (arch, name, args, text) in GOLDEN {
        assert_eq!(format_call(*arch, name, args), *text);
    }
}

#[test]
fn private_text_holds_no_address() {
    let args = [0x7ffd_1234_5678; 6];
    for arch in [Arch::X86_64, Arch::Aarch64] {
        for name in calls() {
            let params = params_on(arch, name).unwrap();
            let text = format_call_private(arch, name, &args);
            let numbers = params.iter().filter(|p| !p.is_pointer() && p.ctype != "word").count();
            let hidden = text.matches('…').count();
            assert_eq!(hidden, params.len() - numbers, "{text}");
        }
    }
    let args = [0x1, 0xdead_0000_5401, 0x7ffd_1234_5678, 0, 0, 0];
    assert_eq!(format_call_private(Arch::X86_64, "ioctl", &args), "ioctl(1, TCGETS, …)");
}

#[test]
fn people_may_write_numbers_strings_and_second_names() {
    let read = |text| parse_call(Arch::X86_64, text);
    assert_eq!(read("socket(2, SOCK_DGRAM | 0x80000, 0)").unwrap().1, [2, 0x80002, 0, 0, 0, 0]);
    assert_eq!(read("open(\"/etc/a,b\\\"\", O_RDONLY)").unwrap().1, [HIDDEN, 0, 0, 0, 0, 0]);
    assert_eq!(read("chmod(…, 04755)").unwrap().1, [HIDDEN, 0o4755, 0, 0, 0, 0]);
    assert_eq!(read("chmod(..., 0o4755)").unwrap().1, [HIDDEN, 0o4755, 0, 0, 0, 0]);
    assert_eq!(read(" getpid ").unwrap(), ("getpid".to_owned(), [0; 6]));
    assert_eq!(read("pread(3, NULL, 1, 0)").unwrap().0, "pread64");
    assert_eq!(read("openat(-100, NULL, 0)").unwrap().1[0], 0xffff_ff9c);
}

#[test]
fn errors_name_their_subject_and_the_way_out() {
    let golden = [
        ("opneat(3)", "unknown system call `opneat`; did you mean `openat`?"),
        (
            "socket(AF_INTE, 1, 0)",
            "unknown value `AF_INTE` for argument 0 (domain) of socket; did you mean `AF_INET`?",
        ),
        ("socket(AF_INET, , 0)", "unknown value `` for argument 1 (type) of socket"),
        ("getpid(1)", "getpid takes 0 arguments on x86_64, not 1"),
        ("kill(-5000000000, 9)", "`-5000000000` does not fit argument 0 (pid) of kill, which has 32 bits"),
        ("kill(--1, 9)", "unknown value `--1` for argument 0 (pid) of kill"),
        ("socket(2, 1", "not a call: `socket(2, 1`; write it as `name(argument, …)`"),
        ("", "not a call: ``; write it as `name(argument, …)`"),
    ];
    for (text, message) in golden {
        assert_eq!(parse_call(Arch::X86_64, text).unwrap_err().to_string(), message);
    }
    let error = parse_value(Arch::X86, "read", 2, "0x100000000").unwrap_err();
    assert_eq!(error.to_string(), "`0x100000000` does not fit argument 2 (count) of read, which has 32 bits");
}

#[test]
fn surface_is_what_the_design_says() {
    let mut found = Vec::new();
    for name in calls() {
        for (index, param) in params(name).unwrap().iter().enumerate() {
            assert_eq!(param.class == Class::Surface, param.policy.is_some(), "{name}");
            if param.class == Class::Surface {
                found.push(format!("{name}.{index}"));
            }
        }
    }
    let expected = "bpf.0 chmod.1 clone.0 fchmod.1 fchmodat.2 fchmodat2.2 ioctl.1 keyctl.0 mknod.1 mknodat.2 mmap.2 \
                    mmap2.2 mprotect.2 personality.0 pkey_mprotect.2 prctl.0 ptrace.0 setns.1 shmat.2 socket.0 \
                    socketpair.0 unshare.0";
    assert_eq!(found.join(" "), expected);
}

#[test]
fn policies_hold_the_bits_they_name() {
    let policy = |arch, call, index: usize| params_on(arch, call).unwrap()[index].policy;
    assert_eq!(policy(Arch::X86_64, "clone", 0), Some(Policy::RefuseBits(0x7e02_0000)));
    assert_eq!(policy(Arch::S390x, "clone", 1), Some(Policy::RefuseBits(0x7e02_0000)));
    assert_eq!(policy(Arch::X86_64, "unshare", 0), Some(Policy::RefuseBits(0x7e02_0080)));
    assert_eq!(policy(Arch::X86_64, "ioctl", 1), Some(Policy::RefuseValues(&[0x5412, 0x541c])));
    assert_eq!(policy(Arch::X86_64, "mmap", 2), Some(Policy::NotBoth(6)));
    assert_eq!(policy(Arch::X86_64, "chmod", 1), Some(Policy::RefuseBits(0o6000)));
    assert_eq!(policy(Arch::X86_64, "shmat", 2), Some(Policy::RefuseBits(0o100_000)));
    assert_eq!(policy(Arch::X86_64, "socket", 0), Some(Policy::Seen));
    let ignored = |arch, call, index: usize| params_on(arch, call).unwrap()[index].ignore;
    assert_eq!(ignored(Arch::X86_64, "socket", 1), 0o2_004_000);
    assert_eq!(ignored(Arch::X86_64, "openat", 2), 0o2_100_000);
    assert_eq!(ignored(Arch::Aarch64, "openat", 2), 0o2_400_000);
    assert_eq!(ignored(Arch::X86_64, "futex", 1), 0x180);
}

#[test]
fn dangerous_values_are_named_with_a_reason() {
    let name = |arch, call, index, value| danger(arch, call, index, value).map(|(name, _)| name);
    assert_eq!(name(Arch::X86_64, "ioctl", 1, 0x5412), Some("TIOCSTI"));
    assert_eq!(name(Arch::X86_64, "ioctl", 1, 0xffff_ffff_0000_5412), Some("TIOCSTI"));
    assert_eq!(name(Arch::X86_64, "ioctl", 1, 0x5401), None);
    assert_eq!(name(Arch::X86_64, "clone", 0, 0x1000_0011), Some("CLONE_NEWUSER"));
    assert_eq!(name(Arch::S390x, "clone", 0, 0x1000_0011), None);
    assert_eq!(name(Arch::S390x, "clone", 1, 0x1000_0011), Some("CLONE_NEWUSER"));
    assert_eq!(name(Arch::X86_64, "clone", 0, 0x3d_0f00), None);
    assert_eq!(name(Arch::X86_64, "unshare", 0, 0x80), Some("CLONE_NEWTIME"));
    assert_eq!(name(Arch::X86_64, "socket", 0, 38), Some("AF_ALG"));
    assert_eq!(name(Arch::X86_64, "socket", 0, 40), Some("AF_VSOCK"));
    assert_eq!(name(Arch::X86_64, "socket", 0, 2), None);
    assert_eq!(name(Arch::X86_64, "chmod", 1, 0o4755), Some("S_ISUID"));
    assert_eq!(name(Arch::X86_64, "personality", 0, 0x4_0000), Some("ADDR_NO_RANDOMIZE"));
    assert_eq!(name(Arch::X86_64, "personality", 0, 0xffff_ffff), None, "only asks");
    assert_eq!(name(Arch::X86_64, "clone", 0, u64::MAX), Some("CLONE_NEWNS"));
    assert_eq!(name(Arch::X86_64, "open", 2, 0o4755), None, "only surface arguments have dangerous values");
    for set in table::SETS {
        for why in set.constants.iter().filter_map(|c| c.danger) {
            assert!(!why.is_empty() && !why.ends_with('.'), "{why}");
        }
    }
}

proptest! {
    #[test]
    fn the_list_of_dangerous_values_holds_those_that_are_dangerous_and_no_other(
        at in any::<proptest::sample::Index>(), index in 0usize..6,
        value in prop_oneof![0u64..0x6000, any::<u32>().prop_map(u64::from), any::<u64>(), (0u32..64).prop_map(|b| 1 << b)],
    ) {
        for arch in [Arch::X86_64, Arch::X86, Arch::S390x] {
            let any = table::ENTRIES[at.index(table::ENTRIES.len())].call;
            for call in [any, "clone", "socket", "personality", "ioctl"] {
                let passed = params_on(arch, call).unwrap().get(index).is_some_and(|param| param.low(value) == value);
                let expected = danger(arch, call, index, value).filter(|_| passed);
                let holds = |d: &Dangerous| d.index == index && d.values.iter().any(|values| values.contains(value));
                let listed = dangers(arch, call).into_iter().find(holds).map(|d| (d.name, d.why));
                prop_assert_eq!(listed, expected, "{} {}", call, value);
            }
        }
    }
}

#[test]
fn an_inet_socket_brings_what_getaddrinfo_needs() {
    let values = |seen: &[u64]| -> BTreeSet<u64> {
        pack("socket", 0, &seen.iter().copied().collect()).into_iter().map(|(v, _)| v).collect()
    };
    assert_eq!(values(&[2]), BTreeSet::from([1, 10, 16]));
    assert_eq!(values(&[10, 1]), BTreeSet::from([2, 16]));
    assert_eq!(values(&[1]), BTreeSet::new());
}

/// Numbers that are documented in so many places that a slip of the extraction would show here.
#[test]
fn constants_are_the_kernels() {
    let facts: &[(Arch, &str, u64)] = &[
        (Arch::X86_64, "O_CREAT", 0o100),
        (Arch::X86_64, "O_DIRECTORY", 0o200_000),
        (Arch::Aarch64, "O_DIRECTORY", 0o40_000),
        (Arch::Arm, "O_NOFOLLOW", 0o100_000),
        (Arch::Ppc64le, "O_DIRECT", 0o400_000),
        (Arch::Riscv64, "O_DIRECTORY", 0o200_000),
        (Arch::Loongarch64, "O_LARGEFILE", 0o100_000),
        (Arch::X86_64, "TCGETS", 0x5401),
        (Arch::X86_64, "FIONREAD", 0x541b),
        (Arch::Ppc64le, "FIONREAD", 0x4004_667f),
        (Arch::X86_64, "FICLONE", 0x4004_9409),
        (Arch::X86_64, "SIOCGIFCONF", 0x8912),
        (Arch::X86_64, "AF_NETLINK", 16),
        (Arch::X86_64, "AF_VSOCK", 40),
        (Arch::X86_64, "MAP_ANONYMOUS", 0x20),
        (Arch::X86_64, "MAP_32BIT", 0x40),
        (Arch::X86_64, "CLONE_NEWUSER", 0x1000_0000),
        (Arch::X86_64, "F_DUPFD_CLOEXEC", 1030),
        (Arch::X86_64, "PR_SET_NO_NEW_PRIVS", 38),
        (Arch::X86_64, "PTRACE_SEIZE", 0x4206),
        (Arch::X86_64, "MADV_FREE", 8),
        (Arch::X86_64, "SIGSYS", 31),
        (Arch::X86_64, "BPF_PROG_LOAD", 5),
        (Arch::X86_64, "KEYCTL_READ", 11),
        (Arch::X86_64, "SOL_SOCKET", 1),
        (Arch::X86_64, "IPC_CREAT", 0o1000),
        (Arch::X86_64, "SHM_EXEC", 0o100_000),
        (Arch::X86_64, "ARCH_SET_FS", 0x1002),
        (Arch::X86_64, "MFD_ALLOW_SEALING", 2),
        (Arch::X86_64, "FUTEX_LOCK_PI2", 13),
        (Arch::X86_64, "MS_BIND", 4096),
        (Arch::X86_64, "CLOCK_BOOTTIME", 7),
        (Arch::X86_64, "RLIMIT_NOFILE", 7),
        (Arch::X86_64, "READ_IMPLIES_EXEC", 0x40_0000),
        (Arch::X86_64, "UNAME26", 0x2_0000),
    ];
    for (arch, name, value) in facts {
        assert_eq!(constant(*arch, name), Some(*value), "{arch} {name}");
    }
    assert_eq!(constant(Arch::Aarch64, "MAP_32BIT"), None);
    assert_eq!(constant(Arch::X86_64, "PROT_BTI"), None);
    assert_eq!(constant(Arch::Aarch64, "PROT_BTI"), Some(0x10));
}
