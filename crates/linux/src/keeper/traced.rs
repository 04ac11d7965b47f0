//! The loop of a keeper that traces.
//!
//! With a recorder it sees every call before any filter does, and by our own RET_TRACE filter whether the others let
//! it pass: entry without that event and an error at the exit is a refusal by another filter, with its errno. Without
//! one it only watches how tasks end.
//!
//! Order of stops since Linux 4.8 (`kernel/entry/common.c`, syscall_trace_enter): entry → seccomp → exit.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering::SeqCst;

use callgate_core::trace::{Outcome, Phase};
use callgate_core::{Call, sysno};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Keeper, Recorder};
use crate::error::{Doing, Error};
use crate::message::{Message, Order, Status};
use crate::proc::Proc;
use crate::sys::process::{self, Wait};
use crate::sys::ptrace::{self, Stop};
use crate::sys::seam::Tasks;

/// What is known of a call between its entry and its exit.
struct Open {
    call: Call,
    passed: bool,
}

struct Tracer<'k> {
    keeper: &'k mut Keeper,
    recorder: Option<Recorder>,
    open: HashMap<i32, Open>,
    /// Our filter is loaded: calls before that are ours, not the program's.
    inside: bool,
    command: &'k str,
}

/// Traces until the last task is gone.
pub(super) fn run(
    keeper: &mut Keeper,
    recorder: Option<Recorder>,
    signals: &OwnedFd,
    command: &str,
) -> crate::Result<()> {
    let mut tracer = Tracer { keeper, recorder, open: HashMap::new(), inside: false, command };
    tracer.attach()?;
    tracer.keeper.let_go_of_streams(&[signals.as_fd()]);
    while !(tracer.keeper.main_ended && tracer.keeper.children_gone) {
        let ordered = wait(tracer.keeper, signals).doing("wait for tasks")?;
        while process::next_signal(signals).is_some() {}
        tracer.drain();
        tracer.keeper.post();
        if ordered {
            tracer.obey();
        }
    }
    if let Some(recorder) = &mut tracer.recorder {
        let text = recorder.snapshot();
        tracer.keeper.tell(&Message::Snapshot(text));
    }
    Ok(())
}

/// Waits for a signal or an order; says whether there is an order.
fn wait(keeper: &Keeper, signals: &OwnedFd) -> std::io::Result<bool> {
    let mut fds = vec![PollFd::new(signals, PollFlags::IN)];
    if let Some(socket) = &keeper.socket {
        fds.push(PollFd::new(socket, keeper.socket_flags()));
    }
    let limit = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    match poll(&mut fds, Some(&limit)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let orders = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
    Ok(fds.get(1).is_some_and(|fd| fd.revents().intersects(orders)))
}

impl Tracer<'_> {
    /// Seizes the child, which waits for the go, stops it and lets it run into our loop.
    fn attach(&mut self) -> crate::Result<()> {
        let main = self.keeper.main;
        let options = ptrace::FOLLOW | if self.recorder.is_some() { ptrace::CALLS } else { 0 };
        let seized = ptrace::seize(main, options).and_then(|()| ptrace::interrupt(main));
        if let Err(source) = seized {
            Keeper::kill_all();
            let hint = "tracing is forbidden here (Yama ptrace_scope 3, or a filter); see `callgate doctor`";
            return Err(Error::new("trace the program", source).hint(hint));
        }
        loop {
            match process::wait_any() {
                Wait::Changed(waited) if libc::WIFSTOPPED(waited.status) => break,
                Wait::Changed(_) | Wait::NoChildren => return self.keeper.startup_failure(self.command),
                Wait::Nothing => std::thread::yield_now(),
            }
        }
        self.keeper.words().go.store(1, SeqCst);
        self.resume(main, 0);
        Ok(())
    }

    fn resume(&self, tid: i32, signal: i32) {
        // A task killed meanwhile is not there to be resumed; its end is reported by wait.
        let _ = ptrace::resume(tid, signal, self.recorder.is_some());
    }

    fn drain(&mut self) {
        loop {
            match process::wait_any() {
                Wait::Changed(waited) if libc::WIFSTOPPED(waited.status) => {
                    self.stopped(waited.pid, waited.status);
                }
                Wait::Changed(waited) => {
                    self.open.remove(&waited.pid);
                    self.keeper.ended(waited.pid, waited.status, self.command);
                }
                Wait::Nothing => return,
                Wait::NoChildren => {
                    self.keeper.children_gone = true;
                    return;
                }
            }
        }
    }

    /// A stop: signal in the low byte, event above it (ptrace(2)).
    fn stopped(&mut self, tid: i32, status: i32) {
        let (signal, event) = (libc::WSTOPSIG(status), status >> 16);
        match event {
            libc::PTRACE_EVENT_STOP => {
                let group_stop =
                    [libc::SIGSTOP, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU].contains(&signal);
                if group_stop && ptrace::listen(tid).is_ok() {
                    return;
                }
                self.resume(tid, 0);
            }
            libc::PTRACE_EVENT_EXIT => {
                self.exiting(tid);
                self.resume(tid, 0);
            }
            libc::PTRACE_EVENT_SECCOMP => {
                if let Some(open) = self.open.get_mut(&tid) {
                    open.passed = true;
                }
                self.resume(tid, 0);
            }
            0 if signal == libc::SIGTRAP | 0x80 => {
                self.call_stop(tid);
                self.resume(tid, 0);
            }
            0 => self.resume(tid, signal),
            _ => self.resume(tid, 0),
        }
    }

    fn exiting(&mut self, tid: i32) {
        let status = ptrace::event_message(tid).map(|m| Status::from_wait(m as i32));
        if let Some(open) = self.open.remove(&tid)
            && open.passed
        {
            self.note(tid, open.call, Outcome::Made);
        }
        if matches!(status, Ok(Status::Signaled(libc::SIGSYS))) {
            let executable = Proc.executable(tid as u32).unwrap_or_default();
            self.keeper.sigsys(tid, executable);
        }
    }

    fn call_stop(&mut self, tid: i32) {
        match ptrace::stop(tid) {
            Ok(Stop::Entry(data)) => {
                if let Some(call) = data.to_call() {
                    self.open.insert(tid, Open { call, passed: false });
                }
            }
            Ok(Stop::Exit(value)) => {
                if let Some(open) = self.open.remove(&tid) {
                    self.left(tid, &open, value);
                }
            }
            _ => {}
        }
    }

    fn left(&mut self, tid: i32, open: &Open, value: i64) {
        if !self.inside {
            let loads = sysno::name(open.call.arch, open.call.nr) == Some("seccomp");
            self.inside = loads && value == 0;
        } else if open.passed {
            self.note(tid, open.call, Outcome::Made);
        } else if let Ok(errno) = u16::try_from(-value)
            && (1..=callgate_core::errno::MAX).contains(&errno)
        {
            self.note(tid, open.call, Outcome::Refused(errno));
        }
    }

    fn note(&mut self, tid: i32, call: Call, outcome: Outcome) {
        let Some(recorder) = &mut self.recorder else { return };
        let words = self.keeper.shared.words();
        let path = Proc.executable(tid as u32).unwrap_or_default();
        let executable = recorder.number_of(path);
        let index = words.phase.load(SeqCst) as usize;
        let phase = Phase::ALL.get(index).map_or(Phase::Unphased, |(phase, _)| *phase);
        if sysno::name(call.arch, call.nr) == Some("ptrace") {
            recorder.remark("the program uses ptrace(2), which tracing it hinders".to_owned());
        }
        recorder.note(call, outcome, executable, phase, words);
    }

    fn obey(&mut self) {
        match self.keeper.order() {
            Some(Order::Snapshot) => {
                if let Some(recorder) = &mut self.recorder {
                    let text = recorder.snapshot();
                    self.keeper.tell(&Message::Snapshot(text));
                }
            }
            Some(Order::Terminate) => Keeper::terminate(),
            Some(Order::Kill) => Keeper::kill_all(),
            None => {}
        }
    }
}
