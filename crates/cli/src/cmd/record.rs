//! `callgate record`: a command's system calls into a trace.

use std::path::Path;

use callgate_core::{Trace, trace};
use callgate_linux::file::Output as File;
use callgate_linux::session::Signals;

use crate::cli::Record;
use crate::exit::{Exit, Failure, Outcome};
use crate::input;
use crate::output::Output;
use crate::plan::Plan;
use crate::recording::{self, Above};
use crate::streams::{Show, Stdin};
use crate::workload::{Ran, Run, Watch};

/// Records.
pub(crate) fn run(args: &Record, output: &Output) -> Outcome {
    let plan = Plan::new(&args.drive, &args.command)?;
    let known = args.known.as_deref().map(input::trace).transpose()?;
    if args.output == Path::new("-") {
        return Err(Failure::new("record needs a file to write: standard output is the program's"));
    }
    let mut file = File::prepare(&args.output, args.force, 0o600)?;
    let above = recording::above();
    let signals = Signals::take()?;
    let mut stdin = Stdin::new(matches!(above, Above::Traceable))?;
    if matches!(above, Above::Traceable) {
        output.say("record: a filter above refuses calls, so the command will run twice: the second time under ptrace");
    }
    plan.reset()?;
    let log = plan.ready.as_ref().is_some_and(crate::ready::Probe::reads_output);
    let show = if log { Show::Pass } else { Show::Inherit };
    let first =
        Run { signals: &signals, plan: &plan, stdin: &mut stdin, output, show, first: true, limit: None };
    let mut flush = |snapshot: &Trace| {
        let unfinished = Trace { complete: false, ..snapshot.clone() };
        // The program goes on; the next flush, or the end, may find room again.
        if let Err(error) = file.write(trace::write(&unfinished).as_bytes()) {
            output.warn(&format!("{error}; recording goes on"));
        }
    };
    let watch = Watch { flush: Some(&mut flush), miss: None, progress: Some("recording") };
    let ran = recording::once(first, known.as_ref().map(|t| (t, false)), watch)?;
    let mut trace = ran.trace.clone().unwrap_or_default();
    note(&mut trace, &ran);
    match above {
        Above::Clear => {}
        Above::Blind(why) => blind(&mut trace, why, output),
        Above::Traceable => {
            plan.reset()?;
            let run = Run {
                signals: &signals,
                plan: &plan,
                stdin: &mut stdin,
                output,
                show: Show::Keep,
                first: false,
                limit: None,
            };
            let second = recording::refusals(run, Watch { flush: None, miss: None, progress: None })?;
            trace.merge(&second.trace.unwrap_or_default());
        }
    }
    file.write(trace::write(&trace).as_bytes())?;
    tell(&trace, &ran, args, output);
    Ok(ran.status.map_or(Exit::NotRun, |s| Exit::Command(s.code() as u8)))
}

/// Puts a run's remarks into its trace.
pub(crate) fn note(trace: &mut Trace, ran: &Ran) {
    if let Some(recording) = trace.recordings.last_mut() {
        recording.notes.extend(ran.notes.iter().chain(&ran.unready).cloned());
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

fn tell(trace: &Trace, ran: &Ran, args: &Record, output: &Output) {
    let calls: u64 = trace.calls.values().filter_map(|r| r.count).sum();
    let name = crate::output::foreign(&args.output.display().to_string());
    let status = ran.status.map_or_else(|| "it did not end".to_owned(), |s| s.to_string());
    output.say(&format!(
        "recorded {name}: {} different system calls, {calls} in all, by notification ({status})",
        trace.made().count()
    ));
    output.say("  cannot see: calls answered by the vDSO, and io_uring operations");
    for note in trace.recordings.iter().flat_map(|r| &r.notes) {
        output.warn(note);
    }
    output.say(&format!("  next: callgate generate {name} -o PROFILE"));
}
