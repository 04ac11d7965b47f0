//! A profile's raw OCI meaning as a [`Meaning`], for the compiler.

use std::collections::BTreeMap;

use super::{Profile, Rule, filtered_arches};
use crate::action::Action;
use crate::arch::Arch;
use crate::diagnostic::Diagnostic;
use crate::meaning::{Clause, Meaning, Rules};
use crate::set::ArgBox;
use crate::sysno;

/// What the profile says under raw OCI meaning on a machine whose own architecture is `native`.
///
/// The same laws as [`crate::verdict`], stated for a compiler: per call, an unconditional rule beats conditional ones
/// and the first of several stands; overlapping conditional rules are ordered strictest first.
pub fn meaning(profile: &Profile, native: Arch) -> Meaning {
    meaning_on(profile, filtered_arches(profile, native))
}

/// The same of some of these architectures only, for whoever asks about no other.
pub fn meaning_on(profile: &Profile, arches: impl IntoIterator<Item = Arch>) -> Meaning {
    let named = named(profile);
    let rules = |arch| (arch, Rules { calls: calls(&named, arch), ..Rules::new(profile.default.action) });
    Meaning { arches: arches.into_iter().map(rules).collect(), bad_arch: Action::KillThread }
}

/// The place in [`sysno::names`] of every known name with its rule, sorted; rules of one name in the order of the file.
fn named(profile: &Profile) -> Vec<(usize, &Rule)> {
    // A rule with the default's own action says nothing, and every runtime drops it.
    let rules = profile.rules.iter().filter(|r| r.action.action != profile.default.action);
    let places =
        rules.flat_map(|rule| rule.names.iter().map(move |name| (sysno::position(&name.text), rule)));
    let mut named: Vec<_> = places.filter_map(|(place, rule)| Some((place?, rule))).collect();
    named.sort_by_key(|(place, _)| *place);
    named
}

fn calls(named: &[(usize, &Rule)], arch: Arch) -> BTreeMap<u32, Vec<Clause>> {
    let same = named.chunk_by(|(one, _), (other, _)| one == other);
    let found = same.filter_map(|same| Some((sysno::entry_at(arch, same.first()?.0)?.nr, clauses(same))));
    found.collect()
}

fn clauses(rules: &[(usize, &Rule)]) -> Vec<Clause> {
    if let Some((_, rule)) = rules.iter().find(|(_, r)| r.conditions.is_empty()) {
        return vec![Clause::any(rule.action.action)];
    }
    let mut found: Vec<Clause> = rules
        .iter()
        .flat_map(|(_, rule)| {
            let conditions: Vec<_> =
                rule.conditions.iter().map(|c| (usize::from(c.index), c.op, c.value, c.value_two)).collect();
            let action = rule.action.action;
            ArgBox::from_conditions(&conditions).into_iter().map(move |args| Clause { args, action })
        })
        .collect();
    // Stable: clauses of one action keep the order of the file.
    found.sort_by_key(|c| c.action);
    found
}

/// What keeps a profile from having one meaning: keys that loaders read differently, architectures without a table.
///
/// Whoever loads a filter must refuse such a profile rather than guess.
pub fn undecidable(profile: &Profile) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let hint = "what it means depends on who reads it: `callgate expand --loader docker` writes what Docker makes of it";
    let keys = profile.extra.iter().filter(|e| e.key == "archMap");
    let rule_keys =
        profile.rules.iter().flat_map(|r| &r.extra).filter(|e| e.key == "includes" || e.key == "excludes");
    for extra in keys.chain(rule_keys) {
        let message = format!("`{}` has no raw OCI meaning", extra.key);
        found.push(Diagnostic::error("loader-dependent", message).at(extra.span.clone()).hint(hint));
    }
    found
}
