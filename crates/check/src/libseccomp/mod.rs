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
use callgate_core::set::{ArgBox, Op};
use callgate_core::{Action, Arch, sysno};

use crate::document::Refusal;

/// A condition: index, operator, value, second value.
pub type Condition = (usize, Op, u64, u64);

/// A rule as a runtime adds it: for one call, of one entry of the profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule<'a> {
    /// The call.
    pub name: &'a str,
    /// Which entry of the file it comes from.
    pub entry: usize,
    /// The line that entry starts on; 0 for none.
    pub line: usize,
    /// What happens to the call.
    pub action: Action,
    /// All must hold; each on an index of its own.
    pub conditions: Vec<Condition>,
}

/// A filter, with what is known of where each part of it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// What it does.
    pub meaning: Meaning,
    /// Per call the entries of the file that its clauses come from, in the order of the clauses.
    pub origins: BTreeMap<(Arch, u32), Vec<usize>>,
    /// Calls with arguments about which nothing can be said.
    pub undecided: Vec<Undecided>,
}

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

/// Whether a release of libseccomp knows the call by name.
pub fn knows(release: Option<Version>, name: &str) -> bool {
    let since = table::SINCE.binary_search_by_key(&name, |(name, _)| name).ok().map(|at| table::SINCE[at].1);
    sysno::is_known(name) && since.is_none_or(|since| release.is_none_or(|release| release >= since))
}

/// The first release that knows the call, where that is later than 2.2.0.
pub fn since(name: &str) -> Option<Version> {
    table::SINCE.binary_search_by_key(&name, |(name, _)| name).ok().map(|at| table::SINCE[at].1)
}

/// The number a release has for a call on an architecture.
pub fn number(release: Option<Version>, arch: Arch, name: &str) -> Option<u32> {
    let later = table::NUMBERED.iter().find(|(call, on, _)| (*call, *on) == (name, arch));
    let known = later.is_none_or(|(_, _, since)| release.is_none_or(|release| release >= *since));
    sysno::number(arch, name).filter(|_| known)
}

/// The filter of these rules, on these architectures; the machine's own is always one of them.
///
/// Names that no table has are left out before. A refusal is what libseccomp answers to a rule that contradicts another.
pub fn build(
    (arches, release): (&[Arch], Option<Version>),
    default: Action,
    rules: &[Rule<'_>],
) -> Result<Filter, Refusal> {
    let mut sorted: Vec<&Rule<'_>> = rules.iter().collect();
    // Stable: rules of one call stay in the order they are added in.
    sorted.sort_by_key(|rule| rule.name);
    let bad_arch = Action::KillThread;
    let mut filter = Filter {
        meaning: Meaning { arches: BTreeMap::new(), bad_arch },
        origins: BTreeMap::new(),
        undecided: Vec::new(),
    };
    for arch in arches {
        let rules = of_arch((*arch, release), default, &sorted, &mut filter)?;
        filter.meaning.arches.insert(*arch, rules);
    }
    Ok(filter)
}

fn of_arch(
    (arch, release): (Arch, Option<Version>),
    default: Action,
    sorted: &[&Rule<'_>],
    filter: &mut Filter,
) -> Result<Rules, Refusal> {
    let mut numbers: BTreeMap<u32, Vec<Rule<'_>>> = multiplex::through(arch, sorted);
    let mut left = sorted;
    for entry in sysno::by_name(arch) {
        let before = left.iter().take_while(|rule| rule.name < entry.name).count();
        left = &left[before..];
        let same = left.iter().take_while(|rule| rule.name == entry.name).count();
        if same > 0 && number(release, arch, entry.name).is_some() {
            numbers.entry(entry.nr).or_default().extend(left[..same].iter().map(|rule| (*rule).clone()));
        }
    }
    let mut rules = Rules::new(default);
    for (nr, of_number) in numbers {
        let decided = order::decide((arch, nr), of_number, &mut filter.undecided)?;
        if decided.is_empty() {
            continue;
        }
        filter.origins.insert((arch, nr), decided.iter().map(|(_, entry)| *entry).collect());
        rules.calls.insert(nr, decided.into_iter().map(|(clause, _)| clause).collect::<Vec<Clause>>());
    }
    Ok(rules)
}

#[cfg(test)]
mod tests;
