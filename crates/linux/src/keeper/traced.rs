//! The loop of a keeper that traces.
//!
//! Two ways of seeing calls, both with our own RET_TRACE filter loaded: [`Stops::Calls`] stops at every entry and exit,
//! before any filter has its say, and tells by the filter's event whether the others let a call pass: entry without
//! that event and an error at the exit is a refusal by another filter, with its errno. [`Stops::Filter`] stops once per
//! call, at that event alone: half the price, and blind to what another filter answers.
//!
//! Without work it only watches how tasks end. Order of stops since Linux 4.8 (`kernel/entry/common.c`,
//! syscall_trace_enter): entry → seccomp → exit.

use std::collections::{BTreeSet, HashMap};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering::SeqCst;

use callgate_core::trace::Outcome;
use callgate_core::{SeccompData, sysno};

use super::{Judge, Keeper, Recorder};
use crate::error::{Doing, Error};
use crate::message::{Message, Order, Status};
use crate::proc::{self, Proc};
use crate::spawn;
use crate::sys::process::{self, Wait};
use crate::sys::ptrace::{self, Stop};
use crate::sys::seam::Tasks;
use crate::sys::seccomp::FLAG_NEW_LISTENER;

/// Where a tracer stops a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stops {
    /// At every call, before and after all filters.
    Calls,
    /// Where our own filter asks, after all others let the call pass.
    Filter,
}

/// What a tracer does with the calls it sees.
pub(crate) enum Work {
    /// Remember them.
    Record(Recorder, Stops),
    /// Hold them against a profile, as they are made: before any filter, so that none of the program's own hides one.
    /// The filter loaded decides what happens; this only reports.
    Judge(Judge),
    /// Nothing: only watch how tasks end.
    Ends,
}

/// What is known of a call between its entry and its exit.
#[derive(Clone, Copy)]
struct Open {
    data: SeccompData,
    passed: bool,
}

struct Tracer<'k> {
    keeper: &'k mut Keeper,
    work: Work,
    open: HashMap<i32, Open>,
    /// Thread → its executable, as the recorder numbers it.
    executables: HashMap<i32, u32>,
    /// Every task we hold.
    tasks: BTreeSet<i32>,
    /// Our filter is loaded: calls before that are ours, not the program's.
    inside: bool,
    /// No filter of ours is loaded, since the program ran before we came: nothing tells what another filter refuses.
    attached: bool,
    /// The program or something above it has a listener: what does not pass our filter may have been answered there.
    listens: bool,
    /// We were asked to let go of a program that is not ours.
    leaving: bool,
    command: &'k str,
}

/// Traces the program the keeper starts until its last task is gone.
pub(super) fn run(keeper: &mut Keeper, work: Work, signals: &OwnedFd, command: &str) -> crate::Result<()> {
    let mut tracer = Tracer::new(keeper, work, command);
    // The child waits to be traced: it must not do so for ever.
    let above = spawn::listener_above().inspect_err(|_| Keeper::kill_all())?;
    tracer.listens = tracer.stops() == Some(Stops::Calls) && above;
    tracer.take_child()?;
    tracer.keeper.let_go_of_streams(&[signals.as_fd()]);
    tracer.follow(signals)
}

/// Traces a program that runs already, and what it starts, until it is gone or we are asked to let go.
pub(super) fn attach(
    keeper: &mut Keeper,
    mut recorder: Recorder,
    pid: i32,
    signals: &OwnedFd,
    command: &str,
) -> crate::Result<()> {
    recorder.has_no_floor();
    let mut tracer = Tracer::new(keeper, Work::Record(recorder, Stops::Calls), command);
    (tracer.attached, tracer.inside) = (true, true);
    tracer.take_running(pid)?;
    tracer.follow(signals)
}

impl<'k> Tracer<'k> {
    fn new(keeper: &'k mut Keeper, work: Work, command: &'k str) -> Self {
        Self {
            keeper,
            work,
            open: HashMap::new(),
            executables: HashMap::new(),
            tasks: BTreeSet::new(),
            inside: false,
            attached: false,
            listens: false,
            leaving: false,
            command,
        }
    }

    fn stops(&self) -> Option<Stops> {
        match &self.work {
            Work::Record(_, stops) => Some(*stops),
            Work::Judge(_) => Some(Stops::Calls),
            Work::Ends => None,
        }
    }

    fn options(&self) -> i32 {
        ptrace::FOLLOW | if self.stops().is_some() { ptrace::CALLS } else { 0 }
    }

    /// Seizes the child, which waits for the go, stops it and lets it run into our loop.
    fn take_child(&mut self) -> crate::Result<()> {
        let main = self.keeper.main;
        let seized = ptrace::seize(main, self.options()).and_then(|()| ptrace::interrupt(main));
        if let Err(source) = seized {
            Keeper::kill_all();
            let hint = "tracing is forbidden here (Yama ptrace_scope 3, or a filter); see `callgate doctor`";
            return Err(Error::new("trace the program", source).hint(hint));
        }
        self.tasks.insert(main);
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

    /// Seizes every thread of a running process and of its descendants, until no new one turns up.
    fn take_running(&mut self, pid: i32) -> crate::Result<()> {
        self.keeper.main = pid;
        let us = std::process::id() as i32;
        let ourselves = [us, proc::parent(us).unwrap_or(0)];
        // Their parent may be stopped by us and unable to reap them: they can be there in every round.
        let mut ended = BTreeSet::new();
        loop {
            let processes =
                proc::descendants(pid).into_iter().chain([pid]).filter(|p| !ourselves.contains(p));
            let known = |tid: &i32| self.tasks.contains(tid) || ended.contains(tid);
            let found: Vec<i32> = processes.flat_map(proc::threads).filter(|tid| !known(tid)).collect();
            for &tid in &found {
                if self.take_thread(tid)? {
                    self.tasks.insert(tid);
                } else {
                    ended.insert(tid);
                }
            }
            // The first thread may have ended before the others.
            if !proc::threads(pid).iter().any(|tid| self.tasks.contains(tid)) {
                return Err(cannot_attach(pid, std::io::Error::from_raw_os_error(libc::ESRCH)));
            }
            if found.is_empty() {
                return Ok(());
            }
        }
    }

    /// Seizes and stops one thread; false: it has ended since we looked.
    fn take_thread(&self, tid: i32) -> crate::Result<bool> {
        let Err(source) = ptrace::seize(tid, self.options()).and_then(|()| ptrace::interrupt(tid)) else {
            return Ok(true);
        };
        match proc::tracer(tid) {
            // Held by us already: a child of a task that we follow.
            Some(tracer) if tracer == std::process::id() as i32 => Ok(true),
            None => Ok(false),
            // The kernel answers EPERM for a task that has ended and was not reaped (kernel/ptrace.c, ptrace_attach).
            Some(_) if proc::has_ended(tid) => Ok(false),
            Some(_) => Err(cannot_attach(tid, source)),
        }
    }

    fn follow(&mut self, signals: &OwnedFd) -> crate::Result<()> {
        while !((self.keeper.main_ended || self.attached) && self.keeper.children_gone) {
            let ordered = self.keeper.wait(&[signals.as_fd()]).doing("wait for tasks")?;
            while process::next_signal(signals).is_some() {}
            self.drain();
            self.tell_news();
            self.keeper.post();
            if ordered {
                self.obey();
            }
        }
        self.finish();
        Ok(())
    }

    fn resume(&self, tid: i32, signal: i32) {
        // A task killed meanwhile is not there to be resumed; its end is reported by wait.
        let _ = ptrace::resume(tid, signal, self.stops() == Some(Stops::Calls));
    }

    fn drain(&mut self) {
        loop {
            match process::wait_any() {
                Wait::Changed(waited) if libc::WIFSTOPPED(waited.status) => {
                    self.tasks.insert(waited.pid);
                    self.stopped(waited.pid, waited.status);
                }
                Wait::Changed(waited) => {
                    self.forget(waited.pid);
                    self.tasks.remove(&waited.pid);
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
        let call_stop = event == 0 && signal == libc::SIGTRAP | 0x80;
        match event {
            libc::PTRACE_EVENT_STOP if !self.leaving => {
                let group_stop =
                    [libc::SIGSTOP, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU].contains(&signal);
                if group_stop && ptrace::listen(tid).is_ok() {
                    return;
                }
            }
            libc::PTRACE_EVENT_EXIT => self.exiting(tid),
            libc::PTRACE_EVENT_EXEC => self.executed(tid),
            libc::PTRACE_EVENT_SECCOMP => self.passed(tid),
            0 if call_stop => self.call_stop(tid),
            _ => {}
        }
        let deliver = if event == 0 && !call_stop { signal } else { 0 };
        if self.leaving {
            // A task killed meanwhile needs no release.
            let _ = ptrace::detach(tid, deliver);
            self.tasks.remove(&tid);
        } else {
            self.resume(tid, deliver);
        }
    }

    fn exiting(&mut self, tid: i32) {
        let status = ptrace::event_message(tid).map(|m| Status::from_wait(m as i32));
        self.forget(tid);
        if matches!(status, Ok(Status::Signaled(libc::SIGSYS))) {
            let executable = Proc.executable(tid as u32).unwrap_or_default();
            self.keeper.sigsys(tid, executable);
        }
    }

    fn forget(&mut self, tid: i32) {
        self.open.remove(&tid);
        self.executables.remove(&tid);
    }

    /// After execve every thread of the process is gone but this one, which is the leader now, whoever it was before.
    fn executed(&mut self, tid: i32) {
        let former = ptrace::event_message(tid).map_or(tid, |m| m as i32);
        let open = self.open.remove(&former);
        self.forget(tid);
        self.forget(former);
        self.open.extend(open.map(|o| (tid, o)));
        if let Work::Record(recorder, _) = &mut self.work
            && self.inside
            && Proc.grants_privilege(tid as u32)
            && Proc.lost_privilege(tid as u32)
        {
            let path = Proc.executable(tid as u32).unwrap_or_default();
            recorder.lost_privilege(&path);
        }
    }

    /// Our own filter asked: every other one let the call pass.
    fn passed(&mut self, tid: i32) {
        let Ok(Stop::Seccomp(data)) = ptrace::stop(tid) else { return };
        self.inside = true;
        if let Some(open) = self.open.get_mut(&tid) {
            open.passed = true;
        }
        if self.stops() == Some(Stops::Filter) && wants_a_listener(&data) {
            self.cannot_serve(tid);
        }
        self.note(tid, &data, Outcome::Made);
    }

    /// The program wants a listener of its own, and what that answers never reaches a tracer that sees its own filter
    /// only.
    fn cannot_serve(&mut self, tid: i32) {
        if matches!(self.work, Work::Record(..)) {
            let path = Proc.executable(tid as u32).unwrap_or_default();
            let reason =
                format!("`{path}` installs a seccomp listener of its own, which answers before it does");
            self.keeper.tell(&Message::Stopped(reason));
            Keeper::kill_all();
        }
    }

    fn call_stop(&mut self, tid: i32) {
        match ptrace::stop(tid) {
            Ok(Stop::Entry(data)) if self.attached => self.note(tid, &data, Outcome::Made),
            Ok(Stop::Entry(data)) => {
                self.open.insert(tid, Open { data, passed: false });
                self.judge(tid, &data);
            }
            Ok(Stop::Exit(value)) => {
                if let Some(open) = self.open.remove(&tid) {
                    self.left(tid, open, value);
                }
            }
            _ => {}
        }
    }

    /// A call came back. One that passed every filter was dealt with when it did.
    fn left(&mut self, tid: i32, open: Open, value: i64) {
        if !self.inside {
            self.inside = value == 0 && named(&open.data, "seccomp");
            return;
        }
        self.listens |= value >= 0 && wants_a_listener(&open.data);
        if open.passed {
            return;
        }
        let refused = u16::try_from(-value).ok().filter(|e| (1..=callgate_core::errno::MAX).contains(e));
        // Whoever answered in a listener's name must get to see the call under the profile, too.
        let outcome = refused.filter(|_| !self.listens).map_or(Outcome::Made, Outcome::Refused);
        self.note(tid, &open.data, outcome);
    }

    fn judge(&mut self, tid: i32, data: &SeccompData) {
        if let Work::Judge(judge) = &mut self.work
            && self.inside
        {
            judge.decide(data, tid as u32, || Proc.executable(tid as u32).unwrap_or_default());
        }
    }

    fn note(&mut self, tid: i32, data: &SeccompData, outcome: Outcome) {
        let Work::Record(recorder, _) = &mut self.work else { return };
        let Some(call) = data.to_call() else { return recorder.unknown_architecture() };
        let executable = *self
            .executables
            .entry(tid)
            .or_insert_with(|| recorder.number_of(Proc.executable(tid as u32).unwrap_or_default()));
        let words = self.keeper.shared.words();
        let name = sysno::name(call.arch, call.nr);
        if named(data, "ptrace") {
            recorder.remark("the program uses ptrace(2), which tracing it hinders".to_owned());
        }
        if wants_a_listener(data) {
            let remark =
                "the program installs a seccomp listener of its own; what that answers counts as made";
            recorder.remark(remark.to_owned());
        }
        let phase = recorder.phase(name, words);
        recorder.note(call, outcome, executable, phase, words);
    }

    /// What the judge found since the last look.
    fn tell_news(&mut self) {
        if let Work::Judge(judge) = &mut self.work {
            for miss in judge.take_news() {
                self.keeper.tell(&Message::Miss(miss));
            }
        }
    }

    fn finish(&mut self) {
        self.tell_news();
        match &mut self.work {
            Work::Record(recorder, _) => {
                let text = recorder.snapshot();
                self.keeper.tell(&Message::Snapshot(text));
            }
            Work::Judge(judge) => {
                let (counts, beyond) = judge.counts();
                self.keeper.tell(&Message::MissCounts(counts, beyond));
            }
            Work::Ends => {}
        }
    }

    fn obey(&mut self) {
        match self.keeper.order() {
            Some(Order::Snapshot) => {
                if let Work::Record(recorder, _) = &mut self.work {
                    let text = recorder.snapshot();
                    self.keeper.tell(&Message::Snapshot(text));
                }
            }
            Some(Order::Terminate | Order::Kill) if self.attached => self.leave(),
            Some(Order::Terminate) => self.keeper.terminate(),
            Some(Order::Kill) => Keeper::kill_all(),
            // Nobody is left who wants to know.
            None if self.attached && self.keeper.socket.is_none() => self.leave(),
            None => {}
        }
    }

    /// Stops every task we hold, so that it can be let go of.
    fn leave(&mut self) {
        self.leaving = true;
        for tid in &self.tasks {
            // A task that is gone needs no release.
            let _ = ptrace::interrupt(*tid);
        }
    }
}

fn named(data: &SeccompData, name: &str) -> bool {
    data.to_call().is_some_and(|call| sysno::name(call.arch, call.nr) == Some(name))
}

/// seccomp(SECCOMP_SET_MODE_FILTER, …NEW_LISTENER…).
fn wants_a_listener(data: &SeccompData) -> bool {
    named(data, "seccomp") && data.args[0] == 1 && data.args[1] as u32 & FLAG_NEW_LISTENER != 0
}

fn cannot_attach(tid: i32, source: std::io::Error) -> Error {
    let hint = match source.raw_os_error() {
        Some(libc::ESRCH) => "there is no such process, or it ended meanwhile",
        _ if proc::tracer(tid).is_some_and(|t| t != 0) => {
            "a debugger or another tracer holds it, and a task has one tracer"
        }
        _ => {
            "it belongs to another user, may not be dumped, or Yama lets a process trace only what it started \
             (kernel.yama.ptrace_scope)"
        }
    };
    let root = rustix::process::geteuid().is_root() || source.raw_os_error() == Some(libc::ESRCH);
    let hint = if root { hint.to_owned() } else { format!("{hint}; attach as root") };
    Error::new(format!("attach to process {tid}"), source).hint(hint)
}
