//! What libseccomp makes of rules: names it knows, architectures, calls that go through another, and which of several
//! rules of one call decides.
//!
//! Every runtime here builds its filter with it. Where rules overlap, its answer depends on the shape of a tree that is
//! nobody's interface; what is known of it by experiment is said, everything else is *undecided*.

pub mod arches;
pub mod multiplex;
mod order;
mod table;

use std::collections::BTreeMap;

use callgate_core::floor::Version;
use callgate_core::meaning::{Clause, Meaning, Rules};
use callgate_core::set::{ArgBox, ArgSet, Op};
use callgate_core::{Action, Arch, Call, sysno};

use crate::document::Refusal;

/// A condition: index, operator, value, second value.
pub type Condition = (usize, Op, u64, u64);

/// What an entry of a profile adds for each of its calls: all of it, or one condition of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Which entry of the file it comes from.
    pub entry: usize,
    /// The line that entry starts on; 0 for none.
    pub line: usize,
    /// What happens to the call.
    pub action: Action,
    /// All must hold; each on an index of its own.
    pub conditions: Vec<Condition>,
}

/// The rules a runtime adds, and for which calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Added {
    rules: Vec<Rule>,
    /// Per call, in the order of [`sysno::names`]: indices in `rules`, in the order in which they are added.
    named: Vec<Vec<usize>>,
    /// Whether the profile mentions a call, whatever it says of it; in the same order.
    mentioned: Vec<bool>,
    /// The release that adds them; `None`: one that knows all.
    release: Option<Version>,
}

/// A filter, with what is known of where each part of it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// What it does.
    pub meaning: Meaning,
    /// What it was made of.
    pub added: Added,
    /// Calls with arguments about which nothing can be said.
    pub undecided: Vec<Undecided>,
}

const IPC: &str = "conditions on calls that go through ipc(2) are not to be relied on";

/// Calls whose fate is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecided {
    /// The architecture.
    pub arch: Arch,
    /// The number.
    pub nr: u32,
    /// The arguments.
    pub args: ArgBox,
    /// The entries of the file that meet there.
    pub entries: Vec<usize>,
    /// Why nothing can be said.
    pub why: &'static str,
}

/// A call that a release of libseccomp knows, by its place in [`sysno::names`]; `None`: it does not know it.
pub fn known(release: Option<Version>, name: &str) -> Option<usize> {
    let old = release.is_some_and(|release| since(name).is_some_and(|since| release < since));
    sysno::position(name).filter(|_| !old)
}

/// The first release that knows the call, where that is later than 2.2.0.
pub fn since(name: &str) -> Option<Version> {
    table::SINCE.binary_search_by_key(&name, |(name, _)| name).ok().map(|at| table::SINCE[at].1)
}

/// Whether a release that knows the call has a number for it on an architecture.
fn has_number(release: Option<Version>, arch: Arch, name: &str) -> bool {
    let later = |release| {
        table::NUMBERED.iter().any(|(call, on, since)| *on == arch && *call == name && release < *since)
    };
    !release.is_some_and(later)
}

impl Added {
    /// Nothing yet, by a release.
    pub fn by(release: Option<Version>) -> Self {
        let count = sysno::names().len();
        Self { rules: Vec::new(), named: vec![Vec::new(); count], mentioned: vec![false; count], release }
    }

    /// Adds the rules of one entry for all its calls, which [`known`] found.
    pub fn add(&mut self, calls: &[usize], rules: Vec<Rule>) {
        for rule in rules {
            let at = self.rules.len();
            for call in calls {
                self.named[*call].push(at);
            }
            self.rules.push(rule);
        }
    }

    /// Notes that the profile names calls.
    pub fn mention(&mut self, calls: &[usize]) {
        for call in calls {
            self.mentioned[*call] = true;
        }
    }

    /// The highest number that the profile names on an architecture. Calls that go through another one have numbers below
    /// 0 to libseccomp, and do not count.
    pub fn highest(&self, arch: Arch) -> Option<u32> {
        let named = |name: &str| {
            sysno::position(name).is_some_and(|at| self.mentioned.get(at).copied().unwrap_or(false))
        };
        let counts = |entry: &&sysno::Entry| {
            named(entry.name())
                && !multiplex::goes_through_another(arch, entry.name())
                && has_number(self.release, arch, entry.name())
        };
        sysno::table(arch).iter().rev().find(counts).map(|entry| entry.nr)
    }

    /// The filter of these rules, on these architectures; the machine's own is always one of them. A refusal is what
    /// libseccomp answers to a rule that contradicts another.
    pub fn build(self, arches: &[Arch], default: Action) -> Result<Filter, Refusal> {
        let mut undecided = Vec::new();
        let mut meaning = Meaning { arches: BTreeMap::new(), bad_arch: Action::KillThread };
        for arch in arches {
            let rules = Rules { calls: self.calls(*arch, &mut undecided)?, ..Rules::new(default) };
            meaning.arches.insert(*arch, rules);
            undecided.extend(self.conditional_ipc(*arch));
        }
        Ok(Filter { meaning, added: self, undecided })
    }

    /// What happens to the calls of an architecture that rules speak of.
    fn calls(
        &self,
        arch: Arch,
        undecided: &mut Vec<Undecided>,
    ) -> Result<BTreeMap<u32, Vec<Clause>>, Refusal> {
        let mut through = multiplex::through(arch, self);
        // Both lists are sorted by name, and the tables have no name that the list of all has not.
        let mut all = sysno::names().iter().zip(&self.named);
        let mut found = Vec::with_capacity(self.named.len());
        // Many calls share an entry, and what is decided of its rules does not depend on the number.
        let mut same: BTreeMap<&[usize], (Vec<Clause>, Vec<Undecided>)> = BTreeMap::new();
        for entry in sysno::by_name(arch) {
            let own = all.find(|(name, _)| **name == entry.name()).map(|(_, own)| own.as_slice());
            let own = own.filter(|_| has_number(self.release, arch, entry.name())).unwrap_or_default();
            let through = through.remove(&entry.nr).unwrap_or_default();
            let clauses: Vec<Clause> = match (through.as_slice(), own) {
                ([], []) => continue,
                // By far the most.
                ([], [only]) if self.rules[*only].conditions.is_empty() => {
                    vec![Clause::any(self.rules[*only].action)]
                }
                ([], own) if let Some((clauses, open)) = same.get(own) => {
                    undecided.extend(open.iter().map(|open| Undecided { nr: entry.nr, ..open.clone() }));
                    clauses.clone()
                }
                (through, own) => {
                    let rules: Vec<&Rule> =
                        through.iter().chain(own.iter().map(|at| &self.rules[*at])).collect();
                    let before = undecided.len();
                    let decided = order::decide((arch, entry.nr), &rules, undecided)?;
                    let clauses: Vec<Clause> = decided.into_iter().map(|(clause, _)| clause).collect();
                    if through.is_empty() {
                        same.insert(own, (clauses.clone(), undecided[before..].to_vec()));
                    }
                    clauses
                }
            };
            if !clauses.is_empty() {
                found.push((entry.nr, clauses));
            }
        }
        Ok(found.into_iter().collect())
    }

    /// Calls through ipc(2) of which rules want something of the arguments: what filters did with them could not be told
    /// from the rules.
    fn conditional_ipc(&self, arch: Arch) -> Vec<Undecided> {
        let ipc = sysno::number(arch, "ipc").filter(|_| multiplex::is_multiplexed(arch));
        let Some(nr) = ipc else { return Vec::new() };
        let conditional = |name: &str| self.of(name).find(|rule| !rule.conditions.is_empty());
        let met = |(name, call): &(&str, u64)| {
            let rule = conditional(name)?;
            let args = ArgBox::any().with(0, ArgSet::exactly(*call));
            Some(Undecided { arch, nr, args, entries: vec![rule.entry], why: IPC })
        };
        multiplex::behind_ipc().iter().filter_map(met).collect()
    }

    /// The rules of a call by its name.
    fn of(&self, name: &str) -> impl Iterator<Item = &Rule> {
        let at = sysno::position(name).and_then(|at| self.named.get(at));
        at.into_iter().flatten().map(|at| &self.rules[*at])
    }
}

impl Filter {
    /// The entry of the file whose rule decides about a call; `None`: no rule does.
    pub fn decided_by(&self, call: &Call) -> Option<usize> {
        let name = sysno::name(call.arch, call.nr)?;
        let through = multiplex::through(call.arch, &self.added).remove(&call.nr).unwrap_or_default();
        // As in `calls`: a release without a number for it on this architecture adds nothing of the call's own.
        let numbered = has_number(self.added.release, call.arch, name);
        let own = self.added.of(name).filter(|_| numbered);
        let rules: Vec<&Rule> = through.iter().chain(own).collect();
        let decided = order::decide((call.arch, call.nr), &rules, &mut Vec::new()).ok()?;
        let args = Call::new(call.arch, call.nr, call.args).args;
        decided.into_iter().find(|(clause, _)| clause.args.contains(&args)).map(|(_, entry)| entry)
    }
}

#[cfg(test)]
mod tests;
