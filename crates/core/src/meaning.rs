//! Meaning: what a filter has to do, free of any file format.
//!
//! The compiler (`callgate-bpf`) reads a [`Meaning`], never a profile. The reference ([`crate::verdict`]) does not
//! read it, so that the two can be held against each other.

use std::collections::BTreeMap;

use crate::action::Action;
use crate::arch::Arch;
use crate::call::{Call, SeccompData};
use crate::set::ArgBox;

/// What to do with every call of every architecture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// The architectures that are judged by rules.
    pub arches: BTreeMap<Arch, Rules>,
    /// What happens to calls of all others, x32 numbers included when x32 is not listed.
    pub bad_arch: Action,
}

/// What to do with the calls of one architecture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Number (without x32 bit) → clauses, first match wins.
    pub calls: BTreeMap<u32, Vec<Clause>>,
    /// What happens to all else, from number 0 on.
    pub default: Action,
    /// The same from other numbers on, up to the next of them: runc tells programs of every call above the highest that a
    /// profile names that it does not exist.
    pub beyond: BTreeMap<u32, Action>,
}

/// One alternative of a call: arguments inside the box get the action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// The arguments it speaks of.
    pub args: ArgBox,
    /// What happens to them.
    pub action: Action,
}

impl Clause {
    /// A clause for all arguments.
    pub fn any(action: Action) -> Self {
        Self { args: ArgBox::any(), action }
    }
}

impl Rules {
    /// No rule: every number gets `default`.
    pub fn new(default: Action) -> Self {
        Self { calls: BTreeMap::new(), default, beyond: BTreeMap::new() }
    }

    /// What happens to number `nr` where no clause says otherwise.
    pub fn otherwise(&self, nr: u32) -> Action {
        self.beyond.range(..=nr).next_back().map_or(self.default, |(_, action)| *action)
    }

    /// Every action that calls without a clause get.
    pub fn defaults(&self) -> impl Iterator<Item = Action> {
        std::iter::once(self.default).chain(self.beyond.values().copied())
    }

    /// What happens to number `nr` with these arguments.
    pub fn action(&self, nr: u32, args: &[u64; 6]) -> Action {
        self.calls
            .get(&nr)
            .and_then(|clauses| clauses.iter().find(|c| c.args.contains(args)))
            .map_or_else(|| self.otherwise(nr), |c| c.action)
    }
}

impl Meaning {
    /// A meaning without rules: every listed architecture gets `default`.
    pub fn uniform(arches: impl IntoIterator<Item = Arch>, default: Action, bad_arch: Action) -> Self {
        let rules = |a| (a, Rules::new(default));
        Self { arches: arches.into_iter().map(rules).collect(), bad_arch }
    }

    /// What happens to a call.
    pub fn action(&self, call: &Call) -> Action {
        self.arches.get(&call.arch).map_or(self.bad_arch, |rules| rules.action(call.nr, &call.args))
    }

    /// Whether any rule or default of a listed architecture has such an action.
    pub fn uses(&self, wanted: impl Fn(Action) -> bool) -> bool {
        self.arches.values().any(|rules| {
            rules.defaults().any(&wanted)
                || rules.calls.values().flatten().any(|clause| wanted(clause.action))
        })
    }

    /// What happens to raw filter input, unknown architectures included.
    pub fn action_of_data(&self, data: &SeccompData) -> Action {
        data.to_call().map_or(self.bad_arch, |call| self.action(&call))
    }
}
