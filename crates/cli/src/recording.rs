//! Recording runs: one of the workload, full or trimmed, by the backend that can serve it, and one under ptrace where
//! another filter refuses calls.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use callgate_core::trace::Provenance;
use callgate_core::{Trace, sysno};
use callgate_linux::ebpf::{self, Target};
use callgate_linux::session::{Purpose, Stops};
use callgate_linux::{features, filter, proc};

use crate::cause::Cause;
use crate::cli::BackendChoice;
use crate::exit::{Exit, Failure};
use crate::filter::program;
use crate::input;
use crate::output::{Output, foreign};
use crate::plan::Plan;
use crate::streams::Stdin;
use crate::workload::{self, Ran, Run, Watch};

/// What a recording says about itself.
pub(crate) fn provenance(plan: &Plan, backend: &str, trimmed: bool) -> Provenance {
    let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    Provenance {
        backend: backend.to_owned(),
        command: plan.command.name(),
        started,
        duration_ms: 0,
        kernel: features::kernel_release(),
        no_new_privs: !plan.allow_privilege_escalation,
        trimmed,
        notes: Vec::new(),
    }
}

/// Whether a filter above this process may refuse calls, which a recording does not see.
pub(crate) enum Above {
    /// None.
    Clear,
    /// There is one, and a run under ptrace shows what it refuses.
    Traceable,
    /// There is one, and ptrace is forbidden, too: why.
    Blind(&'static str),
}

/// Looks for a filter above.
pub(crate) fn above() -> Above {
    if !proc::under_a_filter().unwrap_or(false) {
        return Above::Clear;
    }
    let found = features::probe();
    if found.traced {
        Above::Blind("this process is traced by another one")
    } else if found.ptrace_scope == Some(3) {
        Above::Blind("Yama forbids ptrace")
    } else {
        Above::Traceable
    }
}

/// The same for a workload: in a container only the runtime's filter counts.
pub(crate) fn above_of(plan: &Plan) -> Above {
    if plan.container.is_some() { Above::Clear } else { above() }
}

/// How calls are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    /// The kernel asks the keeper about every call.
    Notify,
    /// The keeper traces, stopped where the recording filter asks.
    Trace,
    /// The keeper traces, stopped before and after every call.
    Ptrace,
    /// A program in the kernel looks on.
    Ebpf,
}

impl Backend {
    /// The backend a person asked for; by itself the fastest one this kernel has.
    pub(crate) fn choose(choice: BackendChoice) -> Self {
        match choice {
            BackendChoice::Notify => Self::Notify,
            BackendChoice::Ptrace => Self::Ptrace,
            BackendChoice::Ebpf => Self::Ebpf,
            BackendChoice::Auto if features::probe().continues() => Self::Notify,
            BackendChoice::Auto | BackendChoice::Trace => Self::Trace,
        }
    }

    /// The name in traces.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Notify => "notify",
            Self::Trace => "trace",
            Self::Ptrace => "ptrace",
            Self::Ebpf => "ebpf",
        }
    }

    /// How it is said.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Notify => "by notification",
            Self::Trace => "by a tracer that the filter asks",
            Self::Ptrace => "under ptrace",
            Self::Ebpf => "by eBPF",
        }
    }

    /// The backend with this name in traces.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Notify, Self::Trace, Self::Ptrace, Self::Ebpf].into_iter().find(|b| b.name() == name)
    }

    /// Where a tracer stops; `None` for what traces nothing.
    pub(crate) fn stops(self) -> Option<Stops> {
        match self {
            Self::Notify | Self::Ebpf => None,
            Self::Trace => Some(Stops::Filter),
            Self::Ptrace => Some(Stops::Calls),
        }
    }
}

/// What was already learned, and whether only arguments that open attack surface matter.
pub(crate) type Known<'k> = Option<(&'k Trace, bool)>;

/// Records one run. With `known`, only what is new is asked about, except under ptrace.
///
/// Where this backend cannot record the program, [`Ran::stopped`] says why: see [`fall_back`].
pub(crate) fn once(
    run: Run<'_>,
    known: Known<'_>,
    watch: Watch<'_>,
    backend: Backend,
) -> Result<Ran, Failure> {
    if let Some(container) = &run.plan.container {
        let mut provenance = provenance(run.plan, backend.name(), false);
        provenance.no_new_privs = container.no_new_privs();
        provenance.notes = vec![
            format!(
                "in a container of {}, with the calls that this runtime made there after it loaded the filter",
                container.runtime().at_version()
            ),
            format!(
                "not asked about, since the runtime makes them while it hands its listener over: {}",
                container.runtime().not_asked().join(", ")
            ),
        ];
        let purpose = Purpose::Record { filter: None, provenance, trimmed: false };
        let name = container.name().to_owned();
        let ran = workload::run(run, purpose, watch)?;
        return if ran.stopped.is_some() { Ok(ran) } else { checked(started(ran, &name)?) };
    }
    let native = input::native()?;
    let known = known.filter(|_| !matches!(backend, Backend::Ptrace | Backend::Ebpf));
    let meaning = match known {
        None => filter::recording(native),
        Some((trace, surface_only)) => filter::trimmed(native, trace, surface_only),
    };
    let provenance = provenance(run.plan, backend.name(), known.is_some());
    let trimmed = known.is_some();
    let purpose = match backend.stops() {
        None if backend == Backend::Ebpf => {
            ebpf_is_there()?;
            let filter = Some(program(&filter::allowing(native))?);
            Purpose::Observe { target: None, later: true, filter, provenance }
        }
        None => Purpose::Record { filter: Some(program(&meaning)?), provenance, trimmed },
        Some(stops) => {
            let filter = program(&filter::for_tracer(&meaning))?;
            Purpose::Trace { filter, provenance, stops, trimmed }
        }
    };
    let ran = workload::run(run, purpose, watch)?;
    if ran.stopped.is_some() { Ok(ran) } else { checked(ran) }
}

/// Records a process that runs already, and its descendants, under ptrace.
pub(crate) fn traced(run: Run<'_>, pid: i32, watch: Watch<'_>) -> Result<Ran, Failure> {
    let mut provenance = provenance(run.plan, Backend::Ptrace.name(), false);
    provenance.no_new_privs = proc::no_new_privs(pid);
    provenance.notes.push(format!("attached to process {pid}: what it did before was not seen"));
    some(workload::run(run, Purpose::Attach { pid, provenance }, watch)?, &Target::Process(pid))
}

/// Records what runs already by eBPF.
pub(crate) fn observed(
    run: Run<'_>,
    (target, later): (Target, bool),
    watch: Watch<'_>,
) -> Result<Ran, Failure> {
    ebpf_is_there()?;
    let mut provenance = provenance(run.plan, Backend::Ebpf.name(), false);
    let (what, no_new_privs) = match &target {
        Target::Process(pid) | Target::Child(pid) => (format!("process {pid}"), proc::no_new_privs(*pid)),
        // Who is in it may differ; nobody is promised more than all of them have.
        Target::Cgroup(cgroup) => (format!("cgroup {}", cgroup.directory().display()), cgroup.no_new_privs()),
    };
    provenance.no_new_privs = no_new_privs;
    provenance.notes.push(match &target {
        Target::Cgroup(cgroup) if cgroup.is_awaited() => {
            format!("waited for {what}: recorded from its beginning")
        }
        _ => format!("attached to {what}: what it did before was not seen"),
    });
    let who = target.clone();
    let purpose = Purpose::Observe { target: Some(target), later, filter: None, provenance };
    some(workload::run(run, purpose, watch)?, &who)
}

/// Fails with what is missing for eBPF.
fn ebpf_is_there() -> Result<(), Failure> {
    let missing: Vec<_> = ebpf::missing().iter().map(ToString::to_string).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let failure = Failure::new(format!("cannot record by eBPF: {}", missing.join("; ")));
    Err(failure.hint("a single process can be recorded under ptrace: record --pid PID --backend ptrace"))
}

/// What to do when a backend cannot record the program: says so and takes ptrace, unless a person chose.
pub(crate) fn fall_back(
    reason: &str,
    choice: BackendChoice,
    stdin: &mut Stdin,
    plan: &Plan,
    output: &Output,
) -> Result<Backend, Failure> {
    let message = format!("cannot record {}: {reason}", Backend::choose(choice).words());
    let container = plan.container.is_some();
    if container {
        return Err(
            Failure::new(message).hint("in a container callgate has no other way yet; learn it on the host")
        );
    }
    if choice != BackendChoice::Auto {
        return Err(Failure::new(message).hint("record it with --backend ptrace, or leave --backend out"));
    }
    if !stdin.replays() {
        let hint = "its standard input is spent; run this again with --backend ptrace";
        return Err(Failure::new(message).hint(hint));
    }
    stdin.complete()?;
    output.warn(&message);
    output.say(&format!("  `{}` runs once more, under ptrace", foreign(&plan.command.name())));
    Ok(Backend::Ptrace)
}

/// What is to be said of a run whose program may have seen calls fail that do not fail unwatched.
pub(crate) fn disturbance(ran: &Ran) -> Option<String> {
    (ran.disturbed > 0).then(|| {
        format!(
            "signals interrupted {} calls before they could be looked at; where a handler is installed without \
             SA_RESTART such a call fails with EINTR, as it would not unwatched",
            ran.disturbed
        )
    })
}

/// What a program's own filter refuses is not in the trace.
pub(crate) fn note_own_filters(trace: &mut Trace) {
    let loads = trace.loads_filters();
    if let Some(recording) = trace.recordings.last_mut().filter(|_| loads) {
        let note = "the program loads a seccomp filter of its own: what that refuses was not seen; --backend ptrace \
                    sees it. Strict mode cannot be had under a filter, be it this recording's or a profile's (EINVAL)";
        recording.notes.push(note.to_owned());
    }
}

/// Puts a run's remarks into its trace.
pub(crate) fn note(trace: &mut Trace, ran: &Ran) {
    if let Some(recording) = trace.recordings.last_mut() {
        recording.notes.extend(ran.notes.iter().cloned().chain(ran.unready.as_ref().map(Cause::brief)));
        recording.notes.extend(disturbance(ran).map(|note| format!("{note}; --backend trace disturbs none")));
        if ran.interrupted {
            recording.notes.push("the recording was interrupted".to_owned());
        }
    }
}

/// Says, here and in the trace, that refused calls were not seen.
pub(crate) fn blind(trace: &mut Trace, why: &str, output: &Output) {
    let note = format!("blind to refused calls: a filter above callgate may refuse some, and {why}");
    output.warn(&note);
    if let Some(recording) = trace.recordings.last_mut() {
        recording.notes.push(note);
    }
}

/// Records one run under ptrace, telling apart what passes every other filter and what one refuses.
pub(crate) fn refusals(run: Run<'_>, watch: Watch<'_>) -> Result<Ran, Failure> {
    let note =
        "another filter refuses calls, which a listener does not see; a run under ptrace recorded which";
    let mut ran = once(run, None, watch, Backend::Ptrace)?;
    if let Some(recording) = ran.trace.as_mut().and_then(|t| t.recordings.last_mut()) {
        recording.notes.push(note.to_owned());
    }
    Ok(ran)
}

/// A container whose program was never executed shows the runtime's calls only.
fn started(ran: Ran, name: &str) -> Result<Ran, Failure> {
    let executes = |(arch, nr, _)| matches!(sysno::name(arch, nr), Some("execve" | "execveat"));
    if ran.interrupted || ran.trace.as_ref().is_some_and(|t| t.made().any(executes)) {
        return Ok(ran);
    }
    let message = format!("the container never executed `{name}`; what its runtime said stands above");
    Err(Failure::new(message).exit(Exit::NoInput))
}

/// The same of what ran already: why there is nothing can mostly be said.
fn some(ran: Ran, target: &Target) -> Result<Ran, Failure> {
    checked(ran).map_err(|failure| {
        let nothing = |why: String| Failure::new(format!("nothing was recorded: {why}")).exit(failure.exit);
        match target {
            Target::Process(pid) if is_stopped_again(*pid) => {
                nothing(format!("process {pid} is stopped")).hint(format!("let it go on: kill -CONT {pid}"))
            }
            Target::Process(pid) if proc::has_ended(*pid) => {
                nothing(format!("process {pid} ended before it made a call"))
            }
            Target::Cgroup(cgroup) if cgroup.is_awaited() && !cgroup.exists() => {
                nothing(format!("the cgroup {} was not made, or nobody came", cgroup.directory().display()))
            }
            _ => nothing("no call was begun in that time".to_owned())
                .hint("record for longer, or give it something to do"),
        }
    })
}

/// Whether a process that was let go is stopped. A tracer that lets go of it wakes it, so that it goes into its stop anew: it
/// is given a tenth of a second for that.
fn is_stopped_again(pid: i32) -> bool {
    (0..20).any(|_| {
        let stopped = proc::is_stopped(pid);
        if !stopped {
            thread::sleep(Duration::from_millis(5));
        }
        stopped
    })
}

/// Failures of a recording that leave nothing to work on.
fn checked(ran: Ran) -> Result<Ran, Failure> {
    match &ran.trace {
        Some(trace) if !trace.calls.is_empty() => Ok(ran),
        _ => Err(Failure::new("nothing was recorded").exit(Exit::NoInput)),
    }
}
