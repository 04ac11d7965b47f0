//! One run of a workload: start, ready, exercise, stop; and all that was seen.

use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use callgate_core::Trace;
use callgate_core::saturation::Saturation;
use callgate_core::trace::Phase;
use callgate_linux::session::{Event, Purpose, Session, Settings, Signals};
use callgate_linux::{Miss, Signal, Status, proc};

use crate::cause::{self, Cause, Kind};
use crate::container::Seccomp;
use crate::digest::Digest;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::plan::{Plan, shell};
use crate::progress::{self, Progress, View};
use crate::ready::{Asking, Probe};
use crate::streams::{self, Plumbing, Show, Stdin};

/// Descendants may outlive the program by this much before they are asked to end.
const LINGER: Duration = Duration::from_secs(10);
/// A workload that was asked to end may take this long before it is killed.
const STOP: Duration = Duration::from_secs(10);
/// Readiness may take this long; then the exercise starts all the same, and that is said.
const READY: Duration = Duration::from_mins(1);
/// Without a probe, a listening socket is waited for this long.
const LISTEN: Duration = Duration::from_secs(5);
/// How often readiness is asked for.
const ASK: Duration = Duration::from_millis(50);
/// How often it is looked whether there is anything new.
const LOOK: Duration = Duration::from_millis(500);
/// How often a recording is saved.
const FLUSH: Duration = Duration::from_secs(5);

/// What one run showed.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    /// How the program ended; `None` if it did not.
    pub(crate) status: Option<Status>,
    /// How the exercise ended.
    pub(crate) exercise: Option<Status>,
    /// What was recorded.
    pub(crate) trace: Option<Trace>,
    /// Refused calls, one per kind, with how often.
    pub(crate) misses: Vec<(Miss, u64)>,
    /// Refused calls of kinds beyond those told one by one.
    pub(crate) beyond: u64,
    /// Executables of tasks that died of SIGSYS.
    pub(crate) sigsys: Vec<String>,
    /// So many calls were interrupted before they were looked at: a handler without SA_RESTART made them fail.
    pub(crate) disturbed: u64,
    /// Nothing new was seen for as long as was wanted.
    pub(crate) saturated: bool,
    /// callgate was asked to stop.
    pub(crate) interrupted: bool,
    /// Why the program cannot be run this way.
    pub(crate) stopped: Option<String>,
    /// The workload was never ready: why. What was seen of it is not what it does.
    pub(crate) unready: Option<Cause>,
    /// It was asked to end before it did so by itself.
    pub(crate) asked_to_end: bool,
    /// What is to be said about this run.
    pub(crate) notes: Vec<String>,
    /// Digests of stdout and stderr.
    pub(crate) outputs: [Digest; 2],
}

/// Takes a snapshot of a recording.
type Flush<'w> = &'w mut dyn FnMut(&Trace);

/// Hooks of the caller's.
pub(crate) struct Watch<'w> {
    /// Called with every snapshot of a recording, about every five seconds.
    pub(crate) flush: Option<Flush<'w>>,
    /// Called with every miss, as it comes.
    pub(crate) miss: Option<&'w mut dyn FnMut(&Miss)>,
    /// What the status line says before its numbers; `None`: no status line.
    pub(crate) progress: Option<&'w str>,
}

/// One run to be made.
pub(crate) struct Run<'r> {
    pub(crate) signals: &'r Signals,
    pub(crate) plan: &'r Plan,
    pub(crate) stdin: &'r mut Stdin,
    pub(crate) output: &'r Output,
    pub(crate) show: Show,
    /// The first run of this command: it gets the real standard input.
    pub(crate) first: bool,
    /// How long a later run may take before it is stopped: the program may behave differently without a reader.
    pub(crate) limit: Option<Duration>,
    /// What a container's runtime loads, if the run is one in a container.
    pub(crate) seccomp: Seccomp<'r>,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Waiting for readiness.
    Starting,
    /// The exercise runs, or there is none and the program does.
    Serving,
    /// It was asked to end.
    Stopping,
    /// It was killed.
    Killed,
}

struct Driver<'d, 'w> {
    run: Run<'d>,
    watch: Watch<'w>,
    session: Session<'d>,
    plumbing: Plumbing,
    /// Standard input as a descriptor to wait for, when it is being passed on.
    input: Option<OwnedFd>,
    stage: Stage,
    asking: Option<Asking>,
    exercise: Option<Child>,
    started: Instant,
    /// When the stage gives up.
    deadline: Option<Instant>,
    flushed: Instant,
    progress: Progress<'w>,
    /// When what was new was seen.
    saturation: Saturation,
    ran: Ran,
}

/// Runs the workload once, to the end of its last descendant.
pub(crate) fn run(run: Run<'_>, purpose: Purpose, watch: Watch<'_>) -> Result<Ran, Failure> {
    if let Some(answers) = run.plan.ready.as_ref().and_then(Probe::answers_already) {
        let message = format!("{answers} answers already, before `{}` was started", run.plan.command.name());
        return Err(Failure::new(message).hint("stop what serves there, or use another address"));
    }
    let stop = || run.signals.stop_is_wanted();
    let mut container = run.plan.container.as_ref().map(|c| c.prepare(run.seccomp, &stop)).transpose()?;
    let (plumbing, streams) = Plumbing::new(run.stdin, run.show, run.first)?;
    let shares_terminal = run.show == Show::Inherit && watch.progress.is_some() && run.output.live();
    let terminal = shares_terminal.then(|| rustix::io::dup(std::io::stderr()).ok()).flatten();
    let settings = Settings {
        streams,
        allow_privilege_escalation: run.plan.allow_privilege_escalation,
        phased: run.plan.phased(),
        terminal,
        agent: container.as_mut().and_then(|c| c.agent.take()),
    };
    let command = container.as_ref().map_or(&run.plan.command, |c| &c.command);
    let session = Session::start(run.signals, command, purpose, settings)?;
    let input =
        matches!(run.stdin, Stdin::Spool(_)).then(|| rustix::io::dup(std::io::stdin()).ok()).flatten();
    let now = Instant::now();
    let mut driver = Driver {
        stage: Stage::Serving,
        asking: None,
        exercise: None,
        started: now,
        deadline: None,
        flushed: now,
        progress: Progress::new(watch.progress),
        saturation: Saturation::default(),
        ran: Ran::default(),
        run,
        watch,
        session,
        plumbing,
        input,
    };
    driver.begin();
    let result = driver.follow();
    driver.session.clear_line(|| driver.run.output.raw_stderr(b"\r\x1b[K"));
    if result.is_err() {
        driver.session.kill();
    }
    result?;
    driver.plumbing.drain(driver.run.stdin, driver.run.output)?;
    driver.ran.outputs = driver.plumbing.outputs.clone();
    Ok(std::mem::take(&mut driver.ran))
}

impl Driver<'_, '_> {
    fn begin(&mut self) {
        if self.run.plan.phased() {
            self.stage = Stage::Starting;
            self.asking = self.run.plan.ready.clone().map(Asking::new);
            self.deadline = Some(self.started + if self.asking.is_some() { READY } else { LISTEN });
        } else {
            self.deadline = self.time_limit().map(|limit| self.started + limit);
        }
    }

    /// How long the workload may serve: as the person said, or as a later run is given.
    fn time_limit(&self) -> Option<Duration> {
        self.run.plan.limit.or(self.run.limit)
    }

    fn follow(&mut self) -> Result<(), Failure> {
        loop {
            self.tick()?;
            let wake = self.wake();
            let watched = self.plumbing.watched(self.input.as_ref());
            let event = self.session.next(wake, &watched)?;
            if matches!(event, Event::Finished) {
                self.finished();
                return Ok(());
            }
            self.take(event)?;
        }
    }

    /// Everything is over: the exercise may have had nobody to talk to.
    fn finished(&mut self) {
        let wanted = self.run.plan.exercise.is_some() && !self.ran.interrupted;
        if wanted && self.ran.exercise.is_none() && self.ran.unready.is_none() {
            self.ran.unready = Some(Cause::new(Kind::Exercise, "it ended before the exercise did"));
        }
    }

    /// When to look again although nothing happened.
    fn wake(&self) -> Option<Instant> {
        let now = Instant::now();
        let soon = |wanted: bool, after: Duration| wanted.then(|| now + after);
        [
            self.deadline,
            soon(self.stage == Stage::Starting || self.exercise.is_some(), ASK),
            soon(self.plumbing.pushing(), Duration::from_millis(5)),
            self.progress.wake(self.run.output),
            soon(self.run.plan.quiet.is_some(), LOOK),
            soon(self.watch.flush.is_some(), FLUSH),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn take(&mut self, event: Event) -> Result<(), Failure> {
        match event {
            Event::Trace(trace) => {
                if let Some(flush) = self.watch.flush.as_mut().filter(|_| self.ran.stopped.is_none()) {
                    flush(&trace);
                }
                self.ran.trace = Some(*trace);
            }
            Event::Miss(miss) => {
                if let Some(tell) = &mut self.watch.miss {
                    tell(&miss);
                }
                self.ran.misses.push((miss, 1));
            }
            Event::MissCounts(counts, beyond) => {
                self.ran.beyond = beyond;
                for ((_, count), total) in self.ran.misses.iter_mut().zip(counts) {
                    *count = total;
                }
            }
            Event::MainEnded(status) => self.main_ended(status),
            Event::Stopped(reason) => self.ran.stopped = Some(reason),
            Event::KilledBySigsys(executable) => self.ran.sigsys.push(executable),
            Event::Disturbed(calls) => self.ran.disturbed = calls,
            Event::NotStarted(error) => return Err(not_started(error)),
            Event::Signal(signal) => self.signal(signal),
            Event::Readable(index) => {
                if self.run.show == Show::Pass {
                    self.progress.make_way(&self.session, self.run.output);
                }
                self.plumbing.readable(index, self.run.stdin, self.run.output)?;
            }
            Event::Finished | Event::Timeout => {}
        }
        Ok(())
    }

    fn main_ended(&mut self, status: Status) {
        self.ran.status = Some(status);
        let plan = self.run.plan;
        if !plan.phased() && self.stage == Stage::Serving && plan.limit.is_none() && !plan.patient {
            self.deadline = Some(Instant::now() + LINGER);
        }
    }

    /// What has to be done by the clock.
    fn tick(&mut self) -> Result<(), Failure> {
        let now = Instant::now();
        if self.plumbing.pushing() {
            self.plumbing.push(self.run.stdin);
        }
        if self.stage == Stage::Starting {
            self.look_whether_ready(now)?;
        }
        if let Some(status) = self.exercise.as_mut().and_then(|e| e.try_wait().ok().flatten()) {
            self.exercise = None;
            self.ran.exercise = Some(status_of(status));
            self.stop(now);
        }
        if self.stage != Stage::Starting && self.deadline.is_some_and(|d| now >= d) {
            self.give_up(now);
        }
        if self.watch.flush.is_some() && now - self.flushed >= FLUSH {
            self.flushed = now;
            self.session.ask_for_snapshot();
        }
        self.look_whether_saturated(now);
        let view = View {
            plan: self.run.plan,
            session: &self.session,
            output: self.run.output,
            first: self.run.first,
            saturation: &self.saturation,
            starting: self.stage == Stage::Starting,
            ended: self.ran.status.is_some(),
        };
        self.progress.show(now, &view);
        Ok(())
    }

    /// Takes note of what is new, and ends what was to run until there is nothing.
    fn look_whether_saturated(&mut self, now: Instant) {
        let now_ms = (now - self.started).as_millis() as u64;
        self.saturation.saw(self.session.progress().1, now_ms);
        let Some(quiet) = self.run.plan.quiet.filter(|_| self.stage == Stage::Serving) else { return };
        if self.saturation.is_reached(now_ms, quiet.as_millis() as u64) {
            self.ran.saturated = true;
            self.stop(now);
        }
    }

    fn look_whether_ready(&mut self, now: Instant) -> Result<(), Failure> {
        let late = self.deadline.is_some_and(|d| now >= d);
        let ready = match &mut self.asking {
            Some(asking) => asking.ready(&self.plumbing.outputs),
            None => proc::listens(self.session.keeper()),
        };
        if !ready && !late && self.ran.status.is_none_or(|_| self.alive()) {
            return Ok(());
        }
        if !ready && !self.not_ready(now) {
            self.asking = None;
            self.stop(now);
            return Ok(());
        }
        self.asking = None;
        self.session.set_phase(Phase::Serving);
        self.stage = Stage::Serving;
        self.deadline = self.time_limit().map(|limit| now + limit);
        if let Some(exercise) = &self.run.plan.exercise {
            let shown = || if self.run.first { streams::stderr() } else { Stdio::null() };
            let started = shell(exercise).stdout(shown()).stderr(shown()).process_group(0).spawn();
            let failed = |e| Failure::new(format!("--exercise `{exercise}` cannot be run: {e}"));
            self.exercise = Some(started.map_err(failed)?);
        }
        Ok(())
    }

    /// Takes note that readiness did not come; whether to go on with the exercise all the same.
    fn not_ready(&mut self, now: Instant) -> bool {
        if let Some(status) = self.ran.status.filter(|_| !self.alive()) {
            let before = match self.asking {
                Some(_) => "it was ready",
                None => "it opened a listening socket, so that there was nothing to exercise",
            };
            let text = format!("it {} before {before}", cause::ended(Some(status)));
            self.ran.unready = Some(Cause::new(Kind::Ended, text));
            return false;
        }
        let waited = (now - self.started).as_secs();
        if let Some(probe) = self.run.plan.ready.as_ref().filter(|_| self.asking.is_some()) {
            let text = format!("its readiness probe {probe} did not succeed within {waited} s");
            self.ran.unready = Some(Cause::new(Kind::Readiness, text));
            return false;
        }
        self.ran
            .notes
            .push(format!("it opened no listening socket within {waited} s; the exercise ran all the same"));
        true
    }

    /// Whether anything of the workload is left once the program itself ended: it may have become a daemon.
    fn alive(&self) -> bool {
        proc::has_descendants(self.session.keeper())
    }

    /// The workload has done its part: ask it to end.
    fn stop(&mut self, now: Instant) {
        if matches!(self.stage, Stage::Starting | Stage::Serving) {
            self.ran.asked_to_end = self.ran.status.is_none();
            self.session.set_phase(Phase::Shutdown);
            self.session.terminate();
            self.stage = Stage::Stopping;
            self.deadline = Some(now + STOP);
        }
    }

    fn give_up(&mut self, now: Instant) {
        match self.stage {
            Stage::Starting | Stage::Serving => {
                if let Some(limit) =
                    self.run.limit.filter(|_| self.ran.status.is_none() && self.run.plan.limit.is_none())
                {
                    let text = format!("it did not end within {} s and was stopped", limit.as_secs());
                    self.ran.unready = Some(Cause::new(Kind::Status, text));
                } else if self.ran.status.is_some() && self.run.plan.limit.is_none() {
                    let left = progress::left_behind(self.session.keeper());
                    let note = format!(
                        "{}, left behind, still ran {} s after its end and was stopped",
                        left.unwrap_or_else(|| "a process".to_owned()),
                        LINGER.as_secs()
                    );
                    self.ran.notes.push(note);
                }
                self.stop(now);
            }
            Stage::Stopping => {
                self.ran.notes.push(format!(
                    "it did not end within {} s of being asked to and was killed",
                    STOP.as_secs()
                ));
                self.session.kill();
                self.stage = Stage::Killed;
                self.deadline = Some(now + STOP);
            }
            Stage::Killed => {
                self.session.kill();
                self.deadline = Some(now + STOP);
            }
        }
    }

    /// The first signal is forwarded and ends the recording; the next one kills.
    fn signal(&mut self, signal: Signal) {
        let now = Instant::now();
        if self.run.plan.patient || signal.is_the_programs() {
            self.forward(signal);
            return;
        }
        if self.run.plan.attached {
            // The signal was for us: the program only loses its tracer.
            return self.session.terminate();
        }
        if self.ran.interrupted {
            self.session.kill();
            self.stage = Stage::Killed;
            self.deadline = Some(now + STOP);
            return;
        }
        self.ran.interrupted = true;
        self.session.set_phase(Phase::Shutdown);
        self.forward(signal);
        self.stage = Stage::Stopping;
        self.deadline = Some(now + STOP);
        self.end_exercise();
    }

    /// Ends the exercise and all it started.
    fn end_exercise(&mut self) {
        if let Some(mut exercise) = self.exercise.take() {
            // Gone already is as good.
            if let Some(group) = rustix::process::Pid::from_raw(exercise.id() as i32) {
                let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            }
            let _ = exercise.wait();
        }
    }

    /// Hands a signal on, unless the terminal gave it to the whole group. Once the program itself is gone, what it
    /// left behind is asked to end.
    fn forward(&mut self, signal: Signal) {
        if self.ran.status.is_some() {
            self.session.terminate();
        } else if !signal.from_kernel {
            // The program may have ended a moment ago.
            let _ = self.session.signal(signal.number);
        }
    }
}

impl Drop for Driver<'_, '_> {
    fn drop(&mut self) {
        self.end_exercise();
    }
}

fn status_of(status: std::process::ExitStatus) -> Status {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => Status::Exited(code),
        (None, signal) => Status::Signaled(signal.unwrap_or(0)),
    }
}

fn not_started(error: callgate_linux::Error) -> Failure {
    let executes = error.doing.starts_with("execute");
    let exit = if executes { Exit::NotExecutable } else { Exit::Failed };
    Failure::from(error).exit(exit)
}
