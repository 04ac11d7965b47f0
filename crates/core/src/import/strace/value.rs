//! Values in strace's text to registers.
//!
//! Named constants are those of the argument; `-X verbose` (`0x2 /* AF_INET */`) and `-X raw` are numbers. Whatever is not
//! understood is no value at all: the caller then has to reckon with any.

use super::text::{Next, argument};
use crate::arch::Arch;
use crate::args;

/// Constants of arguments whose names depend on another argument, so that `data/flags.csv` has none for them: protocols
/// and socket options (`include/uapi/linux/{in,in6,tcp,netlink}.h`, `asm-generic/socket.h`); sorted.
const BY_OTHER_ARGUMENT: &[(&str, u64)] = &[
    ("IPPROTO_DCCP", 33),
    ("IPPROTO_ICMP", 1),
    ("IPPROTO_IGMP", 2),
    ("IPPROTO_IP", 0),
    ("IPPROTO_IPV6", 41),
    ("IPPROTO_MPTCP", 262),
    ("IPPROTO_RAW", 255),
    ("IPPROTO_SCTP", 132),
    ("IPPROTO_TCP", 6),
    ("IPPROTO_UDP", 17),
    ("IPPROTO_UDPLITE", 136),
    ("IPV6_MTU_DISCOVER", 23),
    ("IPV6_MULTICAST_HOPS", 18),
    ("IPV6_MULTICAST_IF", 17),
    ("IPV6_MULTICAST_LOOP", 19),
    ("IPV6_RECVERR", 25),
    ("IPV6_RECVPKTINFO", 49),
    ("IPV6_TCLASS", 67),
    ("IPV6_UNICAST_HOPS", 16),
    ("IPV6_V6ONLY", 26),
    ("IP_ADD_MEMBERSHIP", 35),
    ("IP_BIND_ADDRESS_NO_PORT", 24),
    ("IP_DROP_MEMBERSHIP", 36),
    ("IP_FREEBIND", 15),
    ("IP_HDRINCL", 3),
    ("IP_MTU", 14),
    ("IP_MTU_DISCOVER", 10),
    ("IP_MULTICAST_IF", 32),
    ("IP_MULTICAST_LOOP", 34),
    ("IP_MULTICAST_TTL", 33),
    ("IP_OPTIONS", 4),
    ("IP_PKTINFO", 8),
    ("IP_RECVERR", 11),
    ("IP_RECVTOS", 13),
    ("IP_RECVTTL", 12),
    ("IP_TOS", 1),
    ("IP_TRANSPARENT", 19),
    ("IP_TTL", 2),
    ("NETLINK_AUDIT", 9),
    ("NETLINK_CONNECTOR", 11),
    ("NETLINK_CRYPTO", 21),
    ("NETLINK_DNRTMSG", 14),
    ("NETLINK_FIB_LOOKUP", 10),
    ("NETLINK_FIREWALL", 3),
    ("NETLINK_GENERIC", 16),
    ("NETLINK_ISCSI", 8),
    ("NETLINK_KOBJECT_UEVENT", 15),
    ("NETLINK_NETFILTER", 12),
    ("NETLINK_NFLOG", 5),
    ("NETLINK_ROUTE", 0),
    ("NETLINK_SELINUX", 7),
    ("NETLINK_SOCK_DIAG", 4),
    ("NETLINK_USERSOCK", 2),
    ("NETLINK_XFRM", 6),
    ("SO_ACCEPTCONN", 30),
    ("SO_ATTACH_BPF", 50),
    ("SO_ATTACH_FILTER", 26),
    ("SO_BINDTODEVICE", 25),
    ("SO_BROADCAST", 6),
    ("SO_COOKIE", 57),
    ("SO_DEBUG", 1),
    ("SO_DETACH_FILTER", 27),
    ("SO_DOMAIN", 39),
    ("SO_DONTROUTE", 5),
    ("SO_ERROR", 4),
    ("SO_INCOMING_CPU", 49),
    ("SO_KEEPALIVE", 9),
    ("SO_LINGER", 13),
    ("SO_MARK", 36),
    ("SO_NO_CHECK", 11),
    ("SO_OOBINLINE", 10),
    ("SO_PASSSEC", 34),
    ("SO_PEERGROUPS", 59),
    ("SO_PEERNAME", 28),
    ("SO_PEERSEC", 31),
    ("SO_PRIORITY", 12),
    ("SO_PROTOCOL", 38),
    ("SO_RCVBUF", 8),
    ("SO_RCVBUFFORCE", 33),
    ("SO_REUSEADDR", 2),
    ("SO_REUSEPORT", 15),
    ("SO_SNDBUF", 7),
    ("SO_SNDBUFFORCE", 32),
    ("SO_TXTIME", 61),
    ("SO_TYPE", 3),
    ("SO_ZEROCOPY", 60),
    ("TCP_CONGESTION", 13),
    ("TCP_CORK", 3),
    ("TCP_DEFER_ACCEPT", 9),
    ("TCP_FASTOPEN", 23),
    ("TCP_FASTOPEN_CONNECT", 30),
    ("TCP_INFO", 11),
    ("TCP_KEEPCNT", 6),
    ("TCP_KEEPIDLE", 4),
    ("TCP_KEEPINTVL", 5),
    ("TCP_LINGER2", 8),
    ("TCP_MAXSEG", 2),
    ("TCP_NODELAY", 1),
    ("TCP_NOTSENT_LOWAT", 25),
    ("TCP_QUICKACK", 12),
    ("TCP_SYNCNT", 7),
    ("TCP_ULP", 31),
    ("TCP_USER_TIMEOUT", 18),
    ("TCP_WINDOW_CLAMP", 10),
];

/// What strace calls otherwise than `data/flags.csv` does: second names, and masks (strace's `src/xlat`); sorted.
const OTHERWISE: [(&str, u64); 13] = [
    ("AT_STATX_SYNC_AS_STAT", 0),
    ("FASYNC", 0o20_000),
    ("IPC_64", 0x100),
    ("LOCK_RW", 0xc0),
    ("MAP_FILE", 0),
    ("PTRACE_OLDSETOPTIONS", 21),
    ("PTRACE_PEEKUSER", 3),
    ("PTRACE_POKEUSER", 6),
    ("SCHED_ISO", 4),
    ("SCHED_OTHER", 0),
    ("STATX_ALL", 0xfff),
    ("WSTOPPED", 2),
    ("WTRAPPED", 2),
];

/// Reads one argument as strace writes it; `None`: not understood.
pub(super) fn register(arch: Arch, call: &str, index: u8, text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?.trim();
    // `-N` writes `flags=O_RDONLY`; clone's are always named.
    let text = match text.split_once('=') {
        Some((name, value)) if name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') => value,
        _ => text,
    };
    let place = Place { arch, call, index };
    let text = without_comments(text)?;
    // Names of one number that belong to several drivers: "SNDCTL_TMR_TIMEBASE or TCGETS".
    text.split(" or ").find_map(|one| place.whole(one))
}

/// `-X verbose` puts names into comments: `0x1200000 /* CLONE_… */|17 /* SIGCHLD */`. `None`: one does not end.
fn without_comments(text: &str) -> Option<String> {
    let mut rest = text;
    let mut bare = String::with_capacity(text.len());
    while let Some((before, comment)) = rest.split_once("/*") {
        bare.push_str(before.trim_end());
        rest = comment.split_once("*/")?.1;
    }
    bare.push_str(rest);
    Some(bare)
}

/// An argument whose value is read.
#[derive(Clone, Copy)]
struct Place<'a> {
    arch: Arch,
    call: &'a str,
    index: u8,
}

impl Place<'_> {
    fn whole(self, text: &str) -> Option<u64> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        if let Some(inner) = text.strip_prefix("_IOC(").and_then(|t| t.strip_suffix(')')) {
            return request(self.arch, inner);
        }
        if let Ok(value) = args::parse_value(self.arch, self.call, usize::from(self.index), text) {
            return Some(value);
        }
        // `-X raw` leaves a name of no bits out and keeps the bar: `|0x100`.
        let parts = text.strip_prefix('|').unwrap_or(text).split('|');
        parts.map(str::trim).try_fold(0, |all, part| Some(all | self.part(part)?))
    }

    fn part(self, text: &str) -> Option<u64> {
        if let Ok(value) = args::parse_value(self.arch, self.call, usize::from(self.index), text) {
            return Some(value);
        }
        if let Some((left, name)) = text.split_once("<<") {
            // MAP_HUGE_SHIFT (`include/uapi/asm-generic/hugetlb_encode.h`): the page size's logarithm.
            let shift = (name == "MAP_HUGE_SHIFT").then_some(26)?;
            return left.parse::<u64>().ok()?.checked_shl(shift);
        }
        if let Some(real_time) = text.strip_prefix("SIGRT_") {
            // Signal 32 is the first real-time signal of the kernel (signal(7)).
            return Some(32 + real_time.parse::<u64>().ok().filter(|n| *n <= 32)?);
        }
        if let Some(operation) = text.strip_suffix("_PRIVATE").filter(|t| t.starts_with("FUTEX_")) {
            // FUTEX_PRIVATE_FLAG (`include/uapi/linux/futex.h`).
            return Some(128 | self.part(operation)?);
        }
        if let Ok(at) = OTHERWISE.binary_search_by_key(&text, |(name, _)| name) {
            return Some(OTHERWISE[at].1);
        }
        let free = args::params_on(self.arch, self.call)?.get(usize::from(self.index))?.set.is_none();
        let found = BY_OTHER_ARGUMENT.binary_search_by_key(&text, |(name, _)| name);
        match found {
            Ok(at) if free => Some(BY_OTHER_ARGUMENT[at].1),
            _ => args::constant(self.arch, text),
        }
    }
}

/// `_IOC(_IOC_READ|_IOC_WRITE, 0x54, 0x2a, 0x4)`: an ioctl request by its parts (`include/uapi/asm-generic/ioctl.h`).
///
/// POWER has three bits of direction and one fewer of size (`arch/powerpc/include/uapi/asm/ioctl.h`).
fn request(arch: Arch, parts: &str) -> Option<u64> {
    let mut fields = [""; 4];
    let mut at = 0;
    for (index, field) in fields.iter_mut().enumerate() {
        let (end, next) = argument(parts.as_bytes(), at);
        *field = parts.get(at..end)?.trim();
        match next {
            Next::Argument(next) if index < 3 => at = next,
            Next::Cut if index == 3 => {}
            _ => return None,
        }
    }
    let power = arch == Arch::Ppc64le;
    let direction = |name: &str| match name.trim() {
        "_IOC_NONE" | "0" => Some(u64::from(power)),
        "_IOC_READ" => Some(2),
        "_IOC_WRITE" => Some(if power { 4 } else { 1 }),
        _ => None,
    };
    let direction = fields[0].split('|').try_fold(0, |all, name| Some(all | direction(name)?))?;
    let number = |text: &str, bits: u32| {
        let value = match text.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16).ok()?,
            None => text.parse().ok()?,
        };
        (value >> bits == 0).then_some(value)
    };
    let shift = if power { 29 } else { 30 };
    let (kind, nr, size) = (number(fields[1], 8)?, number(fields[2], 8)?, number(fields[3], shift - 16)?);
    Some(direction << shift | size << 16 | kind << 8 | nr)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(call: &str, index: u8, text: &str) -> Option<u64> {
        register(Arch::X86_64, call, index, text.as_bytes())
    }

    #[test]
    fn every_style_of_constants_means_the_same() {
        for text in ["AF_INET6", "0xa", "0xa /* AF_INET6 */", "domain=AF_INET6", "10"] {
            assert_eq!(value("socket", 0, text), Some(10), "{text}");
        }
        for text in ["SOCK_STREAM|SOCK_CLOEXEC", "0x80001", "0x80001 /* SOCK_STREAM|SOCK_CLOEXEC */"] {
            assert_eq!(value("socket", 1, text), Some(0x80001), "{text}");
        }
        let flags = "flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD";
        assert_eq!(value("clone", 0, flags), Some(0x0120_0011));
        for text in ["flags=0x1200011 /* X|Y */", "flags=0x1200000 /* X|Y */|17 /* SIGCHLD */"] {
            assert_eq!(value("clone", 0, text), Some(0x0120_0011), "{text}");
        }
        assert_eq!(value("clone", 0, "flags=CLONE_VM|CLONE_VFORK|SIGCHLD"), Some(0x4111));
    }

    /// Call, argument, text, value.
    const EVERYDAY: &[(&str, u8, &str, u64)] = &[
        ("mmap", 2, "PROT_READ|PROT_EXEC", 5),
        ("mmap", 3, "MAP_PRIVATE|MAP_FIXED|MAP_DENYWRITE", 0x812),
        ("mmap", 3, "MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB|21<<MAP_HUGE_SHIFT", 0x22 | 0x40000 | 21 << 26),
        ("mprotect", 2, "PROT_NONE", 0),
        ("ioctl", 1, "TCGETS", 0x5401),
        ("ioctl", 1, "SNDCTL_TMR_TIMEBASE or TCGETS", 0x5401),
        ("ioctl", 1, "_IOC(_IOC_READ|_IOC_WRITE, 0x7a, 0x1, 0x10)", 0xc010_7a01),
        ("ioctl", 1, "_IOC(_IOC_NONE, 0x94, 0x9, 0)", 0x9409),
        ("fcntl", 1, "F_SETFD", 2),
        ("futex", 1, "FUTEX_WAIT_BITSET_PRIVATE|FUTEX_CLOCK_REALTIME", 0x189),
        ("openat", 2, "O_RDONLY|O_NONBLOCK|O_CLOEXEC|O_DIRECTORY", 0x90800),
        ("openat", 3, "0666", 0o666),
        ("newfstatat", 3, "AT_EMPTY_PATH", 0x1000),
        ("statx", 2, "AT_STATX_SYNC_AS_STAT|AT_SYMLINK_NOFOLLOW", 0x100),
        ("statx", 2, "|0x100", 0x100),
        ("statx", 3, "STATX_MODE|STATX_NLINK", 6),
        ("socket", 2, "IPPROTO_IP", 0),
        ("socket", 2, "NETLINK_ROUTE", 0),
        ("setsockopt", 1, "SOL_SOCKET", 1),
        ("setsockopt", 2, "SO_REUSEADDR", 2),
        ("kill", 1, "SIGTERM", 15),
        ("rt_sigaction", 0, "SIGRT_1", 33),
        ("rt_sigprocmask", 0, "SIG_SETMASK", 2),
        ("wait4", 2, "WNOHANG|WSTOPPED", 3),
        ("personality", 0, "PER_LINUX", 0),
        ("personality", 0, "0xffffffff", 0xffff_ffff),
        ("arch_prctl", 0, "0x3001 /* ARCH_??? */", 0x3001),
        ("arch_prctl", 0, "ARCH_SET_FS", 0x1002),
        ("prctl", 0, "PR_SET_NAME", 15),
        ("mknod", 1, "S_IFCHR|0666", 0o020_666),
        ("access", 1, "R_OK|X_OK", 5),
        ("prlimit64", 1, "RLIMIT_STACK", 3),
        ("madvise", 2, "MADV_DONTNEED", 4),
        ("lseek", 2, "SEEK_CUR", 1),
        ("unshare", 0, "CLONE_NEWNS|CLONE_NEWUSER", 0x1002_0000),
        ("keyctl", 0, "KEYCTL_GET_KEYRING_ID", 0),
        ("ptrace", 0, "PTRACE_TRACEME", 0),
        ("bpf", 0, "BPF_PROG_LOAD", 5),
        ("sendto", 3, "MSG_NOSIGNAL", 0x4000),
        ("epoll_ctl", 1, "EPOLL_CTL_ADD", 1),
        ("clock_nanosleep", 0, "CLOCK_REALTIME", 0),
        ("getrandom", 2, "GRND_NONBLOCK", 1),
        ("memfd_create", 1, "MFD_CLOEXEC", 1),
        ("semget", 2, "IPC_CREAT|0600", 0o1600),
        ("flock", 1, "LOCK_EX|LOCK_NB", 6),
        ("timerfd_create", 1, "TFD_CLOEXEC|TFD_NONBLOCK", 0x80800),
        ("chmod", 1, "04755", 0o4755),
        ("waitid", 0, "P_PID", 1),
        ("membarrier", 0, "MEMBARRIER_CMD_QUERY", 0),
    ];

    #[test]
    fn what_everyday_programs_print_is_understood() {
        let wrong: Vec<_> = EVERYDAY.iter().filter(|(c, i, t, v)| value(c, *i, t) != Some(*v)).collect();
        assert!(wrong.is_empty(), "{wrong:x?}");
    }

    #[test]
    fn what_is_not_understood_is_no_value() {
        for text in [
            "",
            "NO_SUCH_FLAG",
            "O_RDONLY|NO_SUCH_FLAG",
            "0x",
            "[1]",
            "_IOC(1)",
            "_IOC(_IOC_READ, 0x100, 0, 0)",
        ] {
            assert_eq!(value("openat", 2, text), None, "{text}");
        }
        assert_eq!(register(Arch::X86_64, "openat", 2, b"\xff"), None);
        assert_eq!(value("no_such_call", 0, "1"), None);
    }

    #[test]
    fn names_of_other_arguments_are_sorted() {
        assert!(BY_OTHER_ARGUMENT.is_sorted() && OTHERWISE.is_sorted());
    }
}
