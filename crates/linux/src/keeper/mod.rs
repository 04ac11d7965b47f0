//! The keeper: a small process that starts the program, holds its listener and answers until the last descendant is
//! gone, whatever happens to callgate itself.
//!
//! Without a listener notified calls fail with ENOSYS, so the keeper is a process of its own, in which no signal but
//! SIGKILL can end it. It is the subreaper of all descendants. It tells its owner what it sees through a socket; when
//! the owner is gone it goes on answering and says nothing more.

mod agent;
mod judge;
mod notify;
mod outside;
mod recorder;
mod traced;

use std::collections::BTreeSet;
use std::io::{Read, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::error::Error;
use crate::message::{self, Message, Order, Status};
use crate::proc;
use crate::spawn::{self, Start};
use crate::sys::process::{self, Wait};
use crate::sys::seccomp::KernelListener;
use crate::sys::shared::{Shared, Words};

pub(crate) use judge::{Duty, Judge};
pub(crate) use outside::Outside;
pub(crate) use recorder::Recorder;
pub use traced::Stops;
pub(crate) use traced::Work;

/// What the keeper does with the calls it sees.
pub(crate) enum Role {
    /// Let them go ahead and remember them.
    Record(Recorder),
    /// Hold them against a profile.
    Judge(Judge),
    /// Trace the program.
    Trace(traced::Work),
    /// Trace a program that runs already.
    Attach {
        /// Its process.
        pid: i32,
        /// What is seen.
        recorder: Recorder,
    },
    /// Record the program, or what runs already, by eBPF.
    Outside(Outside),
    /// Only watch how the program and what it orphans end; the filter decides by itself.
    Watch,
}

/// Everything a keeper starts with.
pub(crate) struct Job {
    /// `None`: the program runs already.
    pub(crate) start: Option<Start>,
    pub(crate) command: String,
    pub(crate) role: Role,
    pub(crate) shared: Shared,
    pub(crate) socket: UnixStream,
    /// The terminal that shows the owner's status line, when the program writes to the same one.
    pub(crate) terminal: Option<OwnedFd>,
    /// Where the program, a container runtime, sends its listener.
    pub(crate) agent: Option<UnixListener>,
}

/// The state every kind of keeper has.
pub(crate) struct Keeper {
    /// What the child was started with; its streams are the program's and are let go of early.
    start: Option<Start>,
    shared: Shared,
    socket: Option<UnixStream>,
    /// What the owner has not taken yet.
    outbox: Vec<u8>,
    terminal: Option<OwnedFd>,
    main: i32,
    main_ended: bool,
    children_gone: bool,
    sigsys_told: BTreeSet<i32>,
    /// Calls that were gone before they could be looked at: their task was killed, or a signal interrupted them.
    vanished: u64,
    /// The number of the last call looked at.
    last_id: Option<u64>,
    /// The processes that were asked to end, once that was wanted.
    asked_to_end: Option<BTreeSet<i32>>,
}

/// Runs a keeper to its end. Called in a freshly forked process; never returns.
pub(crate) fn run(job: Job) -> ! {
    process::block_all();
    process::set_name(c"callgate-keeper");
    let Job { start, command, role, shared, socket, terminal, agent } = job;
    // So that the program does not stand still when the owner does. Should this fail, it does, and nothing else is lost.
    let _ = socket.set_nonblocking(true);
    let mut keeper = Keeper {
        start,
        shared,
        socket: Some(socket),
        outbox: Vec::new(),
        terminal,
        main: 0,
        main_ended: false,
        children_gone: false,
        sigsys_told: BTreeSet::new(),
        vanished: 0,
        last_id: None,
        asked_to_end: None,
    };
    let result = keeper.work(&command, role, agent);
    if let Err(error) = result {
        keeper.tell(&not_started(&error));
    }
    keeper.tell(&Message::Finished);
    keeper.post_all();
    process::exit_now(0)
}

fn not_started(error: &Error) -> Message {
    Message::NotStarted {
        doing: error.doing.clone(),
        errno: error.source.raw_os_error().unwrap_or(libc::EIO),
        hint: error.hint.clone(),
    }
}

impl Keeper {
    fn work(&mut self, command: &str, role: Role, agent: Option<UnixListener>) -> crate::Result<()> {
        use crate::error::Doing;
        process::become_subreaper().doing("become the parent of orphans")?;
        let signals = process::signal_fd(&[libc::SIGCHLD]).doing("watch for children")?;
        if let Some(start) = &self.start {
            self.main = start.launch(&self.shared)?;
            self.words().main_pid.store(self.main, SeqCst);
        }
        match role {
            Role::Record(_) | Role::Judge(_) if agent.is_some() => {
                let Some(listener) = agent::wait(self, agent, &signals, command)? else { return Ok(()) };
                self.let_go_of_streams(&[listener.as_fd(), signals.as_fd()]);
                notify::run(self, listener, role, &signals, command)
            }
            Role::Record(_) | Role::Judge(_) => {
                let Some(listener) = self.adopt_listener() else { return self.no_listener(command) };
                self.let_go_of_streams(&[listener.as_fd(), signals.as_fd()]);
                notify::run(self, listener, role, &signals, command)
            }
            Role::Trace(work) => traced::run(self, work, &signals, command),
            Role::Attach { pid, recorder } => traced::attach(self, recorder, pid, &signals, command),
            Role::Outside(outside) => outside::run(self, outside, &signals, command),
            Role::Watch => notify::watch(self, &signals, command),
        }
    }

    fn words(&self) -> &Words {
        self.shared.words()
    }

    /// Waits for the child to publish its listener. `None`: the child failed before it could.
    ///
    /// The child may make no system call to say so, hence the polling; it takes microseconds.
    fn adopt_listener(&mut self) -> Option<KernelListener> {
        let mut rounds = 0_u64;
        loop {
            let fd = self.words().listener.load(SeqCst);
            if fd > 0 {
                return Some(KernelListener::adopt(fd - 1));
            }
            if self.words().failed_step.load(SeqCst) != 0 {
                return None;
            }
            rounds += 1;
            if rounds.is_multiple_of(1000)
                && matches!(process::wait_any(), Wait::NoChildren | Wait::Changed(_))
            {
                return None;
            }
            std::thread::yield_now();
        }
    }

    /// The child got no listener. One that another supervisor has is a way of recording that cannot be taken, not a
    /// program that cannot start.
    fn no_listener(&mut self, command: &str) -> crate::Result<()> {
        if !spawn::listener_is_taken(self.words()) {
            return self.startup_failure(command);
        }
        process::wait_for(self.main);
        let reason = "another supervisor already listens to a filter above this process (callgate itself, or a \
                      container runtime's seccomp agent)";
        self.tell(&Message::Stopped(reason.to_owned()));
        Ok(())
    }

    /// The failure the child left, once it is reaped.
    fn startup_failure(&mut self, command: &str) -> crate::Result<()> {
        process::wait_for(self.main);
        Err(spawn::failure(self.words(), command).unwrap_or_else(|| {
            Error::new(
                format!("start `{command}`"),
                std::io::Error::other("it died before its first instruction"),
            )
        }))
    }

    /// Gives back the program's standard streams and all that was inherited, so that whoever waits for the end of one
    /// sees it when the program ends. `keep` is still needed.
    ///
    /// Where a filter above forbids unshare(2) the table may still be the child's, too: then nothing is touched, and
    /// the streams stay open until the keeper exits.
    fn let_go_of_streams(&mut self, keep: &[BorrowedFd<'_>]) {
        if process::unshare_files().is_err() {
            return;
        }
        self.start = None;
        let ours = [self.socket.as_ref().map(AsFd::as_fd), self.terminal.as_ref().map(AsFd::as_fd)];
        let keep: Vec<_> = keep.iter().copied().chain(ours.into_iter().flatten()).collect();
        // Failing costs nothing but a late end of file.
        let _ = process::close_others(&keep);
        if let Ok(null) = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null") {
            let _ = rustix::stdio::dup2_stdin(&null);
            let _ = rustix::stdio::dup2_stdout(&null);
            let _ = rustix::stdio::dup2_stderr(&null);
        }
    }

    /// Tells the owner something, as soon as it listens. An owner that is gone is told nothing more.
    fn tell(&mut self, message: &Message) {
        if self.socket.is_some() {
            // Writing to memory does not fail.
            let _ = message::send(&mut self.outbox, message);
            self.post();
        }
    }

    /// Posts what the owner takes now. The program never waits for an owner that does not listen; what piles up is
    /// bounded by the kinds of misses and by the snapshots the owner asked for.
    fn post(&mut self) {
        while let Some(socket) = self.socket.as_mut().filter(|_| !self.outbox.is_empty()) {
            match socket.write(&self.outbox) {
                Ok(n) => drop(self.outbox.drain(..n)),
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => self.socket = None,
            }
        }
    }

    /// Posts the rest, however long the owner takes.
    fn post_all(&mut self) {
        if let Some(socket) = &self.socket {
            // Failing leaves it as it is, and the last words may be lost with a slow owner.
            let _ = socket.set_nonblocking(false);
        }
        self.post();
    }

    /// What to wait for on the socket: orders, and room for what has to be told.
    fn socket_flags(&self) -> PollFlags {
        if self.outbox.is_empty() { PollFlags::IN } else { PollFlags::IN | PollFlags::OUT }
    }

    /// Waits until one of these is readable, or there is an order, or a tenth of a second has passed: a new phase comes
    /// without a word. Says whether there is an order.
    fn wait(&self, watched: &[BorrowedFd<'_>]) -> std::io::Result<bool> {
        let mut fds: Vec<_> = watched.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
        if let Some(socket) = &self.socket {
            fds.push(PollFd::new(socket, self.socket_flags()));
        }
        let limit = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
        match poll(&mut fds, Some(&limit)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let orders = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
        Ok(fds.get(watched.len()).is_some_and(|fd| fd.revents().intersects(orders)))
    }

    /// Reads one order of the owner's; `None` when there is none to read or the owner is gone.
    fn order(&mut self) -> Option<Order> {
        let mut byte = [0];
        match self.socket.as_mut()?.read(&mut byte) {
            Ok(1) => return Order::from_byte(byte[0]),
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
            _ => self.socket = None,
        }
        None
    }

    /// Asks the topmost processes to end, as a service manager does; they end their own children. Those that do not,
    /// such as a shell around a server, leave orphans, which come to us and are asked as they come.
    fn terminate(&mut self) {
        let asked = self.asked_to_end.get_or_insert_default();
        for pid in proc::children(std::process::id() as i32) {
            if asked.insert(pid) {
                // A process that ended meanwhile needs no signal.
                let _ = process::kill(pid, libc::SIGTERM);
            }
        }
    }

    /// Ends every descendant. Repeated, since a process may fork while we look.
    fn kill_all() {
        for _ in 0..3 {
            for pid in proc::descendants(std::process::id() as i32) {
                let _ = process::kill(pid, libc::SIGKILL);
            }
        }
    }

    /// Counts the calls that vanished since the last one: the kernel numbers notifications one by one, and hands them
    /// out in that order (`kernel/seccomp.c`, seccomp_next_notify_id and seccomp_notify_recv).
    fn count_vanished(&mut self, id: u64) {
        let vanished = self.last_id.map_or(0, |last| id.wrapping_sub(last).wrapping_sub(1));
        self.vanished = self.vanished.saturating_add(vanished);
        self.last_id = Some(id);
    }

    /// Takes note of a task's end.
    fn ended(&mut self, pid: i32, wait_status: i32, command: &str) {
        let status = Status::from_wait(wait_status);
        if let Some(asked) = &mut self.asked_to_end {
            asked.remove(&pid);
            self.terminate();
        }
        if pid == self.main && !self.main_ended {
            self.main_ended = true;
            if let Some(error) = spawn::failure(self.words(), command) {
                self.tell(&not_started(&error));
            } else {
                self.tell(&Message::MainEnded(status));
            }
        } else if status == Status::Signaled(libc::SIGSYS) {
            self.sigsys(pid, "an orphaned descendant".to_owned());
        }
    }

    /// Reports a death by SIGSYS once per task.
    fn sigsys(&mut self, pid: i32, executable: String) {
        if self.sigsys_told.insert(pid) {
            self.tell(&Message::KilledBySigsys(executable));
        }
    }

    /// Clears the owner's status line before the program writes to the same terminal, and keeps it away.
    fn make_way(&self) {
        let words = self.words();
        if words.program_wrote.load(Relaxed) == 0
            && let Some(terminal) = &self.terminal
        {
            words.lock_line();
            words.program_wrote.store(1, SeqCst);
            if words.line_drawn.swap(0, SeqCst) == 1 {
                let _ = rustix::io::write(terminal.as_fd(), b"\r\x1b[K");
            }
            words.unlock_line();
        }
    }
}
