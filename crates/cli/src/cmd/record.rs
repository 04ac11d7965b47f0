//! `callgate record`: a command's system calls into a trace.

use std::path::Path;

use callgate_core::{Trace, trace};
use callgate_linux::ebpf::{self, Target};
use callgate_linux::file::Output as File;
use callgate_linux::session::Signals;

use crate::cli::{BackendChoice, Record};
use crate::container::Seccomp;
use crate::exit::{Exit, Failure, Outcome};
use crate::input;
use crate::output::{Output, counted};
use crate::parse;
use crate::plan::Plan;
use crate::recording::{self, Above, Backend, blind, note, note_own_filters};
use crate::running::Running;
use crate::saturation;
use crate::streams::{Show, Stdin};
use crate::workload::{Ran, Run, Watch};

/// Records.
pub(crate) fn run(args: &Record, output: &Output) -> Outcome {
    if let Some(other) = parse::purposes(&args.drive.purposes)?.runtimes {
        // Runtimes are for whoever makes a profile; the error says what a duration looks like.
        parse::duration(other)?;
    }
    let running = Running::find(&args.running, args.wait)?;
    let quiet = args.until_saturated.as_deref().map(parse::duration).transpose()?;
    let plan = match &running {
        Some(running) => Plan::attached(&running.name()?, &args.drive)?,
        None => Plan::new(&args.drive, &args.command)?,
    };
    let plan = Plan { quiet, ..plan };
    let known = args.known.as_deref().map(input::trace).transpose()?;
    if args.output == Path::new("-") {
        let failure = Failure::new("record needs a file to write: standard output is the program's");
        return Err(failure.hint("name the trace: -o TRACE"));
    }
    let mut file = File::prepare(&args.output, args.force, 0o600)?;
    let recorder = Recorder { args, output, plan, known, signals: Signals::take()? };
    let mut flush = |snapshot: &Trace| {
        if snapshot.calls.is_empty() {
            return;
        }
        let unfinished = Trace { complete: false, ..snapshot.clone() };
        // The program goes on; the next flush, or the end, may find room again.
        if let Err(error) = file.write(trace::write(&unfinished).as_bytes()) {
            output.warn(&format!("{error}; recording goes on"));
        }
    };
    let runtime = recorder.plan.container.as_ref().map(|c| format!(" --for {}", c.runtime().at_version()));
    let runtime = runtime.unwrap_or_default();
    let (trace, ran) = match &running {
        Some(running) => recorder.attached(running, &mut flush)?,
        None => recorder.started(&mut flush)?,
    };
    file.write(trace::write(&trace).as_bytes())?;
    // Of a container not all of the runtime's calls can be recorded.
    tell(&trace, &ran, args, (running.as_ref(), &runtime), output);
    if running.is_some() {
        return Ok(Exit::Ok);
    }
    Ok(ran.status.map_or(Exit::NotRun, |s| Exit::Command(s.code() as u8)))
}

/// Everything a recording needs.
struct Recorder<'r> {
    args: &'r Record,
    output: &'r Output,
    plan: Plan,
    known: Option<Trace>,
    signals: Signals,
}

impl Recorder<'_> {
    fn run<'s>(&'s self, stdin: &'s mut Stdin, show: Show, first: bool) -> Run<'s> {
        let (signals, plan, output) = (&self.signals, &self.plan, self.output);
        Run { signals, plan, stdin, output, show, first, limit: None, seccomp: Seccomp::Asking }
    }

    /// Records what runs already.
    fn attached(&self, running: &Running, flush: &mut dyn FnMut(&Trace)) -> Result<(Trace, Ran), Failure> {
        let backend = self.backend_for(running)?;
        if self.plan.limit.is_none() && self.plan.quiet.is_none() {
            self.output.say(&format!(
                "recording {running} {}; Ctrl-C ends the recording, not them",
                backend.words()
            ));
        }
        let ran = match self.attached_by(backend, running, flush) {
            Err(failure) if backend == Backend::Ebpf && self.may_trace(running, &failure) => {
                let hint = failure.hint.map(|h| format!("; {h}")).unwrap_or_default();
                self.output.warn(&format!("not by eBPF: {}{hint}", failure.message));
                self.output.say(&format!("recording {running} {}", Backend::Ptrace.words()));
                self.attached_by(Backend::Ptrace, running, flush)?
            }
            other => other?,
        };
        Ok((ran.trace.clone().unwrap_or_default(), ran))
    }

    fn attached_by(
        &self,
        backend: Backend,
        running: &Running,
        flush: &mut dyn FnMut(&Trace),
    ) -> Result<Ran, Failure> {
        let mut stdin = Stdin::new(false)?;
        let watch = Watch { flush: Some(flush), miss: None, progress: Some("recording") };
        let run = self.run(&mut stdin, Show::Inherit, true);
        let later = !self.args.no_later;
        match running {
            Running::Process(pid) if backend == Backend::Ptrace => recording::traced(run, *pid, watch),
            Running::Process(pid) => recording::observed(run, (Target::Process(*pid), later), watch),
            Running::Cgroup(_, cgroup) => {
                recording::observed(run, (Target::Cgroup(cgroup.clone()), later), watch)
            }
        }
    }

    /// Whether what eBPF failed to record is worth another try under ptrace: where nobody chose, and it is there still.
    fn may_trace(&self, running: &Running, failure: &Failure) -> bool {
        self.args.drive.backend == BackendChoice::Auto
            && matches!(running, Running::Process(_))
            && failure.exit != Exit::NoInput
            && running.is_there()
    }

    /// How something that runs already is recorded: by eBPF, where that is allowed.
    fn backend_for(&self, running: &Running) -> Result<Backend, Failure> {
        match (self.args.drive.backend, running) {
            (BackendChoice::Ebpf, _) | (BackendChoice::Auto, Running::Cgroup(..)) => Ok(Backend::Ebpf),
            (BackendChoice::Ptrace, Running::Process(_)) => Ok(Backend::Ptrace),
            (BackendChoice::Auto, Running::Process(_)) => {
                let missing = ebpf::missing();
                if missing.is_empty() {
                    return Ok(Backend::Ebpf);
                }
                let missing: Vec<_> = missing.iter().map(ToString::to_string).collect();
                self.output.say(&format!("not by eBPF, since {}", missing.join("; ")));
                Ok(Backend::Ptrace)
            }
            (choice, _) => {
                let message = format!("{choice:?} cannot record what runs already").to_lowercase();
                let hint = match running {
                    Running::Process(_) => "--backend ebpf and --backend ptrace can",
                    Running::Cgroup(..) => {
                        "only --backend ebpf can; of a single process, record --pid under ptrace"
                    }
                };
                Err(Failure::new(message).hint(hint))
            }
        }
    }

    /// Records the command.
    fn started(&self, flush: &mut dyn FnMut(&Trace)) -> Result<(Trace, Ran), Failure> {
        let (output, choice) = (self.output, self.args.drive.backend);
        let mut backend = Backend::choose(choice);
        let above = recording::above_of(&self.plan);
        let twice = matches!(above, Above::Traceable) && !matches!(backend, Backend::Ptrace | Backend::Ebpf);
        let mut stdin = Stdin::new(twice)?;
        if twice {
            output.say("record: a filter above refuses calls, so the command will run twice: the second time under ptrace");
        }
        if let Some(container) = &self.plan.container {
            output.say(&container.announcement());
        }
        self.plan.reset()?;
        let log = self.plan.ready.as_ref().is_some_and(crate::ready::Probe::reads_output);
        let show = if log { Show::Pass } else { Show::Inherit };
        let known = self.known.as_ref().map(|t| (t, false));
        let watch = Watch { flush: Some(flush), miss: None, progress: Some("recording") };
        let mut ran = recording::once(self.run(&mut stdin, show, true), known, watch, backend)?;
        if let Some(reason) = &ran.stopped {
            backend = recording::fall_back(reason, choice, &mut stdin, &self.plan, output)?;
            self.plan.reset()?;
            let watch = Watch { flush: None, miss: None, progress: None };
            ran = recording::once(self.run(&mut stdin, show, false), known, watch, backend)?;
        }
        let mut trace = ran.trace.clone().unwrap_or_default();
        note(&mut trace, &ran);
        match above {
            Above::Blind(why) => blind(&mut trace, why, output),
            _ if matches!(backend, Backend::Ptrace | Backend::Ebpf) => {}
            Above::Clear => note_own_filters(&mut trace),
            Above::Traceable => {
                self.plan.reset()?;
                let watch = Watch { flush: None, miss: None, progress: None };
                let second = recording::refusals(self.run(&mut stdin, Show::Keep, false), watch)?;
                trace.merge(&second.trace.unwrap_or_default());
            }
        }
        Ok((trace, ran))
    }
}

fn tell(
    trace: &Trace,
    ran: &Ran,
    args: &Record,
    (running, runtime): (Option<&Running>, &str),
    output: &Output,
) {
    let counts: Vec<u64> = trace.calls.values().filter_map(|r| r.count).collect();
    let calls = match counts.iter().sum::<u64>() {
        // The filter lets what is known pass without asking.
        _ if trace.recordings.iter().any(|r| r.trimmed) => "counts not known".to_owned(),
        0 => "not counted".to_owned(),
        calls => format!("{calls} in all"),
    };
    let how = trace.recordings.first().and_then(|r| Backend::named(&r.backend)).map_or("", Backend::words);
    let name = crate::output::foreign(&args.output.display().to_string());
    let status = match ran.status {
        Some(status) => status.to_string(),
        None if running.is_some_and(Running::is_there) => "it goes on".to_owned(),
        None if running.is_some() => "it ended".to_owned(),
        None => "it did not end".to_owned(),
    };
    output.say(&format!(
        "recorded {name}: {}, {calls}, {how} ({status})",
        counted(trace.made().count() as u64, "different system call")
    ));
    if args.until_saturated.is_some() && !ran.saturated {
        output.warn("it ended before it was saturated: something new was seen not long ago");
    }
    if let Some(line) = saturation::told(trace) {
        output.say(&format!("  {line}"));
    }
    output.say("  cannot see: calls answered by the vDSO, and io_uring operations");
    if let Some(cause) = &ran.unready {
        output.warn(&cause.text);
    }
    for note in trace.recordings.iter().flat_map(|r| &r.notes) {
        output.warn(note);
    }
    output.say(&format!("  next: callgate generate {name}{runtime} -o PROFILE"));
}
