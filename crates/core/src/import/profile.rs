//! Profiles that recorders make: what they allow, as calls.
//!
//! A name in a profile says that the call is allowed, which is less than that it was seen; so nothing is counted. A
//! condition on an argument is a rule and no observation. Of conditions only EQ is carried over, where every rule of the
//! call has one on that argument: the value was written down because it was seen or meant. Any other condition allows
//! values that nobody saw, and becomes "any value", which is said; `generate` then asks what to do about calls whose
//! arguments decide much.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::{Draft, listed};
use super::{ImportError, name};
use crate::Profile;
use crate::arch::Arch;
use crate::profile::{Condition, Name};
use crate::set::Op;
use crate::sysno;

/// The values of each argument; `None`: any.
pub(super) type Registers = [Option<BTreeSet<u64>>; 6];

/// Unknown names whose line is looked for: the error lists no more.
const MAX_PLACES: usize = 64;

/// What a profile allows of one name.
struct Allowed<'p> {
    registers: Registers,
    name: &'p Name,
}

/// The architectures a profile lists, as far as there are tables for them; those it does not list are `native` alone.
pub(super) fn arches(profile: &Profile, native: Arch, draft: &mut Draft) -> Vec<Arch> {
    let unknown: Vec<&str> =
        profile.architectures.iter().filter(|a| a.arch.is_none()).map(|a| a.name.as_str()).collect();
    let mut arches: Vec<Arch> = profile.architectures.iter().filter_map(|a| a.arch).collect();
    if profile.architectures.is_empty() {
        draft.note(format!("the profile lists no architecture: its names are taken for {native}'s"));
        arches.push(native);
    }
    if !unknown.is_empty() {
        let names = listed(unknown.into_iter());
        draft.lose(format!("there is no table of system calls for {names}: left out"));
    }
    arches
}

/// Folds in what a profile allows; `line` says where a name stands.
pub(super) fn fold(profile: &Profile, arches: &[Arch], line: &dyn Fn(&Name) -> u64, draft: &mut Draft) {
    draft.known += 1;
    if profile.default.action.permits() {
        return draft.allows_by_default();
    }
    let mut inexact = BTreeSet::new();
    let mut calls: BTreeMap<&str, Allowed<'_>> = BTreeMap::new();
    let (mut refused, mut conditional) = (0, 0);
    for rule in &profile.rules {
        if !rule.action.action.permits() {
            refused += rule.names.len();
            continue;
        }
        conditional +=
            usize::from(rule.extra.iter().any(|e| ["includes", "excludes"].contains(&e.key.as_str())));
        let (registers, exact) = equalities(&rule.conditions);
        for name in &rule.names {
            if !exact {
                inexact.insert(name.text.as_str());
            }
            if let Some(known) = calls.get_mut(name.text.as_str()) {
                unite(&mut known.registers, &registers);
            } else {
                calls.insert(&name.text, Allowed { registers: registers.clone(), name });
            }
        }
    }
    let mut unknown = 0;
    let mut elsewhere = BTreeSet::new();
    for (name, allowed) in &calls {
        if !call(allowed, arches, draft) {
            // Such a rule does nothing here, and is no slip: baselines name the calls of every architecture.
            if sysno::is_known(name) {
                elsewhere.insert(*name);
                continue;
            }
            if unknown < MAX_PLACES {
                draft.at_line(line(allowed.name));
            }
            unknown += 1;
            if let Some(arch) = arches.first() {
                draft.unknown(allowed.name.text.as_bytes(), *arch);
            }
        }
    }
    if !elsewhere.is_empty() {
        let names = listed(elsewhere.into_iter());
        draft.note(format!(
            "calls of architectures that the profile does not list were not carried over: {names}"
        ));
    }
    notes(refused, conditional, &inexact, draft);
}

/// One name, on every architecture that has it; `false`: none has.
fn call(allowed: &Allowed<'_>, arches: &[Arch], draft: &mut Draft) -> bool {
    let name = allowed.name.text.as_str();
    let has: Vec<Arch> =
        arches.iter().copied().filter(|arch| name::resolve(*arch, name, None).is_some()).collect();
    for arch in &has {
        draft.allowed(*arch, name, &allowed.registers);
    }
    !has.is_empty()
}

/// The values that conditions ask for by EQ, and whether that is all they say.
fn equalities(conditions: &[Condition]) -> (Registers, bool) {
    let mut registers = Registers::default();
    let mut exact = true;
    for condition in conditions {
        let others = conditions.iter().filter(|c| c.index == condition.index).count();
        if condition.op == Op::Eq && others == 1 {
            if let Some(register) = registers.get_mut(usize::from(condition.index)) {
                *register = Some(BTreeSet::from([condition.value]));
            }
        } else {
            exact = false;
        }
    }
    (registers, exact)
}

/// A call allowed by either of two rules.
fn unite(known: &mut Registers, more: &Registers) {
    for (known, more) in known.iter_mut().zip(more) {
        *known = match (known.take(), more) {
            (Some(mut values), Some(more)) => {
                values.extend(more);
                Some(values)
            }
            _ => None,
        };
    }
}

fn notes(refused: usize, conditional: usize, inexact: &BTreeSet<&str>, draft: &mut Draft) {
    draft.note(
        "a profile holds no counts, no executables and no phases, and does not say which of its names were seen and which \
         were added"
            .to_owned(),
    );
    if !inexact.is_empty() {
        let names = listed(inexact.iter().copied());
        draft.note(format!(
            "conditions on arguments other than EQ are no observations and were not carried over: any value counts, of \
             {names}"
        ));
    }
    if conditional > 0 {
        draft.note(format!(
            "{conditional} rules hold under conditions only (includes, excludes); they count as if always"
        ));
    }
    if refused > 0 {
        draft.note(format!("{refused} names that the profile does not allow were not carried over"));
    }
}

impl Draft {
    /// The profile is a list of what is refused.
    fn allows_by_default(&mut self) {
        let file = self.file().to_owned();
        self.fail(ImportError::AllowsByDefault { file });
    }

    /// The document is not what it is said to be.
    pub(super) fn invalid(&mut self, message: String) {
        let file = self.file().to_owned();
        self.fail(ImportError::Invalid { file, message });
    }
}
