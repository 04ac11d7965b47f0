//! The proof of a profile: two runs of the workload under it.
//!
//! First with every refusal turned into a question, so that each is seen with call, arguments, thread, executable and
//! rule. Then with the real filter, where status and the absence of deaths by SIGSYS count.

use callgate_core::trace::Outcome;
use callgate_core::{Action, Arch, Trace, sysno};
use callgate_linux::filter;
use callgate_linux::session::{Purpose, Signals};
use callgate_linux::{Miss, Status};

use crate::container::Seccomp;
use crate::digest::Digest;
use crate::exit::Failure;
use crate::input::Loaded;
use crate::misses::{self, Judged, Kind};
use crate::output::{Output, foreign};
use crate::plan::Plan;
use crate::recording::{Backend, program};
use crate::streams::{Show, Stdin};
use crate::workload::{self, Ran, Run, Watch};

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
    /// How long a run may take.
    pub(crate) limit: std::time::Duration,
}

/// What came out.
#[derive(Debug, Default)]
pub(crate) struct Proof {
    /// Why the profile is not proven; empty: it is.
    pub(crate) failures: Vec<String>,
    /// Remarks that do not decide.
    pub(crate) notes: Vec<String>,
    /// callgate was asked to stop.
    pub(crate) interrupted: bool,
}

/// Proves, or says why not.
pub(crate) fn prove(
    trial: &mut Trial<'_>,
    expected: &Expected,
    way_out: &dyn Fn(&str) -> String,
) -> Result<Proof, Failure> {
    let mut proof = Proof::default();
    asking(trial, expected, way_out, &mut proof)?;
    if proof.failures.is_empty() && !proof.interrupted {
        enforcing(trial, expected, &mut proof)?;
    }
    Ok(proof)
}

/// The first run: every refusal is a question.
fn asking(
    trial: &mut Trial<'_>,
    expected: &Expected,
    way_out: &dyn Fn(&str) -> String,
    proof: &mut Proof,
) -> Result<(), Failure> {
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
    let (loaded, native, output) = (trial.loaded, trial.native, trial.output);
    let mut told = std::collections::BTreeSet::new();
    let mut tell = |miss: &Miss| {
        let judged = misses::judge(miss, loaded, native);
        // One line per call and executable: the others are counted. What is withheld was told with its reason.
        if judged.kind == Kind::Miss && told.insert((judged.name.clone(), miss.executable.clone())) {
            output.line(&judged.line(&way_out(&judged.name)));
        }
    };
    let watch = Watch { flush: None, miss: Some(&mut tell), progress: None };
    let ran = once(trial, purpose, watch, Seccomp::Asking)?;
    if let Some(reason) = &ran.stopped {
        return Err(Failure::new(format!("cannot watch by notification: {reason}")).hint("--backend ptrace"));
    }
    let judged: Vec<(Judged, u64)> =
        ran.misses.iter().map(|(m, n)| (misses::judge(m, loaded, native), *n)).collect();
    for ((kind, name), count) in misses::totals(&judged) {
        let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
        match kind {
            Kind::Miss => {
                proof.failures.push(format!("the profile refuses {name}, which the workload wanted {times}"));
            }
            Kind::Withheld => proof
                .failures
                .push(format!("{name} is withheld because it is dangerous; the workload wanted it {times}")),
            Kind::Expected => proof
                .notes
                .push(format!("{name} was refused {times}, as it has to be: {}", why(loaded, &name))),
        }
    }
    if ran.beyond > 0 {
        proof.failures.push(format!("{} more refusals, of too many kinds to tell one by one", ran.beyond));
    }
    compare(&ran, expected, "with every refusal watched", proof);
    Ok(())
}

/// Why a refusal is expected.
fn why<'l>(loaded: &'l Loaded, name: &str) -> &'l str {
    loaded.evidence.expected.iter().find(|e| e.name == name).map_or("", |e| e.why.as_str())
}

/// The second run: the real filter.
fn enforcing(trial: &mut Trial<'_>, expected: &Expected, proof: &mut Proof) -> Result<(), Failure> {
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
    let ran = once(trial, purpose, Watch { flush: None, miss: None, progress: None }, seccomp)?;
    for executable in beyond_expected(&ran.sigsys, &expected.sigsys) {
        let who = if executable.is_empty() { "a task".to_owned() } else { foreign(executable) };
        proof.failures.push(format!("{who} was killed by SIGSYS under the real filter"));
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

fn once(
    trial: &mut Trial<'_>,
    purpose: Purpose,
    watch: Watch<'_>,
    seccomp: Seccomp<'_>,
) -> Result<Ran, Failure> {
    trial.plan.reset()?;
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
    workload::run(run, purpose, watch)
}

/// Status always, output where it is known to repeat.
fn compare(ran: &Ran, expected: &Expected, when: &str, proof: &mut Proof) {
    proof.interrupted |= ran.interrupted;
    if ran.interrupted {
        return;
    }
    if let Some(why) = &ran.unready {
        proof.failures.push(format!("{when} {why}"));
    }
    let words = |status: Option<Status>| status.map_or_else(|| "no end".to_owned(), |s| s.to_string());
    if !expected.statuses.contains(&ran.status) {
        let before = expected.statuses.first().copied().flatten();
        proof.failures.push(format!(
            "{when} it ended with {}, while recording with {}",
            words(ran.status),
            words(before)
        ));
    }
    if !expected.exercises.contains(&ran.exercise) {
        let before = expected.exercises.first().copied().flatten();
        let text = format!(
            "{when} the exercise ended with {}, while recording with {}",
            words(ran.exercise),
            words(before)
        );
        proof.failures.push(text);
    }
    if expected.outputs.as_ref().is_some_and(|o| *o != ran.outputs) {
        proof.failures.push(format!("{when} it printed something else than while recording"));
    }
}
