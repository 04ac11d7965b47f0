//! Baselines: named default profiles, resolved for one machine and one container.
//!
//! A default profile is not one filter: which rules count depends on the machine's architecture, its kernel and the
//! container's capabilities; and releases of a runtime differ ([`Edition`]). The data are `data/defaults/*.toml`, in our
//! own words and order; what they mean is held against the loaders' own output in the tests.

mod edition;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use crate::action::Action;
use crate::arch::Arch;
use crate::floor::Version;
use crate::meaning::{Clause, Meaning, Rules};
use crate::profile::{self, Profile};
use crate::set::{ArgBox, Op};
use crate::sysno;

pub use edition::{Edition, UnknownDefault, named};
pub use sysno::Kernel;

/// A condition on one argument: index, operator, value, second value.
pub type ArgCondition = (usize, Op, u64, u64);

/// What a default profile depends on beside its own text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The architecture of the kernel.
    pub arch: Arch,
    /// Its release.
    pub kernel: Kernel,
    /// The container's bounding set: `CAP_CHOWN` …
    pub caps: BTreeSet<String>,
}

/// A named default profile.
#[derive(Debug)]
pub struct Baseline {
    /// What [`find`] takes.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// What it is, in one line.
    pub about: &'static str,
    /// How it is known.
    pub source: &'static str,
    /// The capabilities of a container nobody asked anything for, sorted.
    pub caps: &'static [&'static str],
    /// The oldest and the newest release it is known of; `None`: one is known, by no number.
    pub known: Option<(Version, Version)>,
    /// What happens to everything it does not name.
    pub default: Action,
    /// Machine → ABIs beside its own that are judged by the same rules.
    companions: &'static [(Arch, &'static [Arch])],
    rules: &'static [Rule],
}

/// A rule with the circumstances under which it counts.
#[derive(Debug)]
struct Rule {
    calls: &'static [&'static str],
    action: Action,
    args: &'static [ArgCondition],
    when: Circumstances,
    unless: Circumstances,
    /// The releases that brought it, the first of every series; none: all have it.
    since: &'static [Version],
    /// Those that ended it; none: it is still there.
    until: &'static [Version],
    reason: &'static str,
}

/// Circumstances a rule asks for (all of them) or gives way to (any of them); empty parts ask for nothing.
#[derive(Debug)]
struct Circumstances {
    caps: &'static [&'static str],
    arches: &'static [Arch],
    min_kernel: Option<Kernel>,
}

/// A baseline on one machine: nothing in it depends on circumstances any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedRules {
    /// What happens to everything no rule names.
    pub default: Action,
    /// The architectures judged, the machine's own first.
    pub arches: Vec<Arch>,
    /// The rules that count, in the baseline's order.
    pub rules: Vec<ResolvedRule>,
}

/// A rule that counts on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedRule {
    /// The calls, known to every architecture or not.
    pub names: Vec<&'static str>,
    /// What happens to them.
    pub action: Action,
    /// Conditions that must all hold.
    pub args: Vec<ArgCondition>,
    /// Why the rule is there.
    pub reason: &'static str,
}

/// The baseline of that name: `docker`.
pub fn find(name: &str) -> Option<&'static Baseline> {
    all().iter().find(|b| b.name == name || b.aliases.contains(&name))
}

/// Every baseline.
pub fn all() -> &'static [Baseline] {
    table::BASELINES
}

impl Machine {
    /// A machine and a container with these capabilities.
    pub fn new<'a>(arch: Arch, kernel: Kernel, caps: impl IntoIterator<Item = &'a str>) -> Self {
        Self { arch, kernel, caps: caps.into_iter().map(str::to_owned).collect() }
    }
}

impl Circumstances {
    /// Whether everything asked for is there; true when nothing is asked for.
    fn all_hold(&self, machine: &Machine) -> bool {
        (self.arches.is_empty() || self.arches.contains(&machine.arch))
            && self.caps.iter().all(|c| machine.caps.contains(*c))
            && self.min_kernel.is_none_or(|k| machine.kernel >= k)
    }

    /// Whether anything named is there; false when nothing is named.
    fn any_holds(&self, machine: &Machine) -> bool {
        self.arches.contains(&machine.arch)
            || self.caps.iter().any(|c| machine.caps.contains(*c))
            || self.min_kernel.is_some_and(|k| machine.kernel >= k)
    }
}

impl Baseline {
    /// A machine, and on it a container nobody asked anything for.
    pub fn machine(&self, arch: Arch, kernel: Kernel) -> Machine {
        Machine::new(arch, kernel, self.caps.iter().copied())
    }

    /// The machine's own architecture, then its companions.
    fn arches(&self, native: Arch) -> Vec<Arch> {
        let companions = self.companions.iter().find(|(arch, _)| *arch == native);
        std::iter::once(native).chain(companions.into_iter().flat_map(|(_, c)| c.iter().copied())).collect()
    }
}

impl Rule {
    fn resolved(&self) -> ResolvedRule {
        ResolvedRule {
            names: self.calls.to_vec(),
            action: self.action,
            args: self.args.to_vec(),
            reason: self.reason,
        }
    }
}

impl ResolvedRules {
    /// What they do.
    ///
    /// Names unknown to an architecture are skipped there, as the runtimes skip them. Of several rules for one call
    /// the first without conditions decides alone, as in libseccomp (`src/db.c`, a rule without arguments supersedes the
    /// chains of its call); among conditional ones the strictest comes first, as in the kernel's own precedence.
    pub fn meaning(&self) -> Meaning {
        let arches = self.arches.iter().map(|arch| (*arch, self.on(*arch))).collect();
        Meaning { arches, bad_arch: Action::KillThread }
    }

    /// The same as a profile without circumstances, for every runtime that reads OCI's form. Reasons are comments.
    pub fn profile(&self) -> Profile {
        Profile {
            default: self.default.into(),
            architectures: self.arches.iter().map(|arch| (*arch).into()).collect(),
            rules: self.rules.iter().map(ResolvedRule::in_profile).collect(),
            ..Profile::default()
        }
    }

    /// The rules as one architecture sees them.
    fn on(&self, arch: Arch) -> Rules {
        let mut named: BTreeMap<u32, Vec<&ResolvedRule>> = BTreeMap::new();
        // Runtimes drop a rule with the default's own action before libseccomp sees it.
        for rule in self.rules.iter().filter(|r| r.action != self.default) {
            for nr in rule.names.iter().filter_map(|name| sysno::number(arch, name)) {
                named.entry(nr).or_default().push(rule);
            }
        }
        let calls = named.into_iter().map(|(nr, rules)| (nr, clauses(rules))).collect();
        Rules { calls, ..Rules::new(self.default) }
    }
}

impl ResolvedRule {
    fn in_profile(&self) -> profile::Rule {
        // There are six arguments, which `cargo xtask generate` sees to.
        let condition = |&(index, op, value, value_two): &ArgCondition| profile::Condition {
            index: index.try_into().unwrap_or(u8::MAX),
            op,
            value,
            value_two,
        };
        profile::Rule {
            conditions: self.args.iter().map(condition).collect(),
            comment: Some(self.reason.to_owned()),
            ..profile::Rule::new(self.names.iter().map(|name| (*name).to_owned()), self.action)
        }
    }
}

/// The clauses of one call, first match wins.
fn clauses(mut rules: Vec<&ResolvedRule>) -> Vec<Clause> {
    if let Some(rule) = rules.iter().find(|r| r.args.is_empty()) {
        return vec![Clause::any(rule.action)];
    }
    // Stable: rules of one action keep their order.
    rules.sort_by_key(|r| r.action);
    let boxes = |r: &ResolvedRule| ArgBox::from_conditions(&r.args);
    rules.iter().flat_map(|r| boxes(r).into_iter().map(|args| Clause { args, action: r.action })).collect()
}

#[cfg(test)]
mod tests;
