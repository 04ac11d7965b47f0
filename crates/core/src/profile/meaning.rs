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
    let named = named(profile);
    let rules = |arch| (arch, Rules { calls: calls(&named, arch), ..Rules::new(profile.default.action) });
    Meaning {
        arches: filtered_arches(profile, native).into_iter().map(rules).collect(),
        bad_arch: Action::KillThread,
    }
}

/// Every name with its rule, sorted by name; rules of one name in the order of the file.
fn named(profile: &Profile) -> Vec<(&str, &Rule)> {
    // A rule with the default's own action says nothing, and every runtime drops it.
    let rules = profile.rules.iter().filter(|r| r.action.action != profile.default.action);
    let mut named: Vec<_> =
        rules.flat_map(|rule| rule.names.iter().map(move |name| (name.text.as_str(), rule))).collect();
    named.sort_by_key(|(name, _)| *name);
    named
}

/// Both lists are sorted by name, so that each is gone through once.
fn calls(named: &[(&str, &Rule)], arch: Arch) -> BTreeMap<u32, Vec<Clause>> {
    let mut left = named;
    let mut found = Vec::with_capacity(named.len());
    for entry in sysno::by_name(arch) {
        let before = left.iter().take_while(|(name, _)| *name < entry.name).count();
        left = &left[before..];
        let same = left.iter().take_while(|(name, _)| *name == entry.name).count();
        if same > 0 {
            found.push((entry.nr, clauses(&left[..same])));
        }
    }
    found.into_iter().collect()
}

fn clauses(rules: &[(&str, &Rule)]) -> Vec<Clause> {
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
