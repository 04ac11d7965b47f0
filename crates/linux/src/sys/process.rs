//! fork, clone with a shared table, execve and signals: what std has no safe form of.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use super::check;

/// Which side of a fork this is.
pub(crate) enum Fork {
    /// The new process.
    Child,
    /// The old one, with the child's pid.
    Parent(i32),
}

/// Forks. Callgate is single-threaded wherever it forks, so the child may allocate and lock.
pub(crate) fn fork() -> io::Result<Fork> {
    // SAFETY: callgate starts no threads (nothing in the workspace spawns one in the processes that fork), so no lock
    // is held by a thread that the child does not have.
    let pid = unsafe { libc::fork() };
    check(i64::from(pid)).map(|pid| if pid == 0 { Fork::Child } else { Fork::Parent(pid as i32) })
}

/// Forks a child that shares the table of file descriptors until either side calls execve(2) or unshares it.
pub(crate) fn fork_sharing_files() -> io::Result<Fork> {
    let flags = (libc::CLONE_FILES | libc::SIGCHLD) as libc::c_ulong;
    let none: libc::c_ulong = 0;
    #[cfg(target_arch = "s390x")]
    let (first, second) = (none, flags);
    #[cfg(not(target_arch = "s390x"))]
    let (first, second) = (flags, none);
    // SAFETY: without CLONE_VM the child has its own memory, as after fork(2), and a null stack means "the same
    // address"; the process is single-threaded (see `fork`). The child only makes raw system calls and `_exit`s.
    let pid = unsafe { libc::syscall(libc::SYS_clone, first, second, none, none, none) };
    check(pid).map(|pid| if pid == 0 { Fork::Child } else { Fork::Parent(pid as i32) })
}

/// Gives this process its own copy of the table of file descriptors.
pub(crate) fn unshare_files() -> io::Result<()> {
    // SAFETY: affects only the table of this process, which has one thread.
    check(i64::from(unsafe { libc::unshare(libc::CLONE_FILES) })).map(|_| ())
}

/// Closes every descriptor above the standard streams but `keep`: what a fork left here belongs to others.
///
/// For a process that never returns to the owners of what is closed, since they would close it again.
pub(crate) fn close_others(keep: &[BorrowedFd<'_>]) -> io::Result<()> {
    let numbers = std::fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .collect::<Vec<_>>();
    for fd in numbers.into_iter().filter(|fd| *fd > 2 && keep.iter().all(|k| k.as_raw_fd() != *fd)) {
        // SAFETY: a number and no memory. Nobody here uses the descriptor again: its owners are the caller's copies of
        // another process's variables, which are never dropped, and the directory just read is closed already (EBADF).
        unsafe { libc::close(fd) };
    }
    Ok(())
}

/// Arguments of execve(2), made before a fork, so that the child need not allocate.
pub(crate) struct Exec {
    path: CString,
    /// Keeps the strings alive that `argv` points to.
    _strings: Vec<CString>,
    argv: Vec<*const libc::c_char>,
    envp: Vec<*const libc::c_char>,
}

impl Exec {
    /// Prepares `path` with arguments and environment.
    pub(crate) fn new(path: CString, args: Vec<CString>, env: Vec<CString>) -> Self {
        let pointers =
            |list: &[CString]| list.iter().map(|s| s.as_ptr()).chain([std::ptr::null()]).collect::<Vec<_>>();
        // The heap blocks the pointers name do not move when the vectors do.
        let (argv, envp) = (pointers(&args), pointers(&env));
        Self { path, _strings: args.into_iter().chain(env).collect(), argv, envp }
    }

    /// Replaces this process. Returns only on failure, with the errno.
    pub(crate) fn run(&self) -> i32 {
        // SAFETY: path, argv and envp are NUL-terminated and null-terminated and live as long as `self`.
        unsafe { libc::execve(self.path.as_ptr(), self.argv.as_ptr(), self.envp.as_ptr()) };
        io::Error::last_os_error().raw_os_error().unwrap_or(libc::EINVAL)
    }
}

/// Ends this process without running destructors or flushing: what a forked child has inherited is not its own.
pub(crate) fn exit_now(status: i32) -> ! {
    // SAFETY: `_exit` touches no memory of ours.
    unsafe { libc::_exit(status) }
}

/// Sets no_new_privs. One system call, no allocation.
pub(crate) fn set_no_new_privs() -> io::Result<()> {
    // SAFETY: an integer operation on this process's own flag.
    check(i64::from(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })).map(|_| ())
}

/// Makes this process the parent of orphaned descendants.
pub(crate) fn become_subreaper() -> io::Result<()> {
    // SAFETY: an integer operation on this process's own flag.
    check(i64::from(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) })).map(|_| ())
}

/// Names this process for ps(1).
pub(crate) fn set_name(name: &std::ffi::CStr) {
    // SAFETY: the kernel copies at most 16 bytes from a NUL-terminated string.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}

/// The signals callgate handles itself.
pub(crate) const HANDLED: [i32; 7] =
    [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGUSR1, libc::SIGUSR2, libc::SIGCHLD];

/// A set of blocked signals, to be put back in a child.
#[derive(Clone, Copy)]
pub(crate) struct SignalMask(libc::sigset_t);

fn set_of(signals: &[i32]) -> libc::sigset_t {
    // SAFETY: an all-zero sigset_t is a valid value to be overwritten by sigemptyset.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: `set` is a live local.
    unsafe { libc::sigemptyset(&raw mut set) };
    for signal in signals {
        // SAFETY: `set` is a live local; the numbers are constants of this platform.
        unsafe { libc::sigaddset(&raw mut set, *signal) };
    }
    set
}

fn change_mask(how: i32, set: &libc::sigset_t) -> SignalMask {
    // SAFETY: an all-zero sigset_t is a valid value to be overwritten.
    let mut old: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: both point to live values.
    unsafe { libc::sigprocmask(how, set, &raw mut old) };
    SignalMask(old)
}

/// Blocks these signals and says what was blocked before.
pub(crate) fn block(signals: &[i32]) -> SignalMask {
    change_mask(libc::SIG_BLOCK, &set_of(signals))
}

/// Whether one of these signals, which are blocked, has come and waits.
pub(crate) fn is_pending(signals: &[i32]) -> bool {
    // SAFETY: an all-zero sigset_t is a valid value to be overwritten by sigpending.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: `set` is a live local.
    unsafe { libc::sigpending(&raw mut set) };
    // SAFETY: `set` is a live local; the numbers are constants of this platform.
    signals.iter().any(|signal| unsafe { libc::sigismember(&raw const set, *signal) } == 1)
}

/// Blocks every signal that can be blocked.
pub(crate) fn block_all() {
    // SAFETY: an all-zero sigset_t is a valid value to be overwritten by sigfillset.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: `set` is a live local.
    unsafe { libc::sigfillset(&raw mut set) };
    change_mask(libc::SIG_BLOCK, &set);
}

impl Signal {
    /// Whether it means something to the program only, and nothing to callgate.
    pub fn is_the_programs(self) -> bool {
        matches!(self.number, libc::SIGUSR1 | libc::SIGUSR2)
    }
}

impl SignalMask {
    /// Puts this mask back.
    pub(crate) fn restore(&self) {
        change_mask(libc::SIG_SETMASK, &self.0);
    }
}

/// The signals whose disposition callgate changes for itself: Rust's runtime ignores SIGPIPE, [`ignore_file_size`] the
/// other one.
const CHANGED: [i32; 2] = [libc::SIGPIPE, libc::SIGXFSZ];
/// Which of [`CHANGED`] this process was started with ignored.
static IGNORED_AT_START: [AtomicBool; 2] = [const { AtomicBool::new(false) }; 2];

/// Looks before Rust's runtime starts, which leaves no trace of what it found.
extern "C" fn remember_dispositions() {
    for (signal, ignored) in CHANGED.iter().zip(&IGNORED_AT_START) {
        // SAFETY: an all-zero sigaction is a valid value to be overwritten.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        // SAFETY: asks only; `action` is a live local.
        let rc = unsafe { libc::sigaction(*signal, std::ptr::null(), &raw mut action) };
        ignored.store(rc == 0 && action.sa_sigaction == libc::SIG_IGN, Ordering::Relaxed);
    }
}

// SAFETY: the C library calls every function of this section once, before main, with arguments this one need not read.
#[used]
#[unsafe(link_section = ".init_array")]
static REMEMBER: extern "C" fn() = remember_dispositions;

/// Gives the program what our own parent gave us: signals ignored that were ignored, the others with their default.
pub(crate) fn restore_dispositions() {
    for (signal, ignored) in CHANGED.iter().zip(&IGNORED_AT_START) {
        let disposition = if ignored.load(Ordering::Relaxed) { libc::SIG_IGN } else { libc::SIG_DFL };
        // SAFETY: installs a disposition that is no handler.
        unsafe { libc::signal(*signal, disposition) };
    }
}

/// Starts a helper without what callgate did to signals for itself: std hands the mask on, and a shell with SIGCHLD
/// blocked waits for ever.
pub fn undisturbed(command: &mut Command) -> &mut Command {
    // SAFETY: between fork and execve this calls sigprocmask(2) and signal(2) only, which may be called there
    //         (signal-safety(7)); it allocates nothing and takes no lock.
    unsafe {
        command.pre_exec(|| {
            change_mask(libc::SIG_SETMASK, &set_of(&[]));
            restore_dispositions();
            Ok(())
        })
    }
}

/// Makes a write beyond the limit of file sizes an error (EFBIG) instead of the end of this process.
pub(crate) fn ignore_file_size() {
    // SAFETY: installs a disposition that is no handler.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// A descriptor that becomes readable when one of these signals arrives; they must be blocked.
pub(crate) fn signal_fd(signals: &[i32]) -> io::Result<OwnedFd> {
    let set = set_of(signals);
    // SAFETY: `set` is a live local.
    let fd = unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
    let fd = check(i64::from(fd))? as i32;
    // SAFETY: the kernel has just given us this descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A signal that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal {
    /// Its number.
    pub number: i32,
    /// Whether the kernel sent it, as for Ctrl-C: then the whole foreground group has it already.
    pub from_kernel: bool,
}

/// The next signal waiting on a [`signal_fd`].
pub(crate) fn next_signal(fd: &OwnedFd) -> Option<Signal> {
    // SAFETY: an all-zero signalfd_siginfo is a valid value to be overwritten.
    let mut info: libc::signalfd_siginfo = unsafe { std::mem::zeroed() };
    let size = size_of::<libc::signalfd_siginfo>();
    // SAFETY: reads at most `size` bytes into a live local of that size.
    let got = unsafe { libc::read(fd.as_raw_fd(), (&raw mut info).cast(), size) };
    let number = info.ssi_signo as i32;
    (got == size as isize).then_some(Signal { number, from_kernel: info.ssi_code > 0 })
}

/// How a process ended or stopped, as wait(2) says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waited {
    /// Which.
    pub(crate) pid: i32,
    /// The raw status.
    pub(crate) status: i32,
}

/// What waiting for children found.
pub(crate) enum Wait {
    /// One changed state.
    Changed(Waited),
    /// None has, yet.
    Nothing,
    /// There are none.
    NoChildren,
}

/// Looks for a child, thread or traced task that changed state, without blocking.
pub(crate) fn wait_any() -> Wait {
    wait_one(-1)
}

/// The same for one of them.
pub(crate) fn wait_one(tid: i32) -> Wait {
    let mut status = 0;
    // SAFETY: `status` is a live local.
    let rc = unsafe { libc::waitpid(tid, &raw mut status, libc::WNOHANG | libc::__WALL) };
    match rc {
        0 => Wait::Nothing,
        -1 if io::Error::last_os_error().raw_os_error() == Some(libc::EINTR) => Wait::Nothing,
        -1 => Wait::NoChildren,
        pid => Wait::Changed(Waited { pid, status }),
    }
}

/// Waits for one child to end and returns its raw status; 0 if it is no child of ours. Blocks.
pub(crate) fn wait_for(pid: i32) -> i32 {
    let mut status = 0;
    loop {
        // SAFETY: `status` is a live local.
        let rc = unsafe { libc::waitpid(pid, &raw mut status, 0) };
        if rc != -1 || io::Error::last_os_error().raw_os_error() != Some(libc::EINTR) {
            return status;
        }
    }
}

/// Sends a signal to a process.
pub(crate) fn kill(pid: i32, signal: i32) -> io::Result<()> {
    // SAFETY: sends a signal; no memory is involved.
    check(i64::from(unsafe { libc::kill(pid, signal) })).map(|_| ())
}
