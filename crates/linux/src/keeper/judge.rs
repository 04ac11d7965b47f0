//! Holding calls against a profile: what the proof and `run` do with every call the profile does not plainly allow.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use callgate_core::{Action, Meaning, SeccompData, args, sysno};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::notify::Verdict;
use crate::message::Miss;
use crate::sys::process;
use crate::sys::seam::{Listener, Notification, Response, Tasks};

/// Kinds of misses reported one by one; beyond that they are only counted.
const MAX_KINDS: usize = 4096;

/// What makes two misses one kind: the call, its arguments as far as they are worth learning, the executable.
type Kind = (u32, u32, [u64; 6], String);

/// What a judge does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duty {
    /// Apply the profile's action.
    Enforce,
    /// Report, and let it go ahead.
    Audit,
}

/// The state of one trial.
pub(crate) struct Judge {
    profile: Meaning,
    /// For complain: what the baseline allows goes ahead, reported; the rest gets the baseline's action.
    baseline: Option<Meaning>,
    duty: Duty,
    kinds: BTreeMap<Kind, usize>,
    counts: Vec<u64>,
    /// Misses of kinds beyond [`MAX_KINDS`].
    beyond: u64,
    news: Vec<Miss>,
    last_executable: String,
}

impl Judge {
    /// A judge that holds calls against `profile`.
    pub(crate) fn new(profile: Meaning, duty: Duty, baseline: Option<Meaning>) -> Self {
        Self {
            profile,
            baseline,
            duty,
            kinds: BTreeMap::new(),
            counts: Vec::new(),
            beyond: 0,
            news: Vec::new(),
            last_executable: String::new(),
        }
    }

    /// Decides about a notified call.
    pub(super) fn answer(
        &mut self,
        seen: &Notification,
        (listener, tasks): (&dyn Listener, &dyn Tasks),
    ) -> Verdict {
        self.decide(&seen.data, seen.tid, || {
            let path = tasks.executable(seen.tid).unwrap_or_default();
            if listener.is_valid(seen.id) { path } else { String::new() }
        })
    }

    /// Decides about a call from its registers alone; the executable is only asked for to be named.
    pub(super) fn decide(
        &mut self,
        data: &SeccompData,
        tid: u32,
        executable: impl Fn() -> String,
    ) -> Verdict {
        let action = self.profile.action_of_data(data);
        if action.permits() {
            // Asked although allowed: the filter logs by asking.
            return Verdict::Answer(Response::Continue);
        }
        let effective = match (&self.baseline, self.duty) {
            (Some(baseline), _) => baseline.action_of_data(data),
            (None, Duty::Audit) => Action::Log,
            (None, Duty::Enforce) => action,
        };
        self.last_executable = executable();
        self.report(data, tid, effective.permits());
        match effective {
            Action::Allow | Action::Log => Verdict::Answer(Response::Continue),
            Action::Errno(errno) => Verdict::Answer(Response::Errno(errno)),
            Action::KillProcess | Action::KillThread => Verdict::Kill { forced: true },
            Action::Trap(_) => Verdict::Kill { forced: false },
            // Nobody else listens or traces here; the kernel's answer is ENOSYS then.
            Action::Notify | Action::Trace(_) => Verdict::Answer(Response::Errno(libc::ENOSYS as u16)),
        }
    }

    fn report(&mut self, data: &SeccompData, tid: u32, went_ahead: bool) {
        let kind = (data.arch, data.nr, learned(data), self.last_executable.clone());
        if let Some(index) = self.kinds.get(&kind) {
            self.counts[*index] += 1;
        } else if self.kinds.len() < MAX_KINDS {
            self.kinds.insert(kind, self.counts.len());
            self.counts.push(1);
            self.news.push(Miss {
                token: data.arch,
                nr: data.nr,
                args: data.args,
                tid,
                executable: self.last_executable.clone(),
                went_ahead,
            });
        } else {
            self.beyond += 1;
        }
    }

    /// The executable of the call judged last.
    pub(super) fn last_executable(&self) -> &str {
        &self.last_executable
    }

    /// The misses of new kinds since the last look.
    pub(super) fn take_news(&mut self) -> Vec<Miss> {
        std::mem::take(&mut self.news)
    }

    /// How many misses there were of each kind, in the order they were told, and how many of kinds beyond.
    pub(super) fn counts(&self) -> (Vec<u64>, u64) {
        (self.counts.clone(), self.beyond)
    }
}

fn learned(data: &SeccompData) -> [u64; 6] {
    let Some(call) = data.to_call() else { return [0; 6] };
    let params =
        sysno::name(call.arch, call.nr).and_then(|n| args::params_on(call.arch, n)).unwrap_or_default();
    let value = |i: usize| {
        params.get(i).and_then(|p| callgate_core::trace::learned_value(p, call.args[i])).unwrap_or(0)
    };
    std::array::from_fn(value)
}

/// A process that was sent the signal that ends it.
pub(super) struct Doomed {
    process: OwnedFd,
    since: Instant,
}

/// How long SIGSYS may take to end a process; then SIGKILL does: a thread of it may have changed what SIGSYS does.
const DEATH: Duration = Duration::from_millis(50);

impl Doomed {
    /// Whether it still lives; ends it for good when that has lasted too long.
    pub(super) fn lives(&self) -> bool {
        let mut fds = [PollFd::new(&self.process, PollFlags::IN)];
        // pidfd_open(2): readable once the process is gone.
        let gone = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|ready| ready > 0);
        if !gone && self.since.elapsed() >= DEATH {
            // Gone this very moment is as good.
            let _ = pidfd_send_signal(&self.process, Signal::KILL);
        }
        !gone
    }
}

/// Ends the process of a waiting thread with SIGSYS, as KILL and TRAP do. `None`: its handler will run (TRAP only), or it
/// is gone.
///
/// The call has to be answered afterwards: a call that waits to be answered is deaf to SIGSYS
/// (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV). On its way back the thread meets the signal before its program.
///
/// KILL cannot be caught, and TRAP neither blocked nor ignored (`kernel/signal.c`, force_sig_info_to_task): where SIGSYS
/// would not end the process, SIGKILL does. The first process of a pid namespace is deaf to all but SIGKILL from outside.
pub(super) fn end_with_sigsys(tid: u32, forced: bool) -> Option<Doomed> {
    let status = fs::read_to_string(format!("/proc/{tid}/status")).unwrap_or_default();
    let process =
        crate::proc::status_field(&status, "Tgid").and_then(|p| p.parse().ok()).unwrap_or(tid as i32);
    let bit = 1_u64 << (libc::SIGSYS - 1);
    let has = |field: &str| {
        let mask = crate::proc::status_field(&status, field).and_then(|m| u64::from_str_radix(m, 16).ok());
        mask.is_none_or(|m| m & bit != 0)
    };
    let numbers = crate::proc::status_field(&status, "NSpid").unwrap_or_default();
    let first = numbers.split_whitespace().count() > 1 && numbers.split_whitespace().last() == Some("1");
    let (caught, deaf) = (has("SigCgt"), has("SigIgn") || has("SigBlk"));
    let handled = !forced && caught && !deaf;
    let signal = if !handled && (caught || deaf || first) { libc::SIGKILL } else { libc::SIGSYS };
    let found = Pid::from_raw(process).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    // A process that is gone already needs no signal.
    let _ = process::kill(process, signal);
    found.filter(|_| !handled).map(|process| Doomed { process, since: Instant::now() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::fake::{FakeListener, FakeTasks};
    use callgate_core::{Arch, Call};

    fn ask(judge: &mut Judge, name: &str) -> Verdict {
        let nr = sysno::number(Arch::X86_64, name).unwrap();
        let seen = Notification { id: 1, tid: 1, data: Call::new(Arch::X86_64, nr, [0; 6]).to_data() };
        judge.answer(&seen, (&FakeListener::default(), &FakeTasks::default()))
    }

    fn uniform(action: Action) -> Meaning {
        Meaning::uniform([Arch::X86_64], action, Action::KillThread)
    }

    #[test]
    fn enforcing_applies_the_action_and_reports_once_per_kind() {
        let mut judge = Judge::new(uniform(Action::Errno(38)), Duty::Enforce, None);
        assert_eq!(ask(&mut judge, "getpid"), Verdict::Answer(Response::Errno(38)));
        ask(&mut judge, "getpid");
        assert_eq!((judge.take_news().len(), judge.counts()), (1, (vec![2], 0)));
    }

    #[test]
    fn misses_beyond_the_limit_of_kinds_are_counted() {
        let mut judge = Judge::new(uniform(Action::Errno(38)), Duty::Enforce, None);
        let nr = sysno::number(Arch::X86_64, "getpid").unwrap();
        for tid in 0..=MAX_KINDS as u32 {
            let mut tasks = FakeTasks::default();
            tasks.executables.insert(tid, format!("/bin/{tid}"));
            let seen = Notification { id: 1, tid, data: Call::new(Arch::X86_64, nr, [0; 6]).to_data() };
            judge.answer(&seen, (&FakeListener::default(), &tasks));
        }
        assert_eq!((judge.counts().0.len(), judge.counts().1), (MAX_KINDS, 1));
    }

    #[test]
    fn auditing_lets_everything_go_ahead() {
        let mut judge = Judge::new(uniform(Action::KillProcess), Duty::Audit, None);
        assert_eq!(ask(&mut judge, "getpid"), Verdict::Answer(Response::Continue));
        assert!(judge.take_news()[0].went_ahead);
    }

    #[test]
    fn complaining_acts_as_the_baseline_on_what_the_profile_refuses() {
        let mut judge =
            Judge::new(uniform(Action::KillProcess), Duty::Enforce, Some(uniform(Action::Errno(1))));
        assert_eq!(ask(&mut judge, "mount"), Verdict::Answer(Response::Errno(1)));
        let mut judge = Judge::new(uniform(Action::KillProcess), Duty::Enforce, Some(uniform(Action::Allow)));
        assert_eq!(ask(&mut judge, "mount"), Verdict::Answer(Response::Continue));
    }

    #[test]
    fn killing_actions_kill() {
        let mut judge = Judge::new(uniform(Action::KillProcess), Duty::Enforce, None);
        assert_eq!(ask(&mut judge, "mount"), Verdict::Kill { forced: true });
        let mut judge = Judge::new(uniform(Action::Trap(0)), Duty::Enforce, None);
        assert_eq!(ask(&mut judge, "mount"), Verdict::Kill { forced: false });
    }
}
