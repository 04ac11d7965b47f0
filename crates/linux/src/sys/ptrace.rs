//! ptrace(2), as far as callgate needs it: seize, resume, ask what call a stop is about, read seccomp filters.

use std::io;
use std::ops::Range;

use callgate_bpf::insn::{Insn, MAX_INSNS, Program};
use callgate_core::SeccompData;

use super::check;

/// What a system call stop is about (`PTRACE_GET_SYSCALL_INFO`, Linux 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Before any filter has seen the call.
    Entry(SeccompData),
    /// After it; the value is the call's result.
    Exit(i64),
    /// Our own filter asked, so every other filter let the call pass.
    Seccomp(SeccompData),
    /// None of these.
    Other,
}

/// Follow every child, thread and exec, and stop at exits.
pub(crate) const FOLLOW: i32 = libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_TRACEEXEC
    | libc::PTRACE_O_TRACEEXIT;
/// Mark system call stops and stop where a filter asks.
pub(crate) const CALLS: i32 = libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_TRACESECCOMP;

fn request(request: libc::c_uint, tid: i32, data: usize) -> io::Result<()> {
    let none: usize = 0;
    // SAFETY: the requests used here take integers only; a task that is gone or not ours gives ESRCH.
    check(unsafe { libc::ptrace(request, tid, none, data) }).map(|_| ())
}

/// Attaches without stopping the task. When this process dies the task is released and goes on.
pub(crate) fn seize(tid: i32, options: i32) -> io::Result<()> {
    request(libc::PTRACE_SEIZE, tid, options as usize)
}

/// Stops a seized task.
pub(crate) fn interrupt(tid: i32) -> io::Result<()> {
    request(libc::PTRACE_INTERRUPT, tid, 0)
}

/// Lets a stopped task go on, delivering `signal` (0: none); with `calls` it stops again at the next call.
pub(crate) fn resume(tid: i32, signal: i32, calls: bool) -> io::Result<()> {
    request(if calls { libc::PTRACE_SYSCALL } else { libc::PTRACE_CONT }, tid, signal as usize)
}

/// Leaves a task in its group-stop until SIGCONT.
pub(crate) fn listen(tid: i32) -> io::Result<()> {
    request(libc::PTRACE_LISTEN, tid, 0)
}

/// Lets a stopped task go on without a tracer, delivering `signal` (0: none).
pub(crate) fn detach(tid: i32, signal: i32) -> io::Result<()> {
    request(libc::PTRACE_DETACH, tid, signal as usize)
}

/// The message of an event stop: for an exit, the wait status to come; for an exec, the thread that made it.
pub(crate) fn event_message(tid: i32) -> io::Result<u64> {
    let mut message: libc::c_ulong = 0;
    let none: usize = 0;
    // SAFETY: the kernel writes one unsigned long to a live local.
    check(unsafe { libc::ptrace(libc::PTRACE_GETEVENTMSG, tid, none, &raw mut message) })?;
    Ok(message)
}

/// What the stop a task is in is about.
pub(crate) fn stop(tid: i32) -> io::Result<Stop> {
    // SAFETY: an all-zero ptrace_syscall_info is a valid value to be overwritten.
    let mut info: libc::ptrace_syscall_info = unsafe { std::mem::zeroed() };
    let size = size_of::<libc::ptrace_syscall_info>();
    // SAFETY: the kernel writes at most `size` bytes to a live local of that size.
    check(unsafe { libc::ptrace(libc::PTRACE_GET_SYSCALL_INFO, tid, size, &raw mut info) })?;
    let data = |nr: u64, args: [u64; 6]| SeccompData {
        nr: nr as u32,
        arch: info.arch,
        instruction_pointer: info.instruction_pointer,
        args,
    };
    Ok(match info.op {
        libc::PTRACE_SYSCALL_INFO_ENTRY => {
            // SAFETY: `op` says that the kernel filled the `entry` member.
            let entry = unsafe { info.u.entry };
            Stop::Entry(data(entry.nr, entry.args))
        }
        libc::PTRACE_SYSCALL_INFO_EXIT => {
            // SAFETY: `op` says that the kernel filled the `exit` member.
            Stop::Exit(unsafe { info.u.exit }.sval)
        }
        libc::PTRACE_SYSCALL_INFO_SECCOMP => {
            // SAFETY: `op` says that the kernel filled the `seccomp` member.
            let seccomp = unsafe { info.u.seccomp };
            Stop::Seccomp(data(seccomp.nr, seccomp.args))
        }
        _ => Stop::Other,
    })
}

/// `PTRACE_SECCOMP_GET_FILTER` (Linux 4.4), `include/uapi/linux/ptrace.h`.
const SECCOMP_GET_FILTER: libc::c_uint = 0x420c;

/// `MAX_INSNS_PER_PATH`, `kernel/seccomp.c`: a task has no more instructions in all its filters.
const MAX_INSNS_PER_PATH: usize = (1 << 18) / size_of::<libc::sock_filter>();

/// Room for all seccomp filters of a task, made before it is stopped, so that nothing but the reading is done then.
pub(crate) struct FilterRoom(Box<[libc::sock_filter]>);

impl FilterRoom {
    /// Empty.
    pub(crate) fn new() -> Self {
        let empty = libc::sock_filter { code: 0, jt: 0, jf: 0, k: 0 };
        Self(vec![empty; MAX_INSNS_PER_PATH + MAX_INSNS].into_boxed_slice())
    }

    /// Reads a seccomp filter of a stopped task into the room from `start` on; where it ends there.
    ///
    /// Index 0 is the oldest (`PTRACE_SECCOMP_GET_FILTER`, `kernel/seccomp.c`, get_nth_filter: EACCES for us, ENOENT
    /// beyond the last, EMEDIUMTYPE for another kind).
    pub(crate) fn read(&mut self, tid: i32, index: usize, start: usize) -> io::Result<usize> {
        let room = self.0.get_mut(start..start + MAX_INSNS);
        let room = room.ok_or_else(|| io::Error::from_raw_os_error(libc::E2BIG))?;
        // SAFETY: the kernel writes as many instructions as the filter has. It loads none longer than BPF_MAXINSNS
        //         (`kernel/seccomp.c`, seccomp_prepare_filter), and the slice, which outlives the call, has that many.
        let rc = unsafe { libc::ptrace(SECCOMP_GET_FILTER, tid, index, room.as_mut_ptr()) };
        check(rc).map(|length| start + length as usize)
    }

    /// A filter that was read.
    pub(crate) fn program(&self, range: Range<usize>) -> Program {
        let insn = |i: &libc::sock_filter| Insn { code: i.code, jt: i.jt, jf: i.jf, k: i.k };
        Program(self.0.get(range).unwrap_or_default().iter().map(insn).collect())
    }
}
