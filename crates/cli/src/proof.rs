//! The proof of a profile: two runs of the workload under it.
//!
//! First with every refusal turned into a question, so that each is seen with call, arguments, thread, executable and
//! rule. Then with the real filter, where status and the absence of deaths by SIGSYS count.

use callgate_core::trace::Outcome;
use callgate_core::{Action, Arch, Trace, sysno};
use callgate_linux::Status;
use callgate_linux::filter;
use callgate_linux::session::{Purpose, Signals};

use crate::cause::{self, Cause, ended};
use crate::container::Seccomp;
use crate::digest::Digest;
use crate::exit::Failure;
use crate::filter::program;
use crate::input::Loaded;
use crate::misses::{self, Judged, Kind};
use crate::output::{Output, foreign};
use crate::plan::Plan;
use crate::progress;
use crate::recording::Backend;
use crate::streams::{Show, Stdin};
use crate::workload::{self, Ran, Run, Watch};

/// How many lines of a failed run's stderr are shown.
const LAST_WORDS: usize = 3;

/// What the recording runs showed, to be shown again.
pub(crate) struct Expected {
    /// Statuses of the program.
    pub(crate) statuses: Vec<Option<Status>>,
    /// Statuses of the exercise.
    pub(crate) exercises: Vec<Option<Status>>,
    /// Executables of tasks that died of SIGSYS in the recording run that saw most of it, each as often as it did.
    pub(crate) sigsys: Vec<String>,
    /// The output every recording run printed, where that is known.
    pub(crate) outputs: Option<[Digest; 2]>,
}

/// What the proof is made with.
pub(crate) struct Trial<'t> {
    pub(crate) signals: &'t Signals,
    pub(crate) plan: &'t Plan,
    pub(crate) stdin: &'t mut Stdin,
    pub(crate) output: &'t Output,
    pub(crate) loaded: &'t Loaded,
    pub(crate) trace: &'t Trace,
    pub(crate) native: Arch,
    /// How the program could be recorded, and can be watched.
    pub(crate) backend: Backend,
    /// Runs begun, and runs there will be.
    pub(crate) runs: &'t mut (u32, u32),
    /// How long a run may take.
    pub(crate) limit: std::time::Duration,
}

/// What came out.
#[derive(Debug, Default)]
pub(crate) struct Proof {
    /// Why the profile is not proven; empty: it is.
    pub(crate) failures: Vec<Cause>,
    /// What the failed run said last on stderr, which was not shown.
    pub(crate) last_words: Vec<String>,
    /// Remarks that do not decide.
    pub(crate) notes: Vec<String>,
    /// callgate was asked to stop.
    pub(crate) interrupted: bool,
}

impl Proof {
    /// Whether anything was refused: then what the program says of it is no news.
    pub(crate) fn refused(&self) -> bool {
        use cause::Kind::{Miss, Nameless, Withheld};
        self.failures.iter().any(|c| matches!(c.kind, Miss(_) | Nameless(_) | Withheld(_)))
    }
}

/// Proves, or says why not.
pub(crate) fn prove(trial: &mut Trial<'_>, expected: &Expected) -> Result<Proof, Failure> {
    let mut proof = Proof::default();
    asking(trial, expected, &mut proof)?;
    if proof.failures.is_empty() && !proof.interrupted {
        enforcing(trial, expected, &mut proof)?;
    }
    Ok(proof)
}

/// The first run: every refusal is a question.
fn asking(trial: &mut Trial<'_>, expected: &Expected, proof: &mut Proof) -> Result<(), Failure> {
    let meaning = filter::enforcing(&trial.loaded.meaning()?);
    // What only the filter itself can do, a listener cannot play.
    let beyond = |action| matches!(action, Action::Trap(_) | Action::KillThread);
    let container = trial.plan.container.is_some();
    let traced = !container && (trial.backend != Backend::Notify || meaning.uses(beyond));
    let filter = match (container, traced) {
        // The runtime's filter asks about everything, and the judge says what the profile does.
        (true, _) => None,
        (false, true) => Some(program(&meaning)?),
        (false, false) => Some(program(&filter::trial(&meaning))?),
    };
    let purpose = Purpose::Judge { filter, traced, profile: meaning, audit: false, baseline: None };
    let (loaded, native) = (trial.loaded, trial.native);
    let ran = once(trial, purpose, Seccomp::Asking)?;
    if let Some(reason) = &ran.stopped {
        return Err(Failure::new(format!("cannot watch by notification: {reason}")).hint("--backend ptrace"));
    }
    let judged: Vec<(Judged, u64)> =
        ran.misses.iter().map(|(m, n)| (misses::judge(m, loaded, native), *n)).collect();
    proof.failures.extend(refused(&judged));
    for ((kind, name), count) in misses::totals(&judged) {
        if kind == Kind::Expected {
            let why = why(loaded, &name);
            proof.notes.push(format!("{name} was refused {}, as it has to be: {why}", times(count)));
        }
    }
    if ran.beyond > 0 {
        let text = format!("{} more refusals, of too many kinds to tell one by one", ran.beyond);
        proof.failures.push(Cause::new(cause::Kind::Refusals, text));
    }
    compare(&ran, expected, "with every refusal watched", proof);
    Ok(())
}

/// One cause per call and executable: its other arguments are counted. What is withheld was told with its reason.
fn refused(judged: &[(Judged, u64)]) -> Vec<Cause> {
    let mut causes: Vec<Cause> = Vec::new();
    let key = |j: &Judged| (j.kind, j.name.clone(), j.executable.clone());
    let mut told = std::collections::BTreeSet::new();
    for (first, _) in judged.iter().filter(|(j, _)| j.kind != Kind::Expected) {
        if !told.insert(key(first)) {
            continue;
        }
        let count = judged.iter().filter(|(j, _)| key(j) == key(first)).map(|(_, n)| n).sum();
        let text = first.told(&format!(", {}", times(count)));
        let name = first.name.clone();
        causes.push(match first.kind {
            Kind::Withheld => {
                let text = format!(
                    "{name} is withheld because it is dangerous; the workload wanted it {}",
                    times(count)
                );
                Cause::new(cause::Kind::Withheld(name), text)
            }
            _ if first.nameless() => Cause::new(cause::Kind::Nameless(name), text),
            _ => Cause::new(cause::Kind::Miss(name), text),
        });
    }
    causes
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// Why a refusal is expected.
fn why<'l>(loaded: &'l Loaded, name: &str) -> &'l str {
    loaded.evidence.expected.iter().find(|e| e.name == name).map_or("", |e| e.why.as_str())
}

/// The second run: the real filter.
pub(crate) fn enforcing(
    trial: &mut Trial<'_>,
    expected: &Expected,
    proof: &mut Proof,
) -> Result<(), Failure> {
    let meaning = filter::enforcing(&trial.loaded.meaning()?);
    // A task has one tracer: a workload that traces cannot be watched.
    let ptrace = sysno::number(trial.native, "ptrace").unwrap_or(u32::MAX);
    let traces = trial.trace.calls.contains_key(&(trial.native, ptrace, Outcome::Made));
    let found = callgate_linux::features::probe();
    let watch = !traces && !found.traced && found.ptrace_scope != Some(3);
    if !watch {
        let why = if traces { "the workload itself uses ptrace" } else { "ptrace is not to be had here" };
        proof.notes.push(format!("{why}: deaths by SIGSYS of grandchildren may have gone unseen"));
    }
    if untraced(trial) {
        let note = "a task was cloned with CLONE_UNTRACED: its death by SIGSYS may have gone unseen";
        proof.notes.push(note.to_owned());
    }
    let filter = if trial.plan.container.is_some() { None } else { Some(program(&meaning)?) };
    let purpose = Purpose::Enforce { filter, log: false, watch };
    let seccomp = Seccomp::Profile(&trial.loaded.text);
    let ran = once(trial, purpose, seccomp)?;
    for executable in beyond_expected(&ran.sigsys, &expected.sigsys) {
        let who = if executable.is_empty() { "a task".to_owned() } else { foreign(executable) };
        let text = format!("{who} was killed by SIGSYS under the real filter");
        proof.failures.push(Cause::new(cause::Kind::Refusals, text));
    }
    compare(&ran, expected, "under the real filter", proof);
    Ok(())
}

/// The deaths that no recording run showed.
fn beyond_expected<'r>(deaths: &'r [String], expected: &[String]) -> Vec<&'r String> {
    let mut left: Vec<&String> = expected.iter().collect();
    let mut unexpected = Vec::new();
    for death in deaths {
        match left.iter().position(|e| *e == death) {
            Some(index) => drop(left.swap_remove(index)),
            None => unexpected.push(death),
        }
    }
    unexpected
}

/// Whether clone was seen with CLONE_UNTRACED, which hides a task from a tracer (clone(2)).
fn untraced(trial: &Trial<'_>) -> bool {
    const CLONE_UNTRACED: u64 = 0x0080_0000;
    trial.trace.made().any(|(arch, nr, record)| {
        sysno::name(arch, nr) == Some("clone")
            && record.args.values().any(|v| v.seen.keys().any(|flags| flags & CLONE_UNTRACED != 0))
    })
}

fn once(trial: &mut Trial<'_>, purpose: Purpose, seccomp: Seccomp<'_>) -> Result<Ran, Failure> {
    trial.plan.reset()?;
    trial.runs.0 += 1;
    let label = format!("{}, under the profile", progress::label(*trial.runs));
    let run = Run {
        signals: trial.signals,
        plan: trial.plan,
        stdin: trial.stdin,
        output: trial.output,
        show: Show::Keep,
        first: false,
        limit: Some(trial.limit),
        seccomp,
    };
    workload::run(run, purpose, Watch { flush: None, miss: None, progress: Some(&label) })
}

/// Status always, output where it is known to repeat.
fn compare(ran: &Ran, expected: &Expected, when: &str, proof: &mut Proof) {
    proof.interrupted |= ran.interrupted;
    if ran.interrupted {
        return;
    }
    let mut found = Vec::new();
    if let Some(Cause { kind, text }) = &ran.unready {
        found.push(Cause::new(kind.clone(), format!("{when} {text}")));
    }
    let first = |statuses: &[Option<Status>]| ended(statuses.first().copied().flatten());
    if !expected.statuses.contains(&ran.status) {
        let (now, before) = (ended(ran.status), first(&expected.statuses));
        found.push(Cause::new(cause::Kind::Status, format!("{when} it {now}; while recording it {before}")));
    }
    if !expected.exercises.contains(&ran.exercise) {
        let (now, before) = (ended(ran.exercise), first(&expected.exercises));
        let text = format!("{when} the exercise {now}; while recording it {before}");
        found.push(Cause::new(cause::Kind::Exercise, text));
    }
    if expected.outputs.as_ref().is_some_and(|o| *o != ran.outputs) {
        let text = format!("{when} it printed something else than while recording");
        found.push(Cause::new(cause::Kind::Output, text));
    }
    if !found.is_empty() {
        proof.last_words = ran.outputs[1].last_lines(LAST_WORDS);
    }
    proof.failures.extend(found);
}
