//! Folding calls into a trace, fast: what is known already costs one look-up and one count.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use callgate_core::trace::{self, ALTERED, Observation, Outcome, Phase, Trace, learned_value};
use callgate_core::{Arch, Call, args, sysno};

use super::notify::Verdict;
use crate::sys::seam::{Listener, Notification, Response, Tasks};
use crate::sys::seccomp::FLAG_NEW_LISTENER;
use crate::sys::shared::Words;

/// Known combinations kept before they are folded into the trace.
const MAX_PENDING: usize = 1 << 16;
/// Threads whose executable is remembered.
const MAX_TASKS: usize = 1 << 16;

/// What makes two sightings the same: arguments cut to what is worth learning.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    call: Call,
    executable: u32,
    phase: Phase,
    outcome: Outcome,
}

#[derive(Clone, Copy)]
struct Seen {
    count: u64,
    first_ms: u64,
}

/// The state of one recording.
pub(crate) struct Recorder {
    trace: Trace,
    started: Instant,
    trimmed: bool,
    pending: HashMap<Key, Seen>,
    order: Vec<Key>,
    masks: HashMap<(Arch, u32), [u64; 6]>,
    executables: Vec<String>,
    tasks: HashMap<u32, u32>,
    /// Executables without set-id bits and capabilities: they have nothing to lose.
    harmless: HashSet<u32>,
    /// The program has not been started yet.
    floor: bool,
    unknown_tokens: u64,
    /// A signal handler was installed that makes interrupted calls fail, rather than start over.
    interruptible: bool,
}

type Eyes<'k> = (&'k dyn Listener, &'k dyn Tasks);

impl Recorder {
    /// A recorder whose result starts from `trace`: provenance without calls. `trimmed`: what is known does not come
    /// here, so counts mean nothing and are left out.
    pub(crate) fn new(trace: Trace, trimmed: bool) -> Self {
        Self {
            trace,
            started: Instant::now(),
            trimmed,
            pending: HashMap::new(),
            order: Vec::new(),
            masks: HashMap::new(),
            executables: Vec::new(),
            tasks: HashMap::new(),
            harmless: HashSet::new(),
            floor: true,
            unknown_tokens: 0,
            interruptible: false,
        }
    }

    /// Takes note of a waiting call and lets it go ahead, or says why the program cannot be recorded by
    /// notification.
    pub(super) fn answer(&mut self, seen: &Notification, eyes: Eyes<'_>, words: &Words) -> Verdict {
        let Some(call) = seen.data.to_call() else {
            self.unknown_architecture();
            return Verdict::Answer(Response::Continue);
        };
        let name = sysno::name(call.arch, call.nr);
        let executable = self.executable_of(seen, eyes);
        if name == Some("seccomp") && call.args[0] == 1 && call.args[1] as u32 & FLAG_NEW_LISTENER != 0 {
            return Verdict::Stop(format!(
                "`{}` installs a seccomp listener of its own, and the kernel allows one per process",
                self.executables[executable as usize]
            ));
        }
        // What a dead task's memory held matters no more: then nobody is interrupted.
        self.interruptible |= matches!(name, Some("rt_sigaction" | "sigaction" | "signal"))
            && eyes.1.interrupts(seen.tid, &call);
        let phase = self.phase(name, words);
        self.note(call, Outcome::Made, executable, phase, words);
        if matches!(name, Some("execve" | "execveat")) {
            self.forget_process(seen.tid, eyes);
        } else if matches!(name, Some("exit" | "exit_group")) {
            self.tasks.remove(&seen.tid);
        }
        Verdict::Answer(Response::Continue)
    }

    /// Up to the execve that starts the program is the floor: of `callgate run` that call alone, of a container runtime
    /// all it does after it has loaded the filter.
    pub(super) fn phase(&mut self, name: Option<&str>, words: &Words) -> Phase {
        if self.floor {
            self.floor = !matches!(name, Some("execve" | "execveat"));
            return Phase::Floor;
        }
        let index = words.phase.load(Relaxed) as usize;
        Phase::ALL.get(index).map_or(Phase::Unphased, |(phase, _)| *phase)
    }

    /// The program was started before anybody looked.
    pub(super) fn has_no_floor(&mut self) {
        self.floor = false;
    }

    /// Takes note of a call through an ABI callgate has no table for: it is lost, and the trace says so.
    pub(super) fn unknown_architecture(&mut self) {
        self.unknown_tokens += 1;
    }

    /// Takes note of a call.
    pub(super) fn note(
        &mut self,
        call: Call,
        outcome: Outcome,
        executable: u32,
        phase: Phase,
        words: &Words,
    ) {
        let mask =
            *self.masks.entry((call.arch, call.nr)).or_insert_with(|| learned_mask(call.arch, call.nr));
        let args = std::array::from_fn(|i| call.args[i] & mask[i]);
        let key = Key { call: Call { args, ..call }, executable, phase, outcome };
        words.calls.fetch_add(1, Relaxed);
        if let Some(known) = self.pending.get_mut(&key) {
            known.count += 1;
            return;
        }
        if self.pending.len() >= MAX_PENDING {
            self.fold();
        }
        words.distinct.fetch_add(1, Relaxed);
        let first_ms = self.started.elapsed().as_millis() as u64;
        self.pending.insert(key, Seen { count: 1, first_ms });
        self.order.push(key);
    }

    /// The number of the executable a thread runs. That no_new_privs took a privilege from it is remarked.
    fn executable_of(&mut self, seen: &Notification, (listener, tasks): Eyes<'_>) -> u32 {
        if !self.trimmed
            && let Some(known) = self.tasks.get(&seen.tid)
        {
            return *known;
        }
        let found = tasks.executable(seen.tid);
        if found.as_ref().is_err_and(|e| e.kind() == std::io::ErrorKind::PermissionDenied) {
            let note = "an executable ran that may not be read: who made its calls, and whether it lost a privilege, \
                        is unknown";
            self.remark(note.to_owned());
        }
        let path = found.unwrap_or_default();
        let known = self.executables.iter().position(|e| *e == path).map(|i| i as u32);
        let harmless = known.is_some_and(|n| self.harmless.contains(&n)) || !tasks.grants_privilege(seen.tid);
        // The floor's execve is still made by our own child: it is the program that starts, not the executable.
        let lost = !harmless && !self.floor && tasks.lost_privilege(seen.tid);
        // What was read belongs to this task only if its call still waits.
        if !listener.is_valid(seen.id) {
            return self.number_of(String::new());
        }
        if lost {
            self.lost_privilege(&path);
        }
        let number = self.number_of(path);
        if harmless && !self.executables[number as usize].is_empty() {
            self.harmless.insert(number);
        }
        if self.tasks.len() >= MAX_TASKS {
            self.tasks.clear();
        }
        self.tasks.insert(seen.tid, number);
        number
    }

    /// Remarks that an executable ran without the privilege it gives.
    pub(super) fn lost_privilege(&mut self, path: &str) {
        self.remark(format!(
            "{ALTERED}`{path}` is set-user-ID, set-group-ID or has file capabilities, and ran without the privilege \
             they give"
        ));
    }

    pub(super) fn number_of(&mut self, path: String) -> u32 {
        let known = self.executables.iter().position(|e| *e == path);
        known.unwrap_or_else(|| {
            self.executables.push(path);
            self.executables.len() - 1
        }) as u32
    }

    /// After execve every thread of the process is gone, and the leader runs something else.
    fn forget_process(&mut self, tid: u32, (_, tasks): Eyes<'_>) {
        self.tasks.remove(&tid);
        if let Some(process) = tasks.process_of(tid) {
            self.tasks.remove(&process);
        }
    }

    /// Folds what is pending into the trace, in the order it was first seen.
    fn fold(&mut self) {
        for key in self.order.drain(..) {
            let Some(seen) = self.pending.remove(&key) else { continue };
            self.trace.observe(&Observation {
                arch: key.call.arch,
                nr: key.call.nr,
                args: key.call.args,
                outcome: key.outcome,
                count: (!self.trimmed).then_some(seen.count),
                phase: key.phase,
                executable: self.executables[key.executable as usize].clone(),
                at_ms: seen.first_ms,
            });
        }
    }

    /// Whether a signal may have made calls fail that were interrupted before they were looked at.
    pub(super) fn interruptible(&self) -> bool {
        self.interruptible
    }

    /// The trace so far, as a file.
    pub(super) fn snapshot(&mut self) -> String {
        self.fold();
        if let Some(recording) = self.trace.recordings.last_mut() {
            recording.duration_ms = self.started.elapsed().as_millis() as u64;
        }
        if self.unknown_tokens > 0 {
            self.trace.lost = self.unknown_tokens;
            self.trace.complete = false;
        }
        trace::write(&self.trace)
    }

    /// Adds a remark about this recording.
    pub(super) fn remark(&mut self, note: String) {
        if let Some(recording) = self.trace.recordings.last_mut()
            && !recording.notes.contains(&note)
        {
            recording.notes.push(note);
        }
    }
}

/// Which bits of each argument are worth keeping.
fn learned_mask(arch: Arch, nr: u32) -> [u64; 6] {
    let params = sysno::name(arch, nr).and_then(|name| args::params_on(arch, name)).unwrap_or_default();
    std::array::from_fn(|i| params.get(i).and_then(|p| learned_value(p, u64::MAX)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::fake::{FakeListener, FakeTasks};

    fn notification(name: &str, tid: u32, args: [u64; 6]) -> Notification {
        let nr = sysno::number(Arch::X86_64, name).unwrap();
        Notification { id: 1, tid, data: Call::new(Arch::X86_64, nr, args).to_data() }
    }

    fn record(recorder: &mut Recorder, tasks: &FakeTasks, name: &str, tid: u32, args: [u64; 6]) -> Verdict {
        let listener = FakeListener::default();
        recorder.answer(&notification(name, tid, args), (&listener, tasks), &Words::default())
    }

    fn names(trace: &Trace) -> Vec<String> {
        trace.made().map(|(a, n, r)| format!("{} {}", sysno::name(a, n).unwrap(), r.first_by)).collect()
    }

    #[test]
    fn an_exec_changes_who_makes_the_calls() {
        let mut tasks = FakeTasks::default();
        let mut recorder = Recorder::new(Trace::default(), false);
        tasks.executables.insert(7, "/bin/sh".to_owned());
        record(&mut recorder, &tasks, "getpid", 7, [0; 6]);
        record(&mut recorder, &tasks, "execve", 7, [0; 6]);
        tasks.executables.insert(7, "/bin/ls".to_owned());
        record(&mut recorder, &tasks, "getppid", 7, [0; 6]);
        let trace = trace::read(&recorder.snapshot()).unwrap();
        assert_eq!(names(&trace), ["getpid /bin/sh", "execve /bin/sh", "getppid /bin/ls"]);
    }

    #[test]
    fn what_was_read_about_a_task_that_died_is_not_believed() {
        let mut tasks = FakeTasks::default();
        tasks.executables.insert(7, "/bin/reused".to_owned());
        let listener = FakeListener { dead: vec![1], ..FakeListener::default() };
        let mut recorder = Recorder::new(Trace::default(), false);
        recorder.answer(&notification("getpid", 7, [0; 6]), (&listener, &tasks), &Words::default());
        let trace = trace::read(&recorder.snapshot()).unwrap();
        assert_eq!(names(&trace), ["getpid "]);
    }

    #[test]
    fn a_program_with_its_own_listener_stops_the_recording_and_a_lost_privilege_is_remarked() {
        let mut tasks = FakeTasks { set_id: vec![8], ..FakeTasks::default() };
        tasks.executables.insert(7, "/bin/a".to_owned());
        tasks.executables.insert(8, "/bin/sudo".to_owned());
        let start = Trace { recordings: vec![trace::Provenance::default()], ..Trace::default() };
        let mut recorder = Recorder::new(start, false);
        record(&mut recorder, &tasks, "execve", 6, [0; 6]);
        let own = record(&mut recorder, &tasks, "seccomp", 7, [1, 8, 0, 0, 0, 0]);
        assert!(matches!(own, Verdict::Stop(why) if why.contains("listener of its own")));
        let lost = record(&mut recorder, &tasks, "getpid", 8, [0; 6]);
        assert_eq!(lost, Verdict::Answer(Response::Continue));
        let trace = trace::read(&recorder.snapshot()).unwrap();
        assert!(trace.altered().iter().any(|note| note.contains("/bin/sudo")));
    }

    #[test]
    fn pointers_and_sizes_do_not_make_a_call_new() {
        let tasks = FakeTasks::default();
        let words = Words::default();
        let listener = FakeListener::default();
        let mut recorder = Recorder::new(Trace::default(), false);
        for i in 0..1000 {
            recorder.answer(
                &notification("read", 7, [3, 0x7000 + i, i, 0, 0, 0]),
                (&listener, &tasks),
                &words,
            );
        }
        assert_eq!((words.calls.load(Relaxed), words.distinct.load(Relaxed)), (1000, 1));
    }
}
