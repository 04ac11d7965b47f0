//! Tests of the groups against the system call tables and against what programs do.

use super::*;
use crate::{Arch, sysno};

/// What ls, bash, python3, nginx, redis-server, curl, git and gcc call on x86_64, taken together: no program that
/// people run every day may need a dangerous call. Seen with strace 6.1 on Debian 12, and their kin: variants that another
/// version or configuration of the same programs uses.
const EVERYDAY: &str = "
    accept accept4 access alarm arch_prctl bind brk capget capset chdir chmod chown clock_getres clock_gettime
    clock_nanosleep clone clone3 close close_range connect copy_file_range creat dup dup2 dup3 epoll_create
    epoll_create1 epoll_ctl epoll_pwait epoll_wait eventfd2 execve exit exit_group faccessat faccessat2 fadvise64
    fallocate fchdir fchmod fchmodat fchown fchownat fcntl fdatasync fgetxattr flock fork fstat fstatfs fsync ftruncate
    futex getcwd getdents64 getegid geteuid getgid getgroups getitimer getpeername getpgid getpgrp getpid getppid
    getpriority getrandom getresgid getresuid getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday
    getuid getxattr inotify_add_watch inotify_init1 io_destroy io_getevents io_setup io_submit ioctl kill lchown
    lgetxattr link linkat listen listxattr lseek lstat madvise membarrier memfd_create mincore mkdir mkdirat mknod
    mlock mmap mprotect mremap msync munmap nanosleep newfstatat open openat pause personality pidfd_open
    pidfd_send_signal pipe pipe2 poll ppoll prctl pread64 preadv prlimit64 pselect6 pwrite64 pwritev read readlink
    readlinkat readv recvfrom recvmmsg recvmsg rename renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending
    rt_sigprocmask rt_sigreturn rt_sigsuspend rt_sigtimedwait sched_get_priority_max sched_getaffinity sched_getparam
    sched_setaffinity sched_yield seccomp select sendfile sendmmsg sendmsg sendto set_robust_list set_tid_address
    setgid setgroups setitimer setpgid setpriority setresgid setresuid setsid setsockopt setuid setxattr shmat shmctl
    shmdt shmget shutdown sigaltstack socket socketpair splice stat statfs statx symlink sync_file_range sysinfo tgkill
    time timer_create timer_settime timerfd_create timerfd_settime times truncate umask uname unlink unlinkat utime
    utimensat vfork wait4 waitid write writev
";

/// Calls that reach past the process: into others, the kernel, the machine.
const MUST_ASK: &str = "
    ptrace process_vm_readv bpf perf_event_open userfaultfd keyctl io_uring_setup mount umount2 fsopen move_mount
    open_tree pivot_root finit_module kexec_load reboot swapon setns unshare open_by_handle_at iopl acct quotactl
    settimeofday clock_settime syslog sethostname chroot fanotify_init pidfd_getfd
";

#[test]
fn every_call_of_every_abi_has_exactly_one_primary() {
    for arch in Arch::ALL {
        for entry in sysno::table(arch) {
            let topic = primary(entry.name()).unwrap_or_else(|| panic!("{} has none", entry.name()));
            let group = find(topic).unwrap_or_else(|| panic!("{topic} is no group"));
            assert!(group.calls.contains(&entry.name()), "{topic} lists {} itself", entry.name());
        }
    }
    assert_eq!(table::PRIMARY.len(), sysno::names().len());
    assert_eq!(primary("nonsense"), None);
}

#[test]
fn every_name_is_known_and_every_list_is_sorted() {
    let sorted = |names: &[&str]| names.windows(2).all(|pair| pair[0] < pair[1]);
    let names: Vec<&str> = all().iter().map(|group| group.name).collect();
    assert!(sorted(&names));
    for group in all() {
        assert!(group.name.starts_with('@') && !group.about.is_empty());
        assert!(sorted(group.calls) && sorted(group.groups), "{}", group.name);
        assert!(group.calls.iter().all(|call| sysno::is_known(call)), "{}", group.name);
        assert!(group.groups.iter().all(|inner| find(inner).is_some()), "{}", group.name);
        assert!(!group.expand().is_empty(), "{}", group.name);
    }
    assert!(sorted(&table::PRIMARY.map(|(call, _)| call)));
    assert!(sorted(&table::DANGERS.map(|(call, _)| call)));
    assert!(sorted(&table::PRIVILEGED));
}

#[test]
fn nesting_is_acyclic() {
    fn walk(group: &Group, above: &mut Vec<&'static str>) {
        assert!(!above.contains(&group.name), "{above:?} comes back to {}", group.name);
        above.push(group.name);
        group.inner().for_each(|inner| walk(inner, above));
        above.pop();
    }
    for group in all() {
        walk(group, &mut Vec::new());
    }
}

#[test]
fn a_group_is_found_with_and_without_its_sign() {
    assert_eq!(find("@network"), find("network"));
    assert!(find("network").is_some());
    assert_eq!(find("@@network"), None);
    assert_eq!(find(""), None);
    assert_eq!(expand("no-such-group"), None);
}

#[test]
fn nested_groups_are_seen_through() {
    assert_eq!(of("connect"), ["@network", "@network-client"]);
    assert_eq!(of("exit"), ["@exit", "@process"]);
    assert_eq!(of("mount"), ["@dangerous", "@mount", "@privileged"]);
    assert_eq!(of("nonsense"), [""; 0]);
    let network = expand("@network").unwrap();
    for call in ["socket", "connect", "bind", "listen", "accept", "accept4", "sendto"] {
        assert!(network.contains(&call), "{call}");
    }
}

#[test]
fn the_groups_people_write_by_hand_exist_under_clear_names() {
    for (group, calls) in [
        ("@file-io", "read write readv writev pread64 pwrite64"),
        ("@files", "open openat close creat stat fstat lstat"),
        ("@network", "socket connect bind listen accept accept4"),
        ("@exit", "exit exit_group"),
    ] {
        let expanded = expand(group).unwrap();
        assert!(calls.split(' ').all(|call| expanded.contains(&call)), "{group}");
    }
}

#[test]
fn everyday_programs_make_no_dangerous_call() {
    for call in EVERYDAY.split_whitespace() {
        assert!(sysno::number(Arch::X86_64, call).is_some(), "{call} is no call");
        assert!(!is_dangerous(call), "{call}");
    }
}

#[test]
fn what_must_not_be_allowed_silently_is_dangerous_and_says_why() {
    for call in MUST_ASK.split_whitespace() {
        assert!(is_dangerous(call), "{call}");
        assert!(danger(call).is_some_and(|why| !why.ends_with('.')), "{call}");
    }
    assert_eq!(find("@dangerous").unwrap().expand(), table::DANGERS.map(|(call, _)| call));
}

#[test]
fn privileged_calls_are_those_that_fail_without_a_capability() {
    assert_eq!(find("@privileged").unwrap().expand(), table::PRIVILEGED);
    assert!(is_privileged("mount") && is_privileged("setgroups") && is_privileged("init_module"));
    assert!(!is_privileged("chown") && !is_privileged("unshare") && !is_privileged("ptrace"));
}
