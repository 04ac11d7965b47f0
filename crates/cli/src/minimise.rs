//! `learn --minimise`: which of the calls that were seen the workload needs.
//!
//! One call at a time is refused with an errno, as it would be had it not been seen. What is found out goes to the
//! evidence and nothing is left out of the profile: that a workload can do without each of two calls does not say that
//! it can do without both, and what a call is for may happen in no run that was made. Nor does a run that goes wrong say
//! anything of the call by itself: the next run, with all calls, has to go well.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use callgate_core::Action;
use callgate_core::completion::ENOSYS_FALLBACK;
use callgate_core::errno::{ENOSYS, EPERM};
use callgate_core::evidence::{Need, NeedClass, Source};
use callgate_core::profile::{self, Profile, Rule};

use crate::exit::Failure;
use crate::input::{self, Loaded};
use crate::output::foreign;
use crate::proof::{self, Expected, Proof, Trial};

/// Runs without a call, all of which have to be as before: what depends on chance shows itself in some only.
const RUNS: u32 = 3;
/// How long a run without a call may hang, beside ten times the first run's time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// How the workload starts, which the filter sees, too: there is nothing to find out.
const STARTS: &str = "execve";

/// What was found out.
#[derive(Default)]
pub(crate) struct Minimised {
    /// Call → what becomes of the workload without it.
    pub(crate) needs: BTreeMap<String, Need>,
    /// What is to be said of it.
    pub(crate) remark: Option<String>,
}

/// Runs the workload without each call that was seen. An error says why nothing was found out: some calls alone would
/// look as if the others were not needed.
pub(crate) fn minimise(trial: &mut Trial<'_>, expected: &Expected) -> Result<Minimised, String> {
    let calls = seen(trial.loaded);
    trial.runs.1 += calls.len() as u32 * RUNS;
    trial.output.say(&format!(
        "  minimising: {} calls, each refused in {RUNS} runs, or in one that goes wrong and is followed by one with it; \
         Ctrl-C ends it",
        calls.len()
    ));
    let mut needs = BTreeMap::new();
    let started = Instant::now();
    for call in calls {
        // What fails here is callgate or `--before`: a workload that fails has a status, and that is compared.
        let need = without(trial, expected, &call).map_err(|f| foreign(&f.message))?;
        let need = need.ok_or("it was interrupted")?;
        if need.class == NeedClass::Required {
            // The run with all calls is one more.
            trial.runs.1 = trial.runs.1 + need.runs + 1 - RUNS;
            control(trial, expected, &call)?;
        }
        needs.insert(call, need);
    }
    let remark = Some(told(&needs, started.elapsed(), expected.outputs.is_some()));
    Ok(Minimised { needs, remark })
}

/// One run with all calls: where it goes wrong, too, the call is not what the run without it lacked.
fn control(trial: &mut Trial<'_>, expected: &Expected, call: &str) -> Result<(), String> {
    let mut proof = Proof::default();
    proof::enforcing(trial, expected, &mut proof).map_err(|f| foreign(&f.message))?;
    match proof.failures.first() {
        _ if proof.interrupted => Err("it was interrupted".to_owned()),
        None => Ok(()),
        Some(cause) => Err(format!(
            "it depends on chance. After a run without {call} went wrong, so did one with all calls: {}",
            cause.brief()
        )),
    }
}

/// The calls that the profile allows because they were seen.
fn seen(loaded: &Loaded) -> BTreeSet<String> {
    let rules = loaded.evidence.rules.iter().filter(|r| r.source == Source::Seen);
    rules.flat_map(|r| r.calls.keys()).filter(|name| *name != STARTS).cloned().collect()
}

/// The errno a call gets that is not seen; what kills has none, and there it is the usual one.
fn errno(profile: &Profile, call: &str) -> u16 {
    match profile.default.action {
        _ if ENOSYS_FALLBACK.contains(&call) => ENOSYS,
        Action::Errno(errno) if errno != 0 => errno,
        _ => EPERM,
    }
}

/// What becomes of the workload without one call. `None`: interrupted.
fn without(trial: &mut Trial<'_>, expected: &Expected, call: &str) -> Result<Option<Need>, Failure> {
    let errno = errno(&trial.loaded.profile, call);
    let loaded = refusing(trial.loaded, call, errno)?;
    for run in 1..=RUNS {
        let mut proof = Proof::default();
        let mut trial = Trial { loaded: &loaded, stdin: trial.stdin, runs: trial.runs, ..*trial };
        proof::enforcing(&mut trial, expected, &mut proof)?;
        if proof.interrupted {
            return Ok(None);
        }
        if let Some(cause) = proof.failures.first() {
            let (class, outcome) = (NeedClass::Required, cause.brief());
            return Ok(Some(Need { class, errno, runs: run, outcome }));
        }
    }
    Ok(Some(Need { class: NeedClass::Tolerated, errno, runs: RUNS, outcome: String::new() }))
}

/// The profile with one call refused by this errno, and nothing killed.
fn refusing(loaded: &Loaded, call: &str, errno: u16) -> Result<Loaded, Failure> {
    let mut profile = loaded.profile.clone();
    if !matches!(profile.default.action, Action::Errno(_)) {
        profile.default = Action::Errno(EPERM).into();
    }
    for rule in &mut profile.rules {
        rule.names.retain(|name| name.text != call);
    }
    profile.rules.retain(|rule| !rule.names.is_empty());
    // By a rule, and not by the default: runc answers ENOSYS for calls above all that are named.
    profile.rules.push(Rule::new([call.to_owned()], Action::Errno(errno)));
    let mut less = input::parse_profile(loaded.name.clone(), profile::write(&profile, false))?;
    less.evidence = loaded.evidence.clone();
    Ok(less)
}

/// What was found out, in words. `outputs`: what it printed was compared, too.
fn told(needs: &BTreeMap<String, Need>, took: Duration, outputs: bool) -> String {
    let tolerated: Vec<String> = needs
        .iter()
        .filter(|(_, need)| need.class == NeedClass::Tolerated)
        .map(|(name, _)| foreign(name))
        .collect();
    let (total, took) = (needs.len(), took.as_secs());
    if tolerated.is_empty() {
        return format!("minimised in {took} s: all {total} calls are required");
    }
    let same = if outputs { "did and printed the same" } else { "ended the same (--same-output sees more)" };
    format!(
        "minimised in {took} s: {} of {total} calls are required; without each of these alone it {same}: {}. They stay: \
         other runs may need them",
        total - tolerated.len(),
        tolerated.join(", ")
    )
}
