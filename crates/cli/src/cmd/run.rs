//! `callgate run`: a command under a profile, every refusal reported with its arguments and the rule to add.

use std::collections::BTreeMap;
use std::path::Path;

use callgate_core::trace::{self, Observation, Phase};
use callgate_core::{Action, Arch, Meaning, Trace, profile, stage};
use callgate_linux::file::Output as File;
use callgate_linux::filter;
use callgate_linux::session::{Purpose, Signals};
use callgate_linux::{Miss, Status};

use crate::cli::{self, Stage, Via};
use crate::container::Seccomp;
use crate::exit::{Exit, Failure, Outcome};
use crate::filter::program;
use crate::input::{self, Loaded};
use crate::misses::{self, Kind};
use crate::output::{Output, counted, foreign};
use crate::plan::{self, Plan};
use crate::recording;
use crate::streams::{Show, Stdin};
use crate::subject;
use crate::workload::{self, Ran, Run, Watch};

/// Runs.
pub(crate) fn run(args: &cli::Run, output: &Output) -> Outcome {
    let loaded = input::profile(&args.profile)?;
    loaded.tell_notes(output);
    loaded.tell_if_foreign(output)?;
    let native = input::native()?;
    let meaning = filter::enforcing(&loaded.meaning()?);
    let via = reporter(args, &meaning, output);
    let purpose = purpose(args, via, &meaning, native)?;
    let plan = planned(args)?;
    if args.via == Via::Log {
        output.say("run: the kernel logs refusals (journalctl -k, or ausearch -m SECCOMP); callgate does not see them");
    }
    if args.via == Via::Log && args.output.is_some() {
        return Err(Failure::new("-o needs the refusals, and --via log leaves them to the kernel's log"));
    }
    let file = args.output.as_deref().map(|path| File::prepare(path, args.force, 0o600)).transpose()?;
    let signals = Signals::take()?;
    let mut stdin = Stdin::new(false)?;
    let run = Run {
        signals: &signals,
        plan: &plan,
        stdin: &mut stdin,
        output,
        show: Show::Inherit,
        first: true,
        limit: None,
        seccomp: Seccomp::Asking,
    };
    let mut told: BTreeMap<(String, String), u32> = BTreeMap::new();
    let mut tell = |miss: &Miss| tell_miss(miss, (&loaded, native), &mut told, output);
    let ran = match workload::run(run, purpose, Watch { flush: None, miss: Some(&mut tell), progress: None })
    {
        Err(failure) if failure.exit == Exit::NotExecutable => {
            return Err(refused_exec(failure, &loaded, native));
        }
        other => other?,
    };
    if let Some(reason) = &ran.stopped {
        let failure = Failure::new(format!("cannot report by notification: {reason}"));
        return Err(failure.hint("--via trace reports by a tracer instead").exit(Exit::NotRun));
    }
    summary(&ran, &loaded, native, output);
    if let Some(mut file) = file {
        let missed = missed(&ran, &plan, args.via);
        file.write(trace::write(&missed).as_bytes())?;
        tell_missed(args, &missed, output);
    }
    Ok(ran.status.map_or(Exit::NotRun, |status| Exit::Command(status.code() as u8)))
}

fn planned(args: &cli::Run) -> Result<Plan, Failure> {
    let command = plan::find(&args.command)?;
    if args.allow_privilege_escalation && !rustix::process::geteuid().is_root() {
        return Err(Failure::new("--allow-privilege-escalation needs root"));
    }
    let allow_privilege_escalation = args.allow_privilege_escalation;
    Ok(Plan { allow_privilege_escalation, patient: true, ..Plan::plain(command) })
}

/// Who reports. A listener can neither raise SIGSYS as TRAP does nor end one thread: then a tracer reports, and the
/// filter itself acts.
fn reporter(args: &cli::Run, meaning: &Meaning, output: &Output) -> Via {
    let beyond = |action| matches!(action, Action::Trap(_) | Action::KillThread);
    if args.via != Via::Notify || args.stage != Stage::Enforce || !meaning.uses(beyond) {
        return args.via;
    }
    output.say(
        "run: the profile traps calls or kills single threads, which only the filter itself can do: a tracer reports, \
         which is slower (--via log is not)",
    );
    Via::Trace
}

fn purpose(args: &cli::Run, via: Via, meaning: &Meaning, native: Arch) -> Result<Purpose, Failure> {
    let baseline = match (&args.baseline, args.stage) {
        (named, Stage::Complain) => Some(named_baseline(named.as_deref().unwrap_or("docker"), native)?),
        (None, _) => None,
        (Some(_), _) => {
            return Err(Failure::new("--baseline goes with --stage complain only")
                .hint("audit lets everything go ahead, and enforce applies the profile alone"));
        }
    };
    if via == Via::Log {
        if args.stage != Stage::Enforce {
            return Err(Failure::new("--via log goes with --stage enforce only")
                .hint("audit and complain report by notification in this version"));
        }
        return Ok(Purpose::Enforce { filter: Some(program(meaning)?), log: true, watch: false });
    }
    let audit = args.stage == Stage::Audit;
    let traced = via == Via::Trace;
    // A tracer only reports, so the filter has to be what the stage means; a listener decides, so it has to ask.
    let filter = match &baseline {
        _ if !traced => filter::trial(meaning),
        _ if audit => filter::allowing(native),
        Some(baseline) => stage::complaining(meaning, baseline).map_err(|e| {
            Failure::new(format!("cannot make the filter: {e}")).hint("simplify its conditions")
        })?,
        None => meaning.clone(),
    };
    Ok(Purpose::Judge { filter: Some(program(&filter)?), traced, profile: meaning.clone(), audit, baseline })
}

/// A baseline: a runtime's default by name, or a profile.
fn named_baseline(name: &str, native: Arch) -> Result<Meaning, Failure> {
    if let Some(found) = subject::default_of(name, &cli::On::default(), native)? {
        return Ok(found);
    }
    let path = Path::new(name);
    if !path.exists() {
        return Err(subject::neither(name));
    }
    input::profile(path)?.meaning()
}

/// The refused calls as a trace: what an update is to allow.
fn missed(ran: &Ran, plan: &Plan, via: Via) -> Trace {
    let backend = if via == Via::Trace { "ptrace" } else { "notify" };
    let mut provenance = recording::provenance(plan, backend, false);
    provenance.notes.push("only what a profile refused: `callgate run`".to_owned());
    let complete = ran.beyond == 0 && !ran.interrupted;
    let mut trace = Trace { recordings: vec![provenance], complete, lost: ran.beyond, ..Trace::default() };
    for (miss, count) in &ran.misses {
        let Some((arch, nr)) = Arch::split(miss.token, miss.nr) else {
            trace.lost += count;
            trace.complete = false;
            continue;
        };
        trace.observe(&Observation {
            arch,
            nr,
            args: miss.args,
            outcome: trace::Outcome::Made,
            count: Some(*count),
            phase: Phase::Unphased,
            executable: miss.executable.clone(),
            at_ms: 0,
        });
    }
    trace
}

fn tell_missed(args: &cli::Run, missed: &Trace, output: &Output) {
    let path = args.output.as_deref().unwrap_or(Path::new("")).display().to_string();
    let (path, profile) = (foreign(&path), foreign(&args.profile.display().to_string()));
    output.say(&format!(
        "wrote {path}: {} that the profile refuses",
        counted(missed.calls.len() as u64, "call")
    ));
    if !missed.calls.is_empty() {
        output.say(&format!("  next: callgate update {profile} --from {path}"));
    }
}

/// Misses of one call by one executable told one by one, whatever their arguments; the rest is counted at the end.
const TOLD: u32 = 3;

/// What is refused is a finding: it is said even when quiet.
fn tell_miss(
    miss: &Miss,
    (loaded, native): (&Loaded, Arch),
    told: &mut BTreeMap<(String, String), u32>,
    output: &Output,
) {
    let judged = misses::judge(miss, loaded, native);
    let count = told.entry((judged.name.clone(), miss.executable.clone())).or_default();
    *count += 1;
    if judged.kind != Kind::Expected && *count <= TOLD {
        output.line(&judged.line(miss));
    }
}

/// The profile refuses the execve that starts the command.
fn refused_exec(failure: Failure, loaded: &Loaded, native: Arch) -> Failure {
    let meaning = profile::meaning(&loaded.profile, native);
    let nr = callgate_core::sysno::number(native, "execve").unwrap_or(0);
    let call = callgate_core::Call::new(native, nr, [0; 6]);
    if meaning.action(&call).permits() {
        return failure;
    }
    let message = format!("{}: the profile refuses the execve that starts the command", loaded.name);
    Failure::new(message).exit(Exit::NotExecutable).hint("add \"execve\" to an allow rule")
}

fn summary(ran: &Ran, loaded: &Loaded, native: Arch, output: &Output) {
    let judged: Vec<_> = ran.misses.iter().map(|(m, n)| (misses::judge(m, loaded, native), *n)).collect();
    for ((kind, name), count) in misses::totals(&judged) {
        match kind {
            Kind::Expected => {
                output.say(&format!(
                    "as its evidence expects, {name} was not allowed, {}",
                    counted(count, "time")
                ));
            }
            _ if count > 1 => output.line(&format!("  {name}: {count} times in all")),
            _ => {}
        }
    }
    if ran.beyond > 0 {
        output.line(&format!("{} more refusals, of too many kinds to tell one by one", ran.beyond));
    }
    if let Some(note) = recording::disturbance(ran) {
        output.warn(&format!("{note}; --via trace disturbs none"));
    }
    for executable in &ran.sigsys {
        output.line(&format!("killed by SIGSYS: {}", crate::output::foreign(executable)));
    }
    if ran.status == Some(Status::Signaled(libc_sigsys())) && ran.sigsys.is_empty() {
        output.line("the command was killed by SIGSYS: the profile's filter ended it");
    }
}

/// SIGSYS, whose number differs between architectures (signal(7)): 31 on all that callgate knows.
fn libc_sigsys() -> i32 {
    31
}
