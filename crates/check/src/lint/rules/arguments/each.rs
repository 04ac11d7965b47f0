//! Every condition of a profile with a call that it is about.

use std::ops::Range;

use callgate_core::args::{self, Param};
use callgate_core::profile::{Condition, Name, Rule};

use super::super::prelude::*;

/// A condition, and a call that it is about.
#[derive(Clone, Copy)]
pub(super) struct Met<'m> {
    pub(super) subject: &'m Subject<'m>,
    /// Which rule, and which of its conditions.
    pub(super) at: (usize, usize),
    pub(super) rule: &'m Rule,
    pub(super) condition: &'m Condition,
    pub(super) name: &'m Name,
    /// An architecture on which the call is filtered.
    pub(super) arch: Arch,
}

impl Met<'_> {
    /// Where the condition stands.
    pub(super) fn place(&self) -> Range<usize> {
        self.subject.condition(self.at.0, self.at.1)
    }

    /// A member's value in the condition.
    pub(super) fn part(&self, key: &str) -> Range<usize> {
        let node =
            self.subject.rule(self.at.0).and_then(|rule| rule.get("args")?.items().get(self.at.1)?.get(key));
        node.map_or_else(|| self.place(), |node| node.span.clone())
    }

    /// The condition itself.
    pub(super) fn node(&self) -> Option<&Node> {
        self.subject.rule(self.at.0).and_then(|rule| rule.get("args")?.items().get(self.at.1))
    }

    /// The argument; `None`: the call has none there, or is not known.
    pub(super) fn param(&self) -> Option<&'static Param> {
        args::params_on(self.arch, &self.name.text)?.get(usize::from(self.condition.index))
    }
}

/// Calls each condition with the first call of its rule for which `wanted` has something to say: once per condition.
pub(super) fn each<'p, T>(
    subject: &'p Subject<'p>,
    profile: &'p Profile,
    wanted: impl Fn(&Met<'p>) -> Option<T>,
) -> Vec<(Met<'p>, T)> {
    let arches = subject.arches(profile);
    let mut found = Vec::new();
    for (index, rule) in profile.rules.iter().enumerate() {
        for (at, condition) in rule.conditions.iter().enumerate() {
            let met = rule.names.iter().filter_map(|name| {
                let arch = arches.iter().copied().find(|arch| sysno::number(*arch, &name.text).is_some())?;
                let met = Met { subject, at: (index, at), rule, condition, name, arch };
                wanted(&met).map(|said| (met, said))
            });
            found.extend(met.take(1));
        }
    }
    found
}
