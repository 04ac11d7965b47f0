//! The owner's side: start a program under a keeper, hear what happens, give orders.

use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::{Duration, Instant};

use callgate_bpf::Program;
use callgate_core::trace::{Phase, Provenance, Trace};
use callgate_core::{Meaning, trace};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::ebpf::Target;
use crate::error::{Doing, Error, Result};
pub use crate::keeper::Stops;
use crate::keeper::{self, Job, Judge, Recorder, Role, Work};
use crate::message::{self, Message, Miss, Order, Status};
use crate::spawn::{Command, Load, Start, Streams};
use crate::sys::process::{self, Fork, Signal, SignalMask};
use crate::sys::shared::Shared;

/// What is to be done with the program's calls.
pub enum Purpose {
    /// Record by notification.
    Record {
        /// The recording filter; see [`crate::filter`]. `None`: the command is a container runtime, which hands its
        /// listener to [`Settings::agent`].
        filter: Option<Program>,
        /// What the trace says of this recording.
        provenance: Provenance,
        /// Whether the filter leaves out what is known.
        trimmed: bool,
    },
    /// Record by tracing. The filter must hand every call to a tracer; see [`crate::filter::for_tracer`].
    Trace {
        /// The filter.
        filter: Program,
        /// What the trace says of this recording.
        provenance: Provenance,
        /// At every call, telling apart what another filter refuses; or at the filter's asking, at half the price.
        stops: Stops,
        /// Whether the filter leaves out what is known.
        trimmed: bool,
    },
    /// Record a program that runs already, by tracing it and all its descendants. The command is its name only.
    Attach {
        /// The process.
        pid: i32,
        /// What the trace says of this recording.
        provenance: Provenance,
    },
    /// Record by eBPF, from outside.
    Observe {
        /// What runs already; `None`: the command.
        target: Option<Target>,
        /// Whether who comes into the scope later, from outside, is recorded, too.
        later: bool,
        /// The filter the command loads so that what it does is told apart from its start; one that allows all.
        filter: Option<Program>,
        /// What the trace says of this recording.
        provenance: Provenance,
    },
    /// Hold calls against a profile; the filter asks wherever the profile refuses.
    Judge {
        /// For a listener, one that asks: [`crate::filter::trial`]. For a tracer, which only reports, one that decides.
        /// `None`: as for [`Purpose::Record`]; the runtime's filter has to ask about every call.
        filter: Option<Program>,
        /// By a tracer instead of a listener.
        traced: bool,
        /// What the profile says.
        profile: Meaning,
        /// Report, and let everything go ahead.
        audit: bool,
        /// Complain: act as this where the profile refuses.
        baseline: Option<Meaning>,
    },
    /// Load a filter that decides by itself.
    Enforce {
        /// The filter; `None`: a container runtime loads it.
        filter: Option<Program>,
        /// Ask the kernel to log refusals.
        log: bool,
        /// Trace the ends of tasks, so that no death by SIGSYS goes unseen.
        watch: bool,
    },
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// The trace so far; complete once [`Event::Finished`] came.
    Trace(Box<Trace>),
    /// A refused call, the first of its kind.
    Miss(Miss),
    /// How many misses of each kind there were, in the order they came, and how many of kinds beyond those told.
    MissCounts(Vec<u64>, u64),
    /// The program ended; descendants may live on.
    MainEnded(Status),
    /// The program cannot be recorded this way and was ended: why.
    Stopped(String),
    /// A task died of SIGSYS: its executable.
    KilledBySigsys(String),
    /// So many calls were interrupted by a signal before the keeper could look at them. Where the handler was installed
    /// without SA_RESTART they failed with EINTR, as they never would unwatched.
    Disturbed(u64),
    /// The program and all its descendants are gone.
    Finished,
    /// The program never started.
    NotStarted(Error),
    /// A signal for callgate.
    Signal(Signal),
    /// One of the caller's descriptors is readable: its index.
    Readable(usize),
    /// Nothing, until the deadline.
    Timeout,
}

/// Settings of a start that are not the program's.
#[derive(Debug, Default)]
pub struct Settings {
    /// The program's standard streams.
    pub streams: Streams,
    /// Leave no_new_privs off (root only).
    pub allow_privilege_escalation: bool,
    /// Something is to be ready first: the run begins as start-up. Otherwise it has no phases.
    pub phased: bool,
    /// The terminal of the status line, if the program writes to the same one.
    pub terminal: Option<OwnedFd>,
    /// Where a container runtime sends its listener (`listenerPath` of the runtime-spec, `config-linux.md`).
    pub agent: Option<UnixListener>,
}

/// Blocks the signals callgate handles, once, before the first session.
pub struct Signals {
    fd: OwnedFd,
    before: SignalMask,
}

impl Signals {
    /// Takes over the handling of signals.
    pub fn take() -> Result<Self> {
        let before = process::block(&process::HANDLED);
        let fd = process::signal_fd(&process::HANDLED).doing("watch for signals")?;
        Ok(Self { fd, before })
    }
}

impl Signals {
    /// Whether somebody wants this process to stop; the signal is not taken.
    pub fn stop_is_wanted(&self) -> bool {
        process::is_pending(&[libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT])
    }

    /// Waits until standard input has a line, or a signal comes: whether there is input.
    pub fn wait_for_input(&self) -> bool {
        let stdin = std::io::stdin();
        let mut fds = [PollFd::new(&self.fd, PollFlags::IN), PollFd::new(&stdin, PollFlags::IN)];
        loop {
            match poll(&mut fds, None) {
                Ok(_) if fds[0].revents().is_empty() => return true,
                // A child of ours that ended is no reason to stop asking.
                Ok(_) if process::next_signal(&self.fd).is_none_or(|s| s.number == libc::SIGCHLD) => {}
                Err(rustix::io::Errno::INTR) => {}
                Ok(_) | Err(_) => return false,
            }
        }
    }
}

/// A program under a keeper.
pub struct Session<'s> {
    signals: &'s Signals,
    socket: UnixStream,
    shared: Shared,
    keeper: i32,
    ended: bool,
}

impl<'s> Session<'s> {
    /// Starts a program.
    pub fn start(
        signals: &'s Signals,
        command: &Command,
        purpose: Purpose,
        mut settings: Settings,
    ) -> Result<Self> {
        let shared = Shared::new().doing("share memory with the keeper")?;
        let phase = if settings.phased { Phase::StartUp } else { Phase::Unphased };
        // Before the keeper starts: what it records has a phase from the first call on.
        shared.words().phase.store(phase as u32, SeqCst);
        let (socket, theirs) = UnixStream::pair().doing("connect to the keeper")?;
        let (load, role) = split(purpose);
        let tracer = matches!(role, Role::Trace(_) | Role::Outside(_));
        let streams = std::mem::take(&mut settings.streams);
        let start = match &load {
            None => None,
            Some(load) => Some(
                Start::new(command, load, streams, signals.before)?
                    .allow_privilege_escalation(settings.allow_privilege_escalation)
                    .wait_for_tracer(tracer),
            ),
        };
        match process::fork().doing("start the keeper")? {
            Fork::Child => {
                drop(socket);
                let command = command.name();
                let Settings { terminal, agent, .. } = settings;
                keeper::run(Job { start, command, role, shared, socket: theirs, terminal, agent })
            }
            Fork::Parent(keeper) => Ok(Self { signals, socket, shared, keeper, ended: false }),
        }
    }

    /// Waits for the next event, at most until `deadline`. `fds` are the caller's own descriptors to watch.
    pub fn next(&mut self, deadline: Option<Instant>, fds: &[&OwnedFd]) -> Result<Event> {
        loop {
            let mut polled = vec![PollFd::new(&self.signals.fd, PollFlags::IN)];
            polled.extend(fds.iter().map(|fd| PollFd::new(*fd, PollFlags::IN)));
            if !self.ended {
                polled.push(PollFd::new(&self.socket, PollFlags::IN));
            }
            let left = deadline.map(|d| timespec(d.saturating_duration_since(Instant::now())));
            match poll(&mut polled, left.as_ref()) {
                Ok(0) => return Ok(Event::Timeout),
                Err(rustix::io::Errno::INTR) => continue,
                other => other.doing("wait for the program")?,
            };
            let ready: Vec<bool> = polled.iter().map(|fd| !fd.revents().is_empty()).collect();
            if ready[0]
                && let Some(signal) =
                    process::next_signal(&self.signals.fd).filter(|s| s.number != libc::SIGCHLD)
            {
                return Ok(Event::Signal(signal));
            }
            // The program's output before the news of its end: it was written before.
            if let Some(index) = ready[1..=fds.len()].iter().position(|r| *r) {
                return Ok(Event::Readable(index));
            }
            if ready.get(1 + fds.len()) == Some(&true) {
                return self.hear();
            }
        }
    }

    fn hear(&mut self) -> Result<Event> {
        let Some(message) = message::receive(&mut self.socket).doing("hear from the keeper")? else {
            self.ended = true;
            let lost =
                std::io::Error::other("it ended without a word; the program's calls now fail with ENOSYS");
            let _ = self.signal(libc::SIGKILL);
            return Err(Error::new("hear from the keeper", lost));
        };
        Ok(match message {
            Message::Snapshot(text) => {
                let trace =
                    trace::read(&text).map_err(std::io::Error::other).doing("read the keeper's trace")?;
                Event::Trace(Box::new(trace))
            }
            Message::Miss(miss) => Event::Miss(miss),
            Message::MissCounts(counts, beyond) => Event::MissCounts(counts, beyond),
            Message::MainEnded(status) => Event::MainEnded(status),
            Message::Stopped(reason) => Event::Stopped(reason),
            Message::KilledBySigsys(executable) => Event::KilledBySigsys(executable),
            Message::Disturbed(calls) => Event::Disturbed(calls),
            Message::Finished => {
                self.ended = true;
                process::wait_for(self.keeper);
                Event::Finished
            }
            Message::NotStarted { doing, errno, hint } => {
                let error = Error::new(doing, std::io::Error::from_raw_os_error(errno));
                Event::NotStarted(Error { hint, ..error })
            }
        })
    }

    fn order(&mut self, order: Order) {
        // A keeper that is gone has nobody left to order about.
        let _ = self.socket.write_all(&[order as u8]);
    }

    /// Asks for a snapshot of the trace.
    pub fn ask_for_snapshot(&mut self) {
        self.order(Order::Snapshot);
    }

    /// Asks the program and all its descendants to end (SIGTERM).
    pub fn terminate(&mut self) {
        self.order(Order::Terminate);
    }

    /// Ends the program and all its descendants (SIGKILL).
    pub fn kill(&mut self) {
        self.order(Order::Kill);
    }

    /// Sends a signal to the program itself.
    pub fn signal(&self, number: i32) -> Result<()> {
        match self.shared.words().main_pid.load(SeqCst) {
            0 => Ok(()),
            pid => process::kill(pid, number).doing(format!("send signal {number} to the program")),
        }
    }

    /// Says which phase of its life the workload is in.
    pub fn set_phase(&self, phase: Phase) {
        self.shared.words().phase.store(phase as u32, SeqCst);
    }

    /// Calls and distinct things seen so far.
    pub fn progress(&self) -> (u64, u64) {
        let words = self.shared.words();
        (words.calls.load(Relaxed), words.distinct.load(Relaxed))
    }

    /// The keeper's process id: the ancestor of everything the program starts.
    pub fn keeper(&self) -> i32 {
        self.keeper
    }

    /// Runs `draw` to put up a status line, unless the program has written to the terminal.
    pub fn draw_line(&self, draw: impl FnOnce()) {
        let words = self.shared.words();
        words.lock_line();
        if words.program_wrote.load(SeqCst) == 0 {
            draw();
            words.line_drawn.store(1, SeqCst);
        }
        words.unlock_line();
    }

    /// Runs `clear` if a status line stands on the terminal.
    pub fn clear_line(&self, clear: impl FnOnce()) {
        let words = self.shared.words();
        words.lock_line();
        if words.line_drawn.swap(0, SeqCst) == 1 {
            clear();
        }
        words.unlock_line();
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec { tv_sec: duration.as_secs().min(1 << 30) as i64, tv_nsec: i64::from(duration.subsec_nanos()) }
}

/// What filter the child loads (none: there is no child), and what the keeper does.
fn split(purpose: Purpose) -> (Option<Load>, Role) {
    let fresh = |provenance| Trace { recordings: vec![provenance], ..Trace::default() };
    let plain =
        |program: Option<_>, log| program.map_or(Load::Nothing, |program| Load::Filter { program, log });
    let listener = |program: Option<_>| program.map_or(Load::Nothing, Load::Listener);
    match purpose {
        Purpose::Record { filter, provenance, trimmed } => {
            (Some(listener(filter)), Role::Record(Recorder::new(fresh(provenance), trimmed)))
        }
        Purpose::Trace { filter, provenance, stops, trimmed } => {
            let recorder = Recorder::new(fresh(provenance), trimmed);
            (Some(plain(Some(filter), false)), Role::Trace(Work::Record(recorder, stops)))
        }
        Purpose::Attach { pid, provenance } => {
            (None, Role::Attach { pid, recorder: Recorder::new(fresh(provenance), false) })
        }
        Purpose::Observe { target, later, filter, provenance } => {
            let load = target.is_none().then(|| plain(filter, false));
            (load, Role::Outside(keeper::Outside { target, later, provenance }))
        }
        Purpose::Judge { filter, traced, profile, audit, baseline } => {
            let duty = if audit { keeper::Duty::Audit } else { keeper::Duty::Enforce };
            let judge = Judge::new(profile, duty, baseline);
            if traced {
                (Some(plain(filter, false)), Role::Trace(Work::Judge(judge)))
            } else {
                (Some(listener(filter)), Role::Judge(judge))
            }
        }
        Purpose::Enforce { filter, log, watch } => {
            (Some(plain(filter, log)), if watch { Role::Trace(Work::Ends) } else { Role::Watch })
        }
    }
}

impl std::os::fd::AsFd for Signals {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
