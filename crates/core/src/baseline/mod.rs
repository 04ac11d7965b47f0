//! Baselines: named default profiles, resolved for one machine and one container.
//!
//! A default profile is not one filter: which rules count depends on the machine's architecture, its kernel and the
//! container's capabilities. The data are `data/defaults/*.toml`, in our own words and order; what they mean is held
//! against the loaders' own output in the tests.

mod table;

use std::collections::{BTreeMap, BTreeSet};

use crate::action::Action;
use crate::arch::Arch;
use crate::meaning::{Clause, Meaning, Rules};
use crate::set::{ArgBox, Op};
use crate::sysno;

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

/// The capabilities Docker gives a container nobody asked anything for
/// (moby `daemon/pkg/oci/caps/defaults.go`; docs.docker.com, "Runtime privilege and Linux capabilities").
const DOCKER_CAPS: [&str; 14] = [
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];

impl Machine {
    /// A machine and a container with these capabilities.
    pub fn new<'a>(arch: Arch, kernel: Kernel, caps: impl IntoIterator<Item = &'a str>) -> Self {
        Self { arch, kernel, caps: caps.into_iter().map(str::to_owned).collect() }
    }

    /// A machine and a container with Docker's default capabilities.
    pub fn docker(arch: Arch, kernel: Kernel) -> Self {
        Self { arch, kernel, caps: Self::docker_default_caps() }
    }

    /// The 14 capabilities Docker gives by default.
    pub fn docker_default_caps() -> BTreeSet<String> {
        DOCKER_CAPS.iter().map(|c| (*c).to_owned()).collect()
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
    /// The rules that count on this machine.
    pub fn rules(&self, machine: &Machine) -> ResolvedRules {
        let counts = |r: &&Rule| r.when.all_hold(machine) && !r.unless.any_holds(machine);
        let rules = self.rules.iter().filter(counts).map(Rule::resolved).collect();
        ResolvedRules { default: self.default, arches: self.arches(machine.arch), rules }
    }

    /// What it does on this machine.
    ///
    /// Names unknown to an architecture are skipped there, as the runtimes skip them. Of several rules for one call
    /// the first without conditions decides alone, as in libseccomp (`src/db.c`, a rule without arguments supersedes the
    /// chains of its call); among conditional ones the strictest comes first, as in the kernel's own precedence.
    pub fn meaning(&self, machine: &Machine) -> Meaning {
        let resolved = self.rules(machine);
        let arches = resolved.arches.iter().map(|arch| (*arch, resolved.on(*arch))).collect();
        Meaning { arches, bad_arch: Action::KillThread }
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
    /// The rules as one architecture sees them.
    fn on(&self, arch: Arch) -> Rules {
        let mut named: BTreeMap<u32, Vec<&ResolvedRule>> = BTreeMap::new();
        for rule in &self.rules {
            for nr in rule.names.iter().filter_map(|name| sysno::number(arch, name)) {
                named.entry(nr).or_default().push(rule);
            }
        }
        let calls = named.into_iter().map(|(nr, rules)| (nr, clauses(rules))).collect();
        Rules { calls, ..Rules::new(self.default) }
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
