//! The seccomp filters that are really loaded: what the kernel holds for every thread of a process.
//!
//! A thread is seized and interrupted, its filters are read, and it is let go at once, in whatever state it was: a stopped
//! one stays stopped, and a signal that came first is delivered. Only threads with a filter are stopped. When this process
//! dies, the kernel lets go of what is held (ptrace(2), no PTRACE_O_EXITKILL).

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use callgate_bpf::Program;

use crate::proc::{self, status_field};
use crate::sys::process::{self, Wait};
use crate::sys::ptrace::{self, FilterRoom};

/// How long a thread may take to stop; one that waits uninterruptibly (state D) takes as long as it likes.
const PATIENCE: Duration = Duration::from_secs(1);
/// Until then a stop is looked for without a pause: it comes within microseconds.
const AT_ONCE: Duration = Duration::from_millis(5);
/// How long another tracer is waited for.
const MOMENTS: Duration = Duration::from_millis(100);
/// How often threads that came meanwhile are looked for. They have the filters of who made them.
const ROUNDS: usize = 8;

/// What seccomp does to a thread (proc_pid_status(5), "Seccomp").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Nothing.
    Off,
    /// Only read, write, exit and sigreturn are left.
    Strict,
    /// Filters decide.
    Filter,
    /// /proc does not say: a kernel without seccomp.
    Unknown,
}

/// What /proc says about one thread, which everybody may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Its number.
    pub tid: i32,
    /// What seccomp does to it.
    pub mode: Mode,
    /// How many filters it has (Linux 5.11); `None`: an older kernel.
    pub filters: Option<u32>,
}

/// What /proc says about a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// The name of its first thread: foreign text.
    pub comm: String,
    /// Whether no_new_privs is set.
    pub no_new_privs: bool,
    /// Its threads, the first one first.
    pub threads: Vec<Thread>,
}

/// One loaded filter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// Classic BPF, as it was loaded.
    Classic(Program),
    /// Something the kernel does not hand out.
    Other,
}

/// The filters of one thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Whose.
    pub tid: i32,
    /// What seccomp does to it.
    pub mode: Mode,
    /// The filters, newest first.
    pub layers: Vec<Layer>,
}

/// Why filters cannot be read.
#[derive(Debug)]
pub enum Obstacle {
    /// There is no such process.
    Gone(i32),
    /// It has ended and was not reaped.
    Ended(i32),
    /// A thread, of this process, is no process.
    Thread(i32, i32),
    /// It belongs to the kernel.
    Kernel(i32),
    /// It has a tracer: its number, and what it is called.
    Traced(i32, i32, String),
    /// The kernel answers nobody who is filtered.
    Filtered,
    /// CAP_SYS_ADMIN is not there.
    Unprivileged,
    /// CAP_SYS_ADMIN is there, but not of the initial user namespace.
    Namespace,
    /// A kernel without CONFIG_CHECKPOINT_RESTORE.
    Kernelless,
    /// Tracing is forbidden.
    Forbidden(i32, io::Error),
    /// The thread did not stop in time.
    Stuck(i32),
    /// Something else.
    Failed(i32, io::Error),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone(pid) => write!(f, "there is no process {pid}"),
            Self::Ended(pid) => write!(f, "process {pid} has ended: it only waits for its parent"),
            Self::Thread(tid, pid) => write!(f, "{tid} is a thread of process {pid}"),
            Self::Kernel(pid) => {
                write!(f, "process {pid} is a thread of the kernel, which makes no system calls")
            }
            Self::Traced(tid, tracer, name) => {
                write!(f, "cannot read the filters of {tid}: process {tracer} ({name}) traces it already")
            }
            Self::Filtered => {
                f.write_str("cannot read filters: callgate itself is filtered, and the kernel answers nobody who is")
            }
            Self::Unprivileged => f.write_str("cannot read filters: that takes CAP_SYS_ADMIN"),
            Self::Namespace => f.write_str(
                "cannot read filters: that takes CAP_SYS_ADMIN of the initial user namespace, and this is another one",
            ),
            Self::Kernelless => f.write_str(
                "cannot read filters: this kernel was built without CONFIG_CHECKPOINT_RESTORE",
            ),
            Self::Forbidden(tid, error) => write!(f, "cannot trace {tid}, which reading its filters takes: {error}"),
            Self::Stuck(tid) => {
                write!(f, "thread {tid} does not stop: it waits in the kernel and cannot be interrupted")
            }
            Self::Failed(tid, error) => write!(f, "cannot read the filters of {tid}: {error}"),
        }
    }
}

impl Obstacle {
    /// Whether it stands before every process, not before this one.
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Filtered | Self::Unprivileged | Self::Namespace | Self::Kernelless)
    }

    /// The way out, where there is one.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Thread(_, pid) => format!("inspect the process: callgate inspect {pid}"),
            Self::Traced(_, tracer, _) => {
                format!("a task has one tracer: end process {tracer}, or let it detach")
            }
            Self::Filtered => {
                "run it where no filter is: on the host, or in a container with seccomp=unconfined".to_owned()
            }
            Self::Unprivileged => "inspect as root".to_owned(),
            Self::Namespace => "inspect as root of the host".to_owned(),
            Self::Forbidden(..) => {
                "Yama (kernel.yama.ptrace_scope 3) or another security module forbids it".to_owned()
            }
            Self::Stuck(_) => "try again when what it waits for has come".to_owned(),
            Self::Gone(_) | Self::Ended(_) | Self::Kernel(_) | Self::Kernelless | Self::Failed(..) => {
                return None;
            }
        })
    }
}

/// Whether filters can be read by this process at all.
///
/// # Errors
/// What stands against it.
pub fn possible() -> Result<(), Obstacle> {
    /// `include/uapi/linux/capability.h`.
    const CAP_SYS_ADMIN: u32 = 21;
    if proc::under_a_filter().unwrap_or(false) {
        Err(Obstacle::Filtered)
    } else if !proc::has_capability(CAP_SYS_ADMIN) {
        Err(Obstacle::Unprivileged)
    } else if !Path::new("/proc/sys/kernel/ns_last_pid").exists() {
        // It is there with the same option only (`kernel/pid_namespace.c`), and reading filters says EINVAL without it
        // (`include/linux/seccomp.h`, seccomp_get_filter).
        Err(Obstacle::Kernelless)
    } else {
        Ok(())
    }
}

/// What /proc says about a process.
///
/// # Errors
/// It is gone, has ended, belongs to the kernel, or is no process.
pub fn look(pid: i32) -> Result<Process, Obstacle> {
    let path = format!("/proc/{pid}");
    let Ok(status) = fs::read(format!("{path}/status")) else { return Err(Obstacle::Gone(pid)) };
    // A name may have any bytes.
    let status = String::from_utf8_lossy(&status);
    if let Some(process) = status_field(&status, "Tgid").and_then(|t| t.parse().ok()).filter(|t| *t != pid) {
        return Err(Obstacle::Thread(pid, process));
    }
    let mut tids = proc::threads(pid);
    tids.sort_unstable();
    let threads: Vec<Thread> = tids.into_iter().filter_map(thread).collect();
    if threads.is_empty() {
        return Err(if Path::new(&path).exists() { Obstacle::Ended(pid) } else { Obstacle::Gone(pid) });
    }
    if proc::is_of_the_kernel(pid) {
        return Err(Obstacle::Kernel(pid));
    }
    let comm = fs::read(format!("{path}/comm")).unwrap_or_default();
    let comm = String::from_utf8_lossy(comm.strip_suffix(b"\n").unwrap_or(&comm)).into_owned();
    Ok(Process { pid, comm, no_new_privs: proc::no_new_privs(pid), threads })
}

/// What /proc says about a thread; `None`: it has ended.
fn thread(tid: i32) -> Option<Thread> {
    let status = fs::read(format!("/proc/{tid}/status")).ok()?;
    let status = String::from_utf8_lossy(&status);
    if status_field(&status, "State").is_none_or(|state| state.starts_with(['Z', 'X'])) {
        return None;
    }
    let mode = match status_field(&status, "Seccomp") {
        Some("0") => Mode::Off,
        Some("1") => Mode::Strict,
        Some("2") => Mode::Filter,
        _ => Mode::Unknown,
    };
    let filters = status_field(&status, "Seccomp_filters").and_then(|n| n.parse().ok());
    Some(Thread { tid, mode, filters })
}

/// Reads filters. Threads that would not stop in time are let go of as soon as they do.
pub struct Reader {
    room: FilterRoom,
    /// It was looked whether filters can be read at all.
    possible: bool,
    late: Vec<i32>,
}

impl Default for Reader {
    fn default() -> Self {
        Self { room: FilterRoom::new(), possible: false, late: Vec::new() }
    }
}

impl Reader {
    /// The filters of every thread of a process, each stopped for a moment.
    ///
    /// # Errors
    /// Something forbids it, or the process is gone. A process without a filter can always be read.
    pub fn read(&mut self, pid: i32) -> Result<Vec<Chain>, Obstacle> {
        let mut seen = BTreeSet::new();
        let mut chains = Vec::new();
        for _ in 0..ROUNDS {
            let process = match look(pid) {
                Err(Obstacle::Gone(_) | Obstacle::Ended(_)) if !chains.is_empty() => break,
                other => other?,
            };
            let new: Vec<Thread> = process.threads.into_iter().filter(|t| seen.insert(t.tid)).collect();
            if new.is_empty() {
                break;
            }
            for thread in new {
                chains.extend(self.chain(&thread)?);
            }
        }
        Ok(chains)
    }

    /// The filters of a thread; `None`: it has ended meanwhile.
    fn chain(&mut self, thread: &Thread) -> Result<Option<Chain>, Obstacle> {
        self.release_late();
        let (tid, mode) = (thread.tid, thread.mode);
        // A thread that no filter decides about need not be stopped.
        if mode != Mode::Filter {
            return Ok(Some(Chain { tid, mode, layers: Vec::new() }));
        }
        if !self.possible {
            possible()?;
            self.possible = true;
        }
        if let Err(error) = seize(tid) {
            return if proc::has_ended(tid) { Ok(None) } else { Err(untraceable(tid, error)) };
        }
        // A seized task that is gone needs no release, here and below.
        let _ = ptrace::interrupt(tid);
        let Some(signal) = self.stopped(tid)? else { return Ok(None) };
        let layers = self.layers(tid);
        let _ = ptrace::detach(tid, signal);
        match layers {
            Ok(read) => {
                let layer = |range: Option<Range<usize>>| {
                    range.map_or(Layer::Other, |range| Layer::Classic(self.room.program(range)))
                };
                Ok(Some(Chain { tid, mode, layers: read.into_iter().rev().map(layer).collect() }))
            }
            Err(_) if proc::has_ended(tid) => Ok(None),
            Err(error) => Err(unreadable(tid, error)),
        }
    }

    /// Waits until a seized task stops; the signal it has to be given when it goes on, 0 for none. `None`: it has ended.
    fn stopped(&mut self, tid: i32) -> Result<Option<i32>, Obstacle> {
        let start = Instant::now();
        loop {
            match process::wait_one(tid) {
                Wait::Changed(waited) if libc::WIFSTOPPED(waited.status) => {
                    return Ok(Some(pending(waited.status)));
                }
                Wait::Changed(_) | Wait::NoChildren => return Ok(None),
                Wait::Nothing if start.elapsed() > PATIENCE => {
                    self.late.push(tid);
                    return Err(Obstacle::Stuck(tid));
                }
                Wait::Nothing if start.elapsed() > AT_ONCE => {
                    std::thread::sleep(Duration::from_micros(200));
                }
                Wait::Nothing => std::thread::yield_now(),
            }
        }
    }

    /// Reads all filters of a stopped thread: where each lies in the room, `None` for one that is not handed out.
    ///
    /// From the oldest on: one that comes meanwhile, from another thread, moves none of them.
    fn layers(&mut self, tid: i32) -> io::Result<Vec<Option<Range<usize>>>> {
        let (mut layers, mut start) = (Vec::new(), 0);
        loop {
            match self.room.read(tid, layers.len(), start) {
                Ok(end) => {
                    layers.push(Some(start..end));
                    start = end;
                }
                Err(error) if error.raw_os_error() == Some(libc::EMEDIUMTYPE) => layers.push(None),
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => return Ok(layers),
                Err(error) => return Err(error),
            }
        }
    }

    /// Lets go of the threads that stopped after all. Those that have not are let go of at our end.
    fn release_late(&mut self) {
        self.late.retain(|tid| match process::wait_one(*tid) {
            Wait::Changed(waited) if libc::WIFSTOPPED(waited.status) => {
                ptrace::detach(*tid, pending(waited.status)).is_err()
            }
            Wait::Nothing => true,
            Wait::Changed(_) | Wait::NoChildren => false,
        });
    }
}

/// The signal whose delivery a stop is about: a stop for our interruption, or of a whole process, is about none.
fn pending(status: i32) -> i32 {
    if status >> 16 == 0 { libc::WSTOPSIG(status) } else { 0 }
}

/// Seizes a thread. Another callgate that reads its filters lets go of it within moments.
fn seize(tid: i32) -> io::Result<()> {
    let start = Instant::now();
    while ptrace::seize(tid, 0).is_err() {
        if start.elapsed() > MOMENTS || proc::tracer(tid).is_none_or(|tracer| tracer == 0) {
            // It may have been let go of since.
            return ptrace::seize(tid, 0);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn untraceable(tid: i32, error: io::Error) -> Obstacle {
    match proc::tracer(tid) {
        None => Obstacle::Gone(tid),
        Some(0) => Obstacle::Forbidden(tid, error),
        Some(tracer) => Obstacle::Traced(tid, tracer, proc::command_name(tracer).unwrap_or_default()),
    }
}

fn unreadable(tid: i32, error: io::Error) -> Obstacle {
    match error.raw_os_error() {
        Some(libc::EACCES) => possible().err().unwrap_or(Obstacle::Namespace),
        Some(libc::EINVAL | libc::EIO) => Obstacle::Kernelless,
        _ => Obstacle::Failed(tid, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_stop_for_a_signal_is_about_one() {
        assert_eq!(pending(libc::SIGUSR1 << 8 | 0x7f), libc::SIGUSR1);
        let event = libc::PTRACE_EVENT_STOP << 16;
        assert_eq!(pending(event | libc::SIGTRAP << 8 | 0x7f), 0);
        assert_eq!(pending(event | libc::SIGSTOP << 8 | 0x7f), 0);
    }

    #[test]
    fn what_is_no_process_is_called_what_it_is() {
        let me = std::process::id() as i32;
        assert!(look(me).unwrap().threads.iter().any(|t| t.tid == me));
        assert!(matches!(look(i32::MAX), Err(Obstacle::Gone(i32::MAX))));
        // A test runs in a thread of its own.
        let tid = rustix::thread::gettid().as_raw_nonzero().get();
        assert!(tid == me || matches!(look(tid), Err(Obstacle::Thread(t, p)) if (t, p) == (tid, me)));
    }
}
