//! Every condition of a profile with a call that it is about.

use std::collections::BTreeSet;
use std::ops::Range;

use callgate_core::args::{self, Param};
use callgate_core::profile::{Condition, Name};

use super::super::prelude::*;
use crate::loader::arch_name;

/// A condition, and a call that it is about.
#[derive(Clone, Copy)]
pub(super) struct Met<'m> {
    pub(super) subject: &'m Subject<'m>,
    /// Which rule, and which of its conditions.
    pub(super) at: (usize, usize),
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
    for (index, rule) in profile.rules.iter().enumerate().filter(|(_, rule)| !rule.conditions.is_empty()) {
        let arches = for_whom(subject.rule(index), &arches);
        // Each call once: there are a few hundred, and names may be as many as conditions.
        let mut seen = BTreeSet::new();
        let once = rule.names.iter().filter(|name| seen.insert(name.text.as_str()));
        let calls: Vec<(&Name, Arch)> = once
            .filter_map(|name| {
                let known = |arch: &Arch| sysno::number(*arch, &name.text).is_some();
                Some((name, arches.iter().copied().find(known)?))
            })
            .collect();
        for (at, condition) in rule.conditions.iter().enumerate() {
            let met = calls.iter().filter_map(|(name, arch)| {
                let met = Met { subject, at: (index, at), condition, name, arch: *arch };
                wanted(&met).map(|said| (met, said))
            });
            found.extend(met.take(1));
        }
    }
    found
}

/// The architectures that a rule holds for: Docker's `includes` and `excludes` may name some.
fn for_whom(rule: Option<&Node>, arches: &[Arch]) -> Vec<Arch> {
    let listed = |key: &str| -> Vec<&str> {
        let list = rule.and_then(|rule| rule.at([key, "arches"])).map_or(&[][..], Node::items);
        list.iter().filter_map(Node::text).collect()
    };
    let (includes, excludes) = (listed("includes"), listed("excludes"));
    let all = if includes.is_empty() { arches } else { &Arch::ALL };
    let holds = |arch: &&Arch| {
        let name = arch_name(**arch);
        !excludes.contains(&name) && (includes.is_empty() || includes.contains(&name))
    };
    all.iter().filter(holds).copied().collect()
}
