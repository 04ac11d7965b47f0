//! The smallest patch that makes an existing profile allow what a trace holds; order, comments and everything that was
//! there stay as somebody wrote them.
//!
//! A call that the profile allows already with all arguments seen is left alone. For the others the rules are those
//! [`generate`] makes of the trace; a name goes into a rule that is there, beside the calls of its group, if it needs no
//! condition. The result is read again and held against both: it allows all it was to allow, and nothing less than before.

mod patch;

use std::collections::{BTreeMap, BTreeSet};

use crate::action::Action;
use crate::arch::Arch;
use crate::args::Class;
use crate::evidence::{self, Evidence, RuleEvidence, Source, Withheld};
use crate::generate::{ArgsMode, GenerateError, Generated, Options, generate};
use crate::profile::{self, Condition, Profile, Rule, filtered_arches};
use crate::set::{ArgBox, ArgSet, CallSet, Region};
use crate::trace::{Record, Trace, learned_value};
use crate::{args, sysno};

use patch::Editor;

/// More rules than this for one call are not reviewed by anybody.
const FEW_RULES: usize = 4;
/// More alternatives than this, and all arguments count as seen.
const MAX_ALTERNATIVES: usize = 256;

/// What is wanted of an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// How new rules constrain arguments.
    pub args: ArgsMode,
    /// Dangerous calls to allow all the same.
    pub allow: BTreeSet<String>,
    /// Calls not to add, although they were seen.
    pub leave: BTreeSet<String>,
    /// The machine's own architecture.
    pub native: Arch,
}

/// One call that the patch allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// The call.
    pub name: String,
    /// The executable that made it first.
    pub first_by: String,
    /// How often it was seen; `None`: not counted.
    pub count: Option<u64>,
}

/// A profile, patched.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// The new text: the old one where nothing is to be done.
    pub text: String,
    /// What it allows that the old one did not.
    pub added: Vec<Added>,
    /// The evidence with the new reasons.
    pub evidence: Evidence,
    /// Dangerous calls that were seen and left out.
    pub withheld: Vec<Withheld>,
    /// What could not be done, and how a person can.
    pub notes: Vec<String>,
}

/// Why a profile cannot be updated.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The trace cannot be made into rules.
    #[error(transparent)]
    Trace(#[from] GenerateError),
    /// What the profile means depends on who loads it, so what it lacks is not known.
    #[error("what the profile means depends on its loader: {0}")]
    Undecided(String),
    /// There is no rule to stand beside.
    #[error("the profile has no rule at all")]
    NoRules,
    /// A rule of its own keeps refusing, in a way that adding rules does not change.
    #[error("line {line} refuses {name} for some arguments, and that rule wins over any that could be added")]
    Stubborn {
        /// The call.
        name: String,
        /// The rule's line.
        line: usize,
    },
}

/// Patches a profile so that it allows what a trace holds. `text` is what `profile` was read from.
///
/// # Errors
/// See [`UpdateError`].
pub fn update(
    text: &str,
    profile: &Profile,
    evidence: &Evidence,
    trace: &Trace,
    wanted: &Wanted,
) -> Result<Update, UpdateError> {
    if let Some(why) = profile::undecidable(profile).first() {
        return Err(UpdateError::Undecided(why.message.clone()));
    }
    if profile.rules.is_empty() {
        return Err(UpdateError::NoRules);
    }
    let mut update = Update {
        text: text.to_owned(),
        added: Vec::new(),
        evidence: evidence.clone(),
        withheld: Vec::new(),
        notes: Vec::new(),
    };
    let lacking = lacking(profile, trace, wanted, &mut update.notes);
    if lacking.is_empty() {
        return Ok(update);
    }
    let options = Options {
        args: wanted.args,
        default: profile.default.action,
        allow: wanted.allow.clone(),
        completion: false,
        ..Options::new(wanted.native)
    };
    let made = generate(trace, &options)?;
    update.withheld =
        made.evidence.withheld.iter().filter(|w| lacking.contains_key(w.name.as_str())).cloned().collect();
    let mut editor = Editor::new(text, profile);
    let before = permitted(profile, wanted.native);
    let arches = filtered_arches(profile, wanted.native);
    for name in lacking.keys().copied() {
        for rule in &rules_for(name, &made, lacking[name], wanted.native) {
            if allowed_already(&before, name, rule, &arches) {
                continue;
            }
            if let Some(line) = conditional_refusal(profile, name) {
                return Err(UpdateError::Stubborn { name: name.to_owned(), line });
            }
            editor.unrefuse(name);
            if !profile.default.action.permits() {
                editor.allow(name, &rule.conditions);
            }
            note(&mut update, name, rule, &made.evidence, lacking[name]);
        }
    }
    update.text = editor.finish();
    check(&update.text, profile, &lacking, &update, wanted.native)?;
    Ok(update)
}

/// The rules that allow a call; where "all but these values" takes many, the few values seen instead.
fn rules_for(name: &str, made: &Generated, record: &Record, native: Arch) -> Vec<Rule> {
    let allows = |r: &&Rule| r.action.action == Action::Allow && r.names.iter().any(|n| n.text == name);
    let many: Vec<Rule> = made.profile.rules.iter().filter(allows).cloned().collect();
    let params = args::params_on(native, name).unwrap_or_default();
    let mut surface = params.iter().enumerate().filter(|(_, p)| p.class == Class::Surface);
    let (Some((index, param)), None) = (surface.next(), surface.next()) else { return many };
    let values = record.args.get(&(index as u8)).filter(|v| !v.widened);
    let (Some(values), Some(mask)) = (values, learned_value(param, u64::MAX)) else { return many };
    if many.len() <= FEW_RULES || values.seen.len() >= many.len() {
        return many;
    }
    let harmless = values.seen.keys().filter(|v| args::danger(native, name, index, **v).is_none());
    let rule = |value: &u64| {
        let mut rule = Rule::new([name.to_owned()], Action::Allow);
        rule.conditions.push(Condition::masked(index as u8, mask, *value));
        rule
    };
    harmless.map(rule).collect()
}

/// The calls a profile permits.
fn permitted(profile: &Profile, native: Arch) -> CallSet {
    CallSet::of(&profile::meaning(profile, native), Action::permits)
}

/// The line of a rule that refuses the call for some arguments: an added rule without conditions would silence it, and
/// one with conditions lose against it.
fn conditional_refusal(profile: &Profile, name: &str) -> Option<usize> {
    let refuses = |r: &&Rule| !r.action.action.permits() && !r.conditions.is_empty();
    let mut rules = profile.rules.iter().filter(refuses);
    rules.find(|r| r.names.iter().any(|n| n.text == name)).map(|r| r.line)
}

/// The calls seen that the profile refuses for some arguments that were seen, by name.
fn lacking<'t>(
    profile: &Profile,
    trace: &'t Trace,
    wanted: &Wanted,
    notes: &mut Vec<String>,
) -> BTreeMap<&'static str, &'t Record> {
    let allowed = permitted(profile, wanted.native);
    let arches = filtered_arches(profile, wanted.native);
    let mut found = BTreeMap::new();
    for (arch, nr, record) in trace.made() {
        let Some(name) = sysno::name(arch, nr) else { continue };
        if !arches.contains(&arch) {
            notes.push(format!(
                "{name} was called through {arch}, which the profile does not list: add \"{}\" to \"architectures\" \
                 yourself, if every call it allows is to be open there, too",
                arch.oci()
            ));
            continue;
        }
        let lacks = !seen(arch, name, record).difference(&allowed.region(arch, nr)).is_empty();
        // clone3's flags lie in memory; libc falls back to clone when it is refused with ENOSYS.
        let falls_back = name == "clone3" && wanted.args != ArgsMode::Off && !wanted.allow.contains(name);
        if lacks && !falls_back && !wanted.leave.contains(name) {
            found.insert(name, record);
        }
    }
    notes.sort();
    notes.dedup();
    found
}

/// The arguments a call was seen with, as far as they are learned.
fn seen(arch: Arch, name: &str, record: &Record) -> Region {
    let params = args::params_on(arch, name).unwrap_or_default();
    let mut boxes = vec![ArgBox::any()];
    for (index, values) in record.args.iter().filter(|(_, v)| !v.widened) {
        let index = usize::from(*index);
        let Some(mask) = params.get(index).and_then(|p| learned_value(p, u64::MAX)) else { continue };
        if boxes.len().saturating_mul(values.seen.len()) > MAX_ALTERNATIVES {
            continue;
        }
        let sets = values.seen.keys().map(|v| ArgSet::masked(mask, *v));
        let sets: Vec<ArgSet> = sets.collect();
        boxes = boxes.iter().flat_map(|b| sets.iter().map(|set| b.with(index, *set))).collect();
    }
    boxes.into_iter().fold(Region::none(), |all, b| all.union(&Region::from(b)))
}

/// Whether a rule would change nothing for this call on these architectures.
fn allowed_already(before: &CallSet, name: &str, rule: &Rule, arches: &[Arch]) -> bool {
    let alone =
        Profile { rules: vec![rule.clone()], default: Action::KillProcess.into(), ..Profile::default() };
    arches.iter().filter_map(|arch| Some((*arch, sysno::number(*arch, name)?))).all(|(arch, nr)| {
        let adds = permitted(&alone, arch).region(arch, nr);
        adds.difference(&before.region(arch, nr)).is_empty()
    })
}

/// Takes note of a call that was added, with its reason.
fn note(update: &mut Update, name: &str, rule: &Rule, made: &Evidence, record: &Record) {
    if update.added.iter().all(|a| a.name != name) {
        update.added.push(Added {
            name: name.to_owned(),
            first_by: record.first_by.clone(),
            count: record.count,
        });
    }
    let same = made.entry(rule, name).cloned();
    let entry = same.or_else(|| made.rules.iter().find(|r| r.calls.contains_key(name)).cloned());
    let Some(mut entry) = entry else { return };
    entry.conditions = rule.conditions.iter().map(evidence::condition_text).collect();
    let why = entry.calls.get(name).cloned().unwrap_or_default();
    let seen = entry.source == Source::Seen;
    let rules = &mut update.evidence.rules;
    match rules
        .iter_mut()
        .find(|r| r.source == entry.source && r.conditions == entry.conditions && r.group == entry.group)
    {
        Some(known) => drop(known.calls.insert(name.to_owned(), why)),
        None => rules.push(RuleEvidence { calls: BTreeMap::from([(name.to_owned(), why)]), ..entry }),
    }
    // What was proven is another profile than this one.
    update.evidence.proof = update.evidence.proof.take().map(|_| evidence::UPDATED.to_owned());
    update.evidence.expected.retain(|e| e.name != name);
    if seen {
        update.evidence.withheld.retain(|w| w.name != name);
    }
}

/// Reads the result as anybody would: it allows what was lacking, and all that was allowed before.
fn check(
    text: &str,
    old: &Profile,
    lacking: &BTreeMap<&'static str, &Record>,
    update: &Update,
    native: Arch,
) -> Result<(), UpdateError> {
    let stubborn = |name: &str| UpdateError::Stubborn {
        name: name.to_owned(),
        line: old.rules.iter().find(|r| r.names.iter().any(|n| n.text == name)).map_or(0, |r| r.line),
    };
    let first = update.added.first().map_or("", |a| a.name.as_str());
    let Ok((new, _)) = profile::read(text) else { return Err(stubborn(first)) };
    let (before, after) = (permitted(old, native), permitted(&new, native));
    if !before.is_subset(&after) {
        return Err(stubborn(first));
    }
    for name in update.added.iter().map(|a| a.name.as_str()) {
        let withheld = update.withheld.iter().any(|w| w.name == name);
        for arch in filtered_arches(old, native) {
            let (Some(nr), Some(record)) = (sysno::number(arch, name), lacking.get(name)) else { continue };
            let gap = seen(arch, name, record).difference(&after.region(arch, nr));
            if !withheld && !gap.is_empty() {
                return Err(stubborn(name));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
