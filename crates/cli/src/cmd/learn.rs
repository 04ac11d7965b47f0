//! `callgate learn`: record, generate, prove.

use std::io::IsTerminal;
use std::path::Path;
use std::time::{Duration, Instant};

use callgate_core::evidence::NOT_ASKED;
use callgate_core::generate::{ArgsMode, Floors, Generated, Options, generate};
use callgate_core::profile;
use callgate_linux::session::Signals;

use super::generate::{Files, failure, tell_comments, withheld};
use crate::ask::ask;
use crate::cause::{self, Cause, Kind};
use crate::cli::{BackendChoice, Learn};
use crate::container::{Container, Seccomp};
use crate::ending::Ending;
use crate::exit::{Exit, Failure, Outcome};
use crate::input::{self, Loaded};
use crate::minimise::{self, Minimised};
use crate::output::{Output, Style, counted, foreign};
use crate::parse;
use crate::plan::Plan;
use crate::progress;
use crate::proof::{self, Proof, Trial};
use crate::recorded::Recorded;
use crate::recording::{self, Above, Backend, blind, note_own_filters};
use crate::streams::{Show, Stdin};
use crate::summary;
use crate::workload::{Ran, Run, Watch};

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
    /// Runs begun, and runs there will be as far as is known.
    runs: (u32, u32),
}

/// Learns.
pub(crate) fn run(args: &Learn, output: &Output) -> Outcome {
    let policy = parse::policy(&args.policy)?;
    let plan = Plan::new(&args.drive, &args.command).map_err(|f| f.exit(Exit::Failed))?;
    let options = Options { floors: floors(args, &plan)?, ..policy };
    if args.output == Path::new("-") {
        let failure = Failure::new("learn needs a file to write: standard output is the program's");
        return Err(
            failure.hint("name the profile: -o PROFILE; of a trace, generate writes to standard output, too")
        );
    }
    let mut files = Files::prepare(&args.output, args.force)?;
    let above = recording::above_of(&plan);
    let backend = Backend::choose(args.drive.backend);
    let several = args.runs > 1 || !args.no_prove || matches!(above, Above::Traceable);
    let stdin = Stdin::new(several)?;
    let signals = Signals::take()?;
    let mut learning = Learning {
        args,
        output,
        plan,
        options,
        above,
        backend,
        signals,
        stdin,
        first_took: Duration::ZERO,
        runs: (0, 0),
    };
    learning.announce();
    let mut attempt = learning.attempt()?;
    if learning.was_disturbed(&attempt) {
        attempt = learning.attempt()?;
    }
    let Attempt { recorded, mut made, loaded, proof } = attempt;
    made.evidence.proof = Some(for_the_record(&recorded, proof.as_ref()));
    let minimised = learning.minimise(&recorded, &loaded, proof.as_ref());
    made.evidence.needs.clone_from(&minimised.needs);
    // Only now: a file that appears between the runs could change what the workload does.
    files.write(&loaded.text, &made)?;
    made.notes.iter().for_each(|n| output.warn(n));
    tell_comments(args.policy.with_comments, output);
    let withheld = withheld(&made);
    let passed = (proven(proof.as_ref()) || (args.no_prove && !recorded.interrupted)) && withheld.is_empty();
    let mut ending = learning.ending(&recorded, &loaded, proof.as_ref(), withheld);
    ending.remarks.extend(minimised.remark);
    ending.tell(passed, output);
    Ok(if passed { Exit::Ok } else { Exit::Findings })
}

/// The runtimes that are to start the program: those that were named, and the one it is learned in, of which a few runs
/// do not show everything.
fn floors(args: &Learn, plan: &Plan) -> Result<Floors, Failure> {
    let runtimes = parse::purposes(&args.drive.purposes)?.runtimes;
    let own = plan.container.as_ref();
    let nnp = args.drive.nnp.or(own.map(Container::no_new_privs));
    let mut floors = parse::floors(runtimes, nnp)
        .map_err(|f| f.hint("--for takes runtimes, or how long the workload runs: 30s"))?;
    floors.runtimes.extend(own.and_then(|c| parse::runtime(&c.runtime().at_version()).ok()));
    Ok(floors)
}

/// A profile, and what became of its proof.
struct Attempt {
    recorded: Recorded,
    made: Generated,
    loaded: Loaded,
    proof: Option<Proof>,
}

/// Whether the profile is proven.
fn proven(proof: Option<&Proof>) -> bool {
    proof.is_some_and(|p| p.failures.is_empty() && !p.interrupted)
}

/// What the evidence says of the proof.
fn for_the_record(recorded: &Recorded, proof: Option<&Proof>) -> String {
    match proof {
        Some(p) if p.interrupted => "not proven: the proof was interrupted".to_owned(),
        Some(p) => match p.failures.first() {
            None => "proven: 2 runs, no miss".to_owned(),
            Some(cause) => format!("not proven: {}", cause.brief()),
        },
        None if recorded.interrupted => "not proven: interrupted before the proof".to_owned(),
        None => NOT_ASKED.to_owned(),
    }
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
    fn announce(&mut self) {
        let mut parts = vec![format!("{} to record", self.args.runs)];
        let mut total = self.args.runs;
        if matches!(self.above, Above::Traceable) && !matches!(self.backend, Backend::Ptrace | Backend::Ebpf)
        {
            parts.push("1 under ptrace, since a filter above refuses calls".to_owned());
            total += 1;
        }
        if !self.args.no_prove {
            parts.push("2 to prove".to_owned());
            total += 2;
        }
        let name = foreign(&self.plan.command.name());
        self.runs.1 = total;
        self.output.say(&match total {
            1 => format!("learn: `{name}` will run once, to record"),
            _ => format!("learn: `{name}` will run {total} times: {}", parts.join(", ")),
        });
        if let Some(container) = &self.plan.container {
            self.output.say(&container.announcement());
        }
        if total > 1 && self.output.live() && std::io::stdin().is_terminal() {
            self.output.say("  what it reads from this terminal every run reads anew");
        }
        if self.args.policy.args == crate::cli::ArgsChoice::Off {
            self.output.say(
                "  --args off: no argument is constrained; clone3 is allowed, with every namespace behind it",
            );
        }
    }

    /// The label of the next run's status line. `more`: a run that was not foreseen.
    fn next_run(&mut self, more: bool) -> String {
        self.runs.0 += 1;
        self.runs.1 += u32::from(more);
        progress::label(self.runs)
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

    /// Records, generates, proves.
    fn attempt(&mut self) -> Result<Attempt, Failure> {
        let mut recorded = self.record().map_err(|f| Failure { exit: not_the_commands(f.exit), ..f })?;
        let made = self.generate(&mut recorded)?;
        let text = profile::write(&made.profile, self.args.policy.with_comments);
        let mut loaded = input::parse_profile(self.args.output.display().to_string(), text)?;
        loaded.evidence = made.evidence.clone();
        let proof = self.prove(&recorded, &loaded);
        Ok(Attempt { recorded, made, loaded, proof })
    }

    /// Whether the proof failed after a recording that made calls fail: then it is to be made again, by a tracer.
    fn was_disturbed(&mut self, attempt: &Attempt) -> bool {
        // What is dangerous stays withheld, and what lost its privilege stays without, whoever watches.
        let curable = |c: &Cause| !matches!(c.kind, Kind::Altered | Kind::Withheld(_));
        let failed = attempt.proof.as_ref().is_some_and(|p| p.failures.iter().any(curable) && !p.interrupted);
        let auto = self.backend == Backend::Notify && self.args.drive.backend == BackendChoice::Auto;
        let note = attempt.recorded.runs.iter().find_map(recording::disturbance);
        let Some(note) = note.filter(|_| failed && auto && self.plan.container.is_none()) else {
            return false;
        };
        self.output.warn(&note);
        self.output.say(&format!(
            "  learning `{}` once more, by a tracer, which disturbs none",
            foreign(&self.plan.command.name())
        ));
        self.backend = Backend::Trace;
        self.runs.1 *= 2;
        true
    }

    fn record(&mut self) -> Result<Recorded, Failure> {
        let mut recorded = Recorded::default();
        let surface_only = self.options.args != ArgsMode::Exact;
        for number in 0..self.args.runs {
            self.plan.reset()?;
            let known = (number > 0).then(|| recorded.trace.clone());
            let started = Instant::now();
            let label = self.next_run(false);
            let watch = Watch { flush: None, miss: None, progress: Some(&label) };
            let known = known.as_ref().map(|t| (t, surface_only));
            let backend = self.backend;
            // A later attempt gets what the first was given, and prints what is right; a server has printed enough.
            let first = self.runs.0 == 1;
            let show = self.show(first || (number == 0 && !self.plan.phased()));
            let ran = recording::once(Run { show, ..self.run(first) }, known, watch, backend)?;
            recorded.take(self.or_fall_back(ran)?);
            if number == 0 {
                self.first_took = started.elapsed().max(self.first_took);
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
        let choice = self.args.drive.backend;
        let Some(reason) = &ran.stopped else { return Ok(ran) };
        self.backend = recording::fall_back(reason, choice, &mut self.stdin, &self.plan, self.output)?;
        self.plan.reset()?;
        let label = self.next_run(true);
        let (show, backend) = (self.show(true), self.backend);
        let again = Run { show, limit: None, ..self.run(false) };
        recording::once(again, None, Watch { flush: None, miss: None, progress: Some(&label) }, backend)
    }

    /// Refusals by other filters, above the program or its own, which only a run under ptrace sees.
    fn record_refusals(&mut self, recorded: &mut Recorded) -> Result<(), Failure> {
        let own = recorded.trace.loads_filters();
        match self.above {
            Above::Blind(why) => blind(&mut recorded.trace, why, self.output),
            _ if matches!(self.backend, Backend::Ptrace | Backend::Ebpf) => {}
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
                let label = self.next_run(matches!(self.above, Above::Clear));
                let watch = Watch { flush: None, miss: None, progress: Some(&label) };
                recorded.take(recording::refusals(self.run(false), watch)?);
            }
        }
        Ok(())
    }

    fn generate(&mut self, recorded: &mut Recorded) -> Result<Generated, Failure> {
        let trace = &recorded.trace;
        let made = generate(trace, &self.options).map_err(|e| failure(&e))?;
        let answers = ask(&made, &self.signals, self.output);
        if answers.interrupted {
            (recorded.asked, recorded.interrupted) = (!recorded.interrupted, true);
        }
        if answers.allowed.is_empty() {
            return Ok(made);
        }
        self.options.allow.extend(answers.allowed);
        generate(trace, &self.options).map_err(|e| failure(&e))
    }

    /// Proves, unless that was not wanted. A proof that cannot be made is a profile that is not proven.
    fn prove(&mut self, recorded: &Recorded, loaded: &Loaded) -> Option<Proof> {
        if recorded.interrupted || self.args.no_prove {
            return None;
        }
        if let Some(cause) = recorded.unusable() {
            return Some(Proof { failures: vec![cause], ..Proof::default() });
        }
        let expected = recorded.expected(self.args.same_output);
        let limit = self.limit();
        let mut trial = self.trial(recorded, loaded, limit);
        let mut proof = proof::prove(&mut trial, &expected).unwrap_or_else(|failure| {
            let hint = failure.hint.map(|h| format!("; {h}")).unwrap_or_default();
            let text = format!("the proof could not be made: {}{hint}", foreign(&failure.message));
            Proof { failures: vec![Cause::new(Kind::NotMade, text)], ..Proof::default() }
        });
        proof.failures.extend(recorded.trace.altered().into_iter().map(|what| {
            let text = format!("{}; as root, --allow-privilege-escalation leaves it", foreign(what));
            Cause::new(Kind::Altered, text)
        }));
        Some(proof)
    }

    /// What runs under a profile are made with.
    fn trial<'t>(&'t mut self, recorded: &'t Recorded, loaded: &'t Loaded, limit: Duration) -> Trial<'t> {
        Trial {
            limit,
            signals: &self.signals,
            plan: &self.plan,
            stdin: &mut self.stdin,
            output: self.output,
            loaded,
            trace: &recorded.trace,
            native: self.options.native,
            backend: self.backend,
            runs: &mut self.runs,
        }
    }

    /// Finds out which calls are needed, where that was asked for and the profile is worth it. That it was not found
    /// out is said even when quiet, and costs nobody the profile.
    fn minimise(&mut self, recorded: &Recorded, loaded: &Loaded, proof: Option<&Proof>) -> Minimised {
        if !self.args.minimise {
            return Minimised::default();
        }
        let found = if proven(proof) {
            let expected = recorded.expected(self.args.same_output);
            let limit = self.first_took.saturating_mul(10) + minimise::PATIENCE;
            minimise::minimise(&mut self.trial(recorded, loaded, limit), &expected)
        } else {
            Err("the profile is not proven".to_owned())
        };
        found.unwrap_or_else(|why| {
            self.output.line(&format!("--minimise found nothing out: {why}"));
            Minimised::default()
        })
    }

    /// The end: verdict and findings, what was learned, what next.
    fn ending<'e>(
        &'e self,
        recorded: &Recorded,
        loaded: &'e Loaded,
        proof: Option<&'e Proof>,
        withheld: Vec<String>,
    ) -> Ending<'e> {
        let native = self.options.native;
        let path = foreign(&self.args.output.display().to_string());
        let calls = summary::allowed(&profile::meaning(&loaded.profile, native), native).len();
        let what =
            format!("{path}: {} for `{}`", counted(calls as u64, "call"), foreign(&self.plan.command.name()));
        let (verdict, style, how) = self.verdict(recorded, proof);
        let causes: &[Cause] = proof.map_or(&[], |p| &p.failures);
        let mut findings = withheld;
        findings.extend(recorded.failing(proven(proof) || self.args.runs > 1));
        // What is withheld stands there with its reason.
        let told = causes.iter().filter(|c| !matches!(c.kind, Kind::Withheld(_)));
        findings.extend(told.map(|c| c.text.clone()));
        let mut advice = cause::advice(causes, &self.plan, self.args.same_output);
        if recorded.interrupted && !recorded.asked && !self.plan.phased() && self.plan.limit.is_none() {
            advice
                .push("what never ends by itself: --for 30s, or --ready PROBE --exercise COMMAND".to_owned());
        }
        let mut remarks = recorded.remarks(parse::limit(&self.args.drive.purposes), self.plan.phased());
        remarks.extend(proof.iter().flat_map(|p| p.notes.iter().cloned()));
        let last_words = proof.filter(|p| !p.refused()).map_or_else(Vec::new, |p| p.last_words.clone());
        let via = if self.backend == Backend::Notify { "" } else { " --via trace" };
        let stage = format!("{}{via}", self.stage(recorded, proof));
        let command = summary::command_line(&self.args.command);
        let result = format!("{what}{how}");
        Ending {
            style,
            verdict,
            result,
            findings,
            last_words,
            advice,
            remarks,
            loaded,
            native,
            path,
            stage,
            command,
            container: self.plan.container.is_some() || !self.options.floors.runtimes.is_empty(),
            no_new_privs: self.options.floors.no_new_privs,
        }
    }

    fn verdict(&self, recorded: &Recorded, proof: Option<&Proof>) -> (&'static str, Style, String) {
        const NOT: &str = "not proven:";
        match proof {
            Some(p) if p.interrupted => (NOT, Style::Bad, "; the proof was interrupted".to_owned()),
            Some(p) if p.failures.is_empty() => {
                let outputs = recorded.expected(self.args.same_output).outputs.is_some();
                let how = if outputs { "status and output" } else { "status only" };
                let how = format!("; 2 runs under it, no miss; compared by {how}");
                ("proven:", Style::Good, how)
            }
            Some(_) => (NOT, Style::Bad, String::new()),
            None if recorded.asked => (NOT, Style::Bad, "; interrupted before the proof".to_owned()),
            None if recorded.interrupted => (NOT, Style::Bad, "; the recording was interrupted".to_owned()),
            None => (NOT, Style::Bold, " (--no-prove)".to_owned()),
        }
    }

    /// What was not seen is refused under `enforce`: that is for programs whose runs show all they do.
    fn stage(&self, recorded: &Recorded, proof: Option<&Proof>) -> &'static str {
        let partial = self.plan.phased() || self.plan.limit.is_some() || recorded.fails().is_some();
        if proven(proof) && !partial { "enforce" } else { "audit" }
    }
}
