//! `callgate learn`: record, generate, prove.

use std::io::{BufRead, IsTerminal};
use std::path::Path;
use std::time::{Duration, Instant};

use callgate_core::generate::{ArgsMode, Generated, Options, generate};
use callgate_core::{Trace, profile};
use callgate_linux::Status;
use callgate_linux::session::Signals;

use super::generate::{Files, failure, tell_comments, tell_withheld};
use super::record::{blind, note, note_own_filters};
use crate::cli::{BackendChoice, Learn};
use crate::container::Seccomp;
use crate::digest::Digest;
use crate::exit::{Exit, Failure, Outcome};
use crate::input::{self, Loaded};
use crate::output::{Output, Style, foreign};
use crate::parse;
use crate::plan::Plan;
use crate::proof::{self, Expected, Proof, Trial};
use crate::recording::{self, Above, Backend};
use crate::streams::{Show, Stdin};
use crate::summary;
use crate::workload::{Ran, Run, Watch};

/// What the recording runs gave.
struct Recorded {
    trace: Trace,
    runs: Vec<Ran>,
    interrupted: bool,
}

/// Everything a learning needs, checked before the program runs.
struct Learning<'l> {
    args: &'l Learn,
    output: &'l Output,
    plan: Plan,
    options: Options,
    above: Above,
    backend: Backend,
    signals: Signals,
    stdin: Stdin,
    /// How long the first run took.
    first_took: Duration,
}

/// Learns.
pub(crate) fn run(args: &Learn, output: &Output) -> Outcome {
    let options = parse::policy(&args.policy)?;
    let plan = Plan::new(&args.drive, &args.command).map_err(|f| f.exit(Exit::Failed))?;
    if args.output == Path::new("-") {
        return Err(Failure::new("learn needs a file to write: standard output is the program's"));
    }
    let mut files = Files::prepare(&args.output, args.force)?;
    let above = recording::above_of(&plan);
    let backend = Backend::choose(args.drive.backend);
    let several = args.runs > 1 || !args.no_prove || matches!(above, Above::Traceable);
    let stdin = Stdin::new(several)?;
    let signals = Signals::take()?;
    let mut learning =
        Learning { args, output, plan, options, above, backend, signals, stdin, first_took: Duration::ZERO };
    learning.announce();
    let recorded = learning.record().map_err(|f| Failure { exit: not_the_commands(f.exit), ..f })?;
    let made = learning.generate(&recorded.trace)?;
    let text = profile::write(&made.profile, args.policy.with_comments);
    let mut loaded = input::parse_profile(args.output.display().to_string(), text.clone())?;
    loaded.evidence = made.evidence.clone();
    let withheld = tell_withheld(&made, output);
    let proof = learning.prove(&recorded, &loaded);
    // Only now: a file that appears between the runs could change what the workload does.
    files.write(&text, &made)?;
    made.notes.iter().for_each(|n| output.warn(n));
    tell_comments(args.policy.with_comments, output);
    learning.tell(&recorded, &loaded, proof.as_ref());
    let proven = proof.is_some_and(|p| p.failures.is_empty() && !p.interrupted);
    let asked_no_proof = args.no_prove && !recorded.interrupted;
    Ok(if (proven || asked_no_proof) && !withheld { Exit::Ok } else { Exit::Findings })
}

/// `learn`'s exit codes are its own: the command's status is printed.
fn not_the_commands(exit: Exit) -> Exit {
    match exit {
        Exit::NoInput => Exit::NoInput,
        _ => Exit::Failed,
    }
}

impl Learning<'_> {
    /// Says how often the command will run, before it does.
    fn announce(&self) {
        let mut parts = vec![format!("{} to record", self.args.runs)];
        let mut total = self.args.runs;
        if matches!(self.above, Above::Traceable) && self.backend != Backend::Ptrace {
            parts.push("1 under ptrace, since a filter above refuses calls".to_owned());
            total += 1;
        }
        if !self.args.no_prove {
            parts.push("2 to prove".to_owned());
            total += 2;
        }
        let name = foreign(&self.plan.command.name());
        let times = if total == 1 { "once".to_owned() } else { format!("{total} times") };
        self.output.say(&format!("learn: `{name}` will run {times}: {}", parts.join(", ")));
        if let Some(container) = &self.plan.container {
            self.output.say(&container.announcement());
        }
        if total > 1 && std::io::stdin().is_terminal() {
            self.output
                .say("  its standard input is this terminal: if it reads, every run waits for you again");
        }
        if self.args.policy.args == crate::cli::ArgsChoice::Off {
            self.output.say(
                "  --args off: no argument is constrained; clone3 is allowed, with every namespace behind it",
            );
        }
    }

    fn show(&self, first: bool) -> Show {
        let reads = self.plan.ready.as_ref().is_some_and(crate::ready::Probe::reads_output);
        match first {
            true if self.args.runs > 1 || self.args.same_output || reads => Show::Pass,
            true => Show::Inherit,
            false => Show::Keep,
        }
    }

    fn run(&mut self, first: bool) -> Run<'_> {
        let show = self.show(first);
        let limit = (!first).then(|| self.limit());
        Run {
            signals: &self.signals,
            plan: &self.plan,
            stdin: &mut self.stdin,
            output: self.output,
            show,
            first,
            limit,
            seccomp: Seccomp::Asking,
        }
    }

    /// How long a run after the first may take: much longer than the first, which was slower by the recording.
    fn limit(&self) -> Duration {
        self.first_took.saturating_mul(10) + Duration::from_mins(1)
    }

    fn record(&mut self) -> Result<Recorded, Failure> {
        let mut recorded = Recorded { trace: Trace::default(), runs: Vec::new(), interrupted: false };
        let surface_only = self.options.args != ArgsMode::Exact;
        for number in 0..self.args.runs {
            self.plan.reset()?;
            let known = (number > 0).then(|| recorded.trace.clone());
            let started = Instant::now();
            let watch = Watch { flush: None, miss: None, progress: (number == 0).then_some("learning") };
            let known = known.as_ref().map(|t| (t, surface_only));
            let backend = self.backend;
            let ran = recording::once(self.run(number == 0), known, watch, backend)?;
            recorded.take(self.or_fall_back(ran)?);
            if number == 0 {
                self.first_took = started.elapsed();
            }
            if recorded.interrupted {
                return Ok(recorded);
            }
        }
        self.record_refusals(&mut recorded)?;
        Ok(recorded)
    }

    /// A run that this backend could not record is made again under ptrace, as are all that follow.
    fn or_fall_back(&mut self, ran: Ran) -> Result<Ran, Failure> {
        let (choice, name) = (self.args.drive.backend, self.plan.command.name());
        if let Some(reason) = &ran.stopped {
            self.backend = recording::fall_back(reason, choice, &mut self.stdin, &self.plan, self.output)?;
        } else if let Some(note) = recording::disturbance(&ran)
            && !ran.interrupted
            && choice == BackendChoice::Auto
            && self.plan.container.is_none()
        {
            self.output.warn(&note);
            self.output
                .say(&format!("  `{}` runs once more, by a tracer, which disturbs none", foreign(&name)));
            self.backend = Backend::Trace;
        } else {
            return Ok(ran);
        }
        self.plan.reset()?;
        let (show, backend) = (self.show(true), self.backend);
        let again = Run { show, limit: None, ..self.run(false) };
        recording::once(again, None, Watch { flush: None, miss: None, progress: Some("learning") }, backend)
    }

    /// Refusals by other filters, above the program or its own, which only a run under ptrace sees.
    fn record_refusals(&mut self, recorded: &mut Recorded) -> Result<(), Failure> {
        let own = recorded.trace.loads_filters();
        match self.above {
            Above::Blind(why) => blind(&mut recorded.trace, why, self.output),
            _ if self.backend == Backend::Ptrace => {}
            Above::Clear if !own => {}
            Above::Clear if !self.stdin.replays() || self.plan.container.is_some() => {
                note_own_filters(&mut recorded.trace);
            }
            Above::Clear | Above::Traceable => {
                if matches!(self.above, Above::Clear) {
                    self.output.say(&format!(
                        "  `{}` loads a seccomp filter of its own: it runs once more, under ptrace, which sees what that \
                         refuses",
                        foreign(&self.plan.command.name())
                    ));
                }
                self.plan.reset()?;
                let watch = Watch { flush: None, miss: None, progress: None };
                recorded.take(recording::refusals(self.run(false), watch)?);
            }
        }
        Ok(())
    }

    fn generate(&mut self, trace: &Trace) -> Result<Generated, Failure> {
        let made = generate(trace, &self.options).map_err(|e| failure(&e))?;
        let asked = ask(&made, &self.signals, self.output);
        if asked.is_empty() {
            return Ok(made);
        }
        self.options.allow.extend(asked);
        generate(trace, &self.options).map_err(|e| failure(&e))
    }

    /// Proves, unless that was not wanted. A proof that cannot be made is a profile that is not proven.
    fn prove(&mut self, recorded: &Recorded, loaded: &Loaded) -> Option<Proof> {
        if recorded.interrupted || self.args.no_prove {
            return None;
        }
        let failed = recorded.runs.iter().filter_map(|r| r.exercise).find(|status| status.code() != 0);
        let failed = failed.map(|status| format!("the exercise ended with {status}"));
        if let Some(why) = recorded.runs.iter().find_map(|r| r.unready.clone()).or(failed) {
            let failure = format!("while recording {why}: what was seen is not what it does");
            return Some(Proof { failures: vec![failure], ..Proof::default() });
        }
        let expected = recorded.expected(self.args.same_output);
        let way_out = |name: &str| format!("callgate learn … --allow {name}");
        let limit = self.limit();
        let mut trial = Trial {
            limit,
            signals: &self.signals,
            plan: &self.plan,
            stdin: &mut self.stdin,
            output: self.output,
            loaded,
            trace: &recorded.trace,
            native: self.options.native,
            backend: self.backend,
        };
        let mut proof = proof::prove(&mut trial, &expected, &way_out).unwrap_or_else(|failure| {
            let hint = failure.hint.map(|h| format!("; {h}")).unwrap_or_default();
            Proof {
                failures: vec![format!("the proof could not be made: {}{hint}", failure.message)],
                ..Proof::default()
            }
        });
        proof.failures.extend(
            recorded
                .trace
                .altered()
                .into_iter()
                .map(|what| format!("{}; as root, --allow-privilege-escalation leaves it", foreign(what))),
        );
        if !proof.failures.is_empty()
            && let Some(before) = &self.plan.before
        {
            proof.notes.push(format!("state was reset by --before `{}`", foreign(before)));
        }
        Some(proof)
    }

    /// The end: result and proof, what was learned, what next. Fits 24 lines.
    fn tell(&self, recorded: &Recorded, loaded: &Loaded, proof: Option<&Proof>) {
        let (output, native) = (self.output, self.options.native);
        let path = foreign(&self.args.output.display().to_string());
        let calls = summary::allowed(&profile::meaning(&loaded.profile, native), native).len();
        let what = format!("{path}: {calls} calls for `{}`", foreign(&self.plan.command.name()));
        match proof {
            Some(p) if p.interrupted => output.say(&format!(
                "{} {what}; the proof was interrupted",
                output.paint(Style::Bad, "not proven:")
            )),
            Some(p) if p.failures.is_empty() => {
                let how = if recorded.expected(self.args.same_output).outputs.is_some() {
                    "status and output"
                } else {
                    "status only"
                };
                output.say(&format!(
                    "{} {what}; 2 runs under it, no miss; compared by {how}",
                    output.paint(Style::Good, "proven:")
                ));
            }
            Some(p) => {
                output.line(&format!("{} {what}", output.paint(Style::Bad, "not proven:")));
                p.failures.iter().for_each(|f| output.line(&format!("  {f}")));
                output.say("  record more of it (--runs 3), exercise it (--exercise), or allow the call by name (--allow)");
            }
            None if recorded.interrupted => output.say(&format!(
                "{} {what}; the recording was interrupted",
                output.paint(Style::Bad, "not proven:")
            )),
            None => output.say(&format!("{} {what} (--no-prove)", output.paint(Style::Bold, "not proven:"))),
        }
        recorded.remarks().iter().for_each(|r| output.say(&format!("  {r}")));
        proof.iter().flat_map(|p| &p.notes).for_each(|n| output.say(&format!("  {n}")));
        output.say("");
        output.say(summary::learned(loaded, native, output.width()).trim_end());
        output.say("");
        let proven = proof.is_some_and(|p| p.failures.is_empty() && !p.interrupted);
        let stage = if proven && !self.plan.phased() { "enforce" } else { "audit" };
        if self.plan.container.is_some() {
            output.say(&summary::next_in_a_container(&path));
            return;
        }
        let via = if self.backend == Backend::Notify { "" } else { " --via trace" };
        output.say(&summary::next(&path, &format!("{stage}{via}"), &self.args.command));
    }
}

impl Recorded {
    fn take(&mut self, mut ran: Ran) {
        let mut trace = ran.trace.take().unwrap_or_default();
        note(&mut trace, &ran);
        self.interrupted |= ran.interrupted;
        self.trace.merge(&trace);
        self.runs.push(ran);
    }

    /// What a run under the profile has to show.
    fn expected(&self, same_output: bool) -> Expected {
        let outputs: Vec<&[Digest; 2]> = self.runs.iter().map(|r| &r.outputs).collect();
        let agree = outputs.windows(2).all(|w| w[0] == w[1]);
        let known = (outputs.len() > 1 && agree) || same_output;
        Expected {
            statuses: self.runs.iter().map(|r| r.status).collect(),
            sigsys: self.runs.iter().map(|r| r.sigsys.clone()).max_by_key(Vec::len).unwrap_or_default(),
            exercises: self.runs.iter().map(|r| r.exercise).collect(),
            outputs: outputs.first().filter(|_| known).map(|o| (*o).clone()),
        }
    }

    /// What is to be said about the recording runs.
    fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        let statuses: Vec<_> = self.runs.iter().filter_map(|r| r.status).collect();
        match statuses.first() {
            Some(first) if statuses.iter().any(|s| s != first) => {
                remarks.push("the recording runs ended differently from each other".to_owned());
            }
            Some(Status::Signaled(15)) if self.runs.iter().any(|r| r.exercise.is_some()) => {}
            Some(first) if first.code() != 0 => {
                remarks.push(format!("while recording it ended with {first}"));
            }
            _ => {}
        }
        remarks
    }
}

/// On a terminal, asks about every dangerous call that was seen; the names that are to be allowed.
fn ask(made: &Generated, signals: &Signals, output: &Output) -> Vec<String> {
    if !(output.live() && std::io::stdin().is_terminal()) {
        return Vec::new();
    }
    let mut allowed = Vec::new();
    for left in &made.evidence.withheld {
        let question = format!(
            "{} was called by {} ({} ms into the run): {}. Allow it? [y/N] ",
            left.name,
            foreign(&left.first_by),
            left.first_ms,
            left.why
        );
        output.raw_stderr(question.as_bytes());
        if !signals.wait_for_input() {
            output.say("");
            return allowed;
        }
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        if read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes") {
            allowed.push(left.name.clone());
        }
    }
    allowed
}
