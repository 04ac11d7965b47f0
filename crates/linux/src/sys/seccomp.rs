//! seccomp(2) and the ioctls of a notification listener.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use callgate_bpf::Program;
use callgate_core::SeccompData;

use super::check;
use super::seam::{Listener, Notification, Response};

/// `SECCOMP_SET_MODE_FILTER`, `include/uapi/linux/seccomp.h`.
const SET_MODE_FILTER: u32 = 1;
/// `SECCOMP_GET_ACTION_AVAIL`.
const GET_ACTION_AVAIL: u32 = 2;

/// Log refusals, as far as `kernel.seccomp.actions_logged` lets them through.
pub(crate) const FLAG_LOG: u32 = 1 << 1;
/// Leave Speculative Store Bypass alone.
pub(crate) const FLAG_SPEC_ALLOW: u32 = 1 << 2;
/// Return a listener for notifications.
pub(crate) const FLAG_NEW_LISTENER: u32 = 1 << 3;
/// Once a notification is received, only fatal signals interrupt the call (Linux 5.19).
pub(crate) const FLAG_WAIT_KILLABLE_RECV: u32 = 1 << 5;

/// `SECCOMP_USER_NOTIF_FLAG_CONTINUE`: let the call go ahead.
const NOTIF_CONTINUE: u32 = 1;
/// `SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP` (Linux 6.6): wake the other side on this CPU.
const SYNC_WAKE_UP: u64 = 1;

/// `struct seccomp_notif`.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct RawNotif {
    id: u64,
    pid: u32,
    flags: u32,
    nr: u32,
    arch: u32,
    instruction_pointer: u64,
    args: [u64; 6],
}

/// `struct seccomp_notif_resp`.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct RawResponse {
    id: u64,
    val: i64,
    error: i32,
    flags: u32,
}

const IOCTL_RECV: libc::Ioctl = rustix::ioctl::opcode::read_write::<RawNotif>(b'!', 0) as libc::Ioctl;
const IOCTL_SEND: libc::Ioctl = rustix::ioctl::opcode::read_write::<RawResponse>(b'!', 1) as libc::Ioctl;
const IOCTL_ID_VALID: libc::Ioctl = rustix::ioctl::opcode::write::<u64>(b'!', 2) as libc::Ioctl;
const IOCTL_SET_FLAGS: libc::Ioctl = rustix::ioctl::opcode::write::<u64>(b'!', 4) as libc::Ioctl;

/// A filter ready for the kernel: made before a fork, so that the child need not allocate.
pub(crate) struct Ready {
    insns: Vec<libc::sock_filter>,
}

impl Ready {
    /// Copies a program into the kernel's layout. An empty program is an error: it would filter nothing.
    pub(crate) fn new(program: &Program) -> io::Result<Self> {
        let insn = |i: &callgate_bpf::Insn| libc::sock_filter { code: i.code, jt: i.jt, jf: i.jf, k: i.k };
        let insns: Vec<_> = program.0.iter().map(insn).collect();
        if insns.is_empty() || insns.len() > 4096 {
            return Err(io::Error::other(format!(
                "a filter has 1 to 4096 instructions, not {}",
                insns.len()
            )));
        }
        Ok(Self { insns })
    }

    /// Loads the filter on the calling thread. With [`FLAG_NEW_LISTENER`] the result is the listener's number.
    ///
    /// One system call, no allocation: fit for a forked child.
    pub(crate) fn load(&self, flags: u32) -> io::Result<i64> {
        let prog = libc::sock_fprog { len: self.insns.len() as u16, filter: self.insns.as_ptr().cast_mut() };
        // SAFETY: `prog` points into `self.insns`, which outlives the call; the kernel copies it (copy_from_user) and
        // keeps no pointer. `len` fits u16: `new` holds it to BPF_MAXINSNS (4096).
        let rc = unsafe { libc::syscall(libc::SYS_seccomp, SET_MODE_FILTER, flags, &raw const prog) };
        check(rc)
    }
}

/// Whether the kernel knows an action (`SECCOMP_RET_*`).
pub(crate) fn action_available(action: u32) -> bool {
    // SAFETY: the kernel reads one u32 from the pointer, which points to a live local.
    let rc = unsafe { libc::syscall(libc::SYS_seccomp, GET_ACTION_AVAIL, 0, &raw const action) };
    rc == 0
}

/// Whether the kernel knows these filter flags: with a null program it says EFAULT for known and EINVAL for unknown
/// ones (seccomp(2), and how libseccomp probes).
pub(crate) fn flags_available(flags: u32) -> bool {
    // SAFETY: the program pointer is null on purpose; the kernel checks the flags, fails to copy and loads nothing.
    let rc = unsafe { libc::syscall(libc::SYS_seccomp, SET_MODE_FILTER, flags, std::ptr::null::<u8>()) };
    rc == -1 && io::Error::last_os_error().raw_os_error() == Some(libc::EFAULT)
}

/// A notification listener of the kernel.
#[derive(Debug)]
pub(crate) struct KernelListener {
    fd: OwnedFd,
}

impl KernelListener {
    /// Takes over listener number `fd`, which the child published through shared memory.
    pub(crate) fn adopt(fd: RawFd) -> Self {
        // SAFETY: the number was returned by seccomp(2) in a table shared with this process and is owned by nobody
        // else here; the child's own copy is closed by execve (listeners are O_CLOEXEC).
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Self::new(fd)
    }

    /// A listener that was handed over.
    pub(crate) fn new(fd: OwnedFd) -> Self {
        let flags: u64 = SYNC_WAKE_UP;
        // SAFETY: passes an integer by value to a listener we own. Older kernels answer EINVAL, which costs speed only.
        unsafe { libc::ioctl(fd.as_raw_fd(), IOCTL_SET_FLAGS, flags) };
        Self { fd }
    }

    /// For poll(2).
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        std::os::fd::AsFd::as_fd(&self.fd)
    }
}

impl Listener for KernelListener {
    fn receive(&mut self) -> io::Result<Option<Notification>> {
        let mut raw = RawNotif::default();
        // SAFETY: `raw` is zeroed, as the kernel demands, and has the size the ioctl number encodes.
        let rc = unsafe { libc::ioctl(self.fd.as_raw_fd(), IOCTL_RECV, &raw mut raw) };
        if let Err(error) = check(i64::from(rc)) {
            return match error.raw_os_error() {
                // The task died or was interrupted between poll and receive.
                Some(libc::ENOENT | libc::EINTR) => Ok(None),
                _ => Err(error),
            };
        }
        let data = SeccompData {
            nr: raw.nr,
            arch: raw.arch,
            instruction_pointer: raw.instruction_pointer,
            args: raw.args,
        };
        Ok(Some(Notification { id: raw.id, tid: raw.pid, data }))
    }

    fn respond(&mut self, id: u64, response: Response) -> io::Result<()> {
        let mut raw = match response {
            Response::Continue => RawResponse { id, flags: NOTIF_CONTINUE, ..RawResponse::default() },
            Response::Errno(errno) => RawResponse { id, error: -i32::from(errno), ..RawResponse::default() },
        };
        // SAFETY: `raw` is a live local of the size the ioctl number encodes.
        let rc = unsafe { libc::ioctl(self.fd.as_raw_fd(), IOCTL_SEND, &raw mut raw) };
        match check(i64::from(rc)) {
            // The task is gone; there is nobody to answer.
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
            other => other.map(|_| ()),
        }
    }

    fn is_valid(&self, id: u64) -> bool {
        // SAFETY: the kernel reads one u64 from a live local.
        unsafe { libc::ioctl(self.fd.as_raw_fd(), IOCTL_ID_VALID, &raw const id) == 0 }
    }
}
