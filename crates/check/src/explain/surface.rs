//! The whole of a meaning, call by call: allowed, refused, or it depends on the arguments.

use std::collections::{BTreeMap, BTreeSet};

use callgate_core::meaning::Rules;
use callgate_core::set::CallSet;
use callgate_core::{Action, Arch, Call, Meaning, group, sysno};

use super::call::conditions;
use crate::document::Entry;
use crate::resolve::Resolved;
use crate::runtime::Outcome;

/// What becomes of a call, all its arguments taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Whatever its arguments.
    Allowed,
    /// Some arguments are allowed, some are not.
    Conditional,
    /// Whatever its arguments; or left to a listener or a tracer to decide.
    Refused,
    /// Of some arguments at least nothing can be said.
    Undecided,
}

impl Standing {
    /// Every standing, from open to closed.
    pub const ALL: [Self; 4] = [Self::Allowed, Self::Conditional, Self::Refused, Self::Undecided];

    /// `allowed`, `conditional`, `refused`, `undecided`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Conditional => "conditional",
            Self::Refused => "refused",
            Self::Undecided => "undecided",
        }
    }
}

/// One call of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// Its number.
    pub nr: u32,
    /// Its topic: `@mount`.
    pub group: &'static str,
    /// What becomes of it.
    pub standing: Standing,
    /// Every action it gets, each with a call that gets it; the strictest first.
    pub actions: Vec<(Action, Call)>,
    /// Why nothing is known of some of its arguments.
    pub undecided: Option<&'static str>,
}

/// A call that a rule allows or refuses under conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The line the rule starts on, from 1; 0: it was never in a file.
    pub line: usize,
    /// What happens where the conditions hold.
    pub action: Action,
    /// The conditions in words: `argument 0 (domain) is AF_UNIX`.
    pub words: String,
}

/// Another set of numbers through which calls can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    /// Which.
    pub arch: Arch,
    /// What happens to all its calls; `None`: they are judged by rules.
    pub shut: Option<Action>,
    /// How many calls are allowed, wholly or in part.
    pub open: usize,
}

/// Everything that a meaning says of the calls of one architecture, and of the others as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surface {
    /// The architecture.
    pub arch: Arch,
    /// Its calls, by topic and name.
    pub rows: Vec<Row>,
    /// What happens to numbers without a name: from each number on, up to the next.
    pub nameless: Vec<(u32, Action)>,
    /// The other architectures that the machine may offer.
    pub doors: Vec<Door>,
}

/// The meaning to look at; an error is why there is none that can be told.
///
/// Without a filter everything is allowed, through every architecture.
pub fn meaning(resolved: &Resolved) -> Result<Meaning, &str> {
    match &resolved.outcome {
        Outcome::Filtered(made) => Ok(made.filter.meaning.clone()),
        Outcome::Unconfined(_) => Ok(Meaning::uniform(Arch::ALL, Action::Allow, Action::Allow)),
        Outcome::Undecided(why) => Err(why),
    }
}

impl Surface {
    /// What a resolved profile does; an error is why nothing can be told of it.
    pub fn of(resolved: &Resolved, arch: Arch, native: Arch) -> Result<Self, &str> {
        let mut surface = Self::of_meaning(&meaning(resolved)?, arch, native);
        for met in resolved.undecided().iter().filter(|met| met.arch == arch) {
            for row in surface.rows.iter_mut().filter(|row| row.nr == met.nr) {
                row.standing = Standing::Undecided;
                row.undecided = Some(met.why);
            }
        }
        Ok(surface)
    }

    /// What a meaning does with the calls of `arch`, on a machine of `native`.
    pub fn of_meaning(meaning: &Meaning, arch: Arch, native: Arch) -> Self {
        let by_action: BTreeMap<Action, CallSet> = actions(meaning, arch)
            .into_iter()
            .map(|action| (action, CallSet::of(meaning, |other| other == action)))
            .collect();
        let mut rows: Vec<Row> =
            sysno::table(arch).iter().map(|entry| row(&by_action, arch, entry)).collect();
        rows.sort_by_key(|row| (row.group, row.name));
        let nameless = meaning.arches.get(&arch).map_or(vec![(0, meaning.bad_arch)], nameless);
        let others = std::iter::once(native).chain(native.companions().iter().copied());
        let doors = others.filter(|other| *other != arch).map(|other| door(meaning, other)).collect();
        Self { arch, rows, nameless, doors }
    }

    /// How many calls stand so.
    pub fn count(&self, standing: Standing) -> usize {
        self.rows.iter().filter(|row| row.standing == standing).count()
    }

    /// The row of a call.
    pub fn row(&self, nr: u32) -> Option<&Row> {
        self.rows.iter().find(|row| row.nr == nr)
    }
}

/// Every action that some call of the architecture may get.
fn actions(meaning: &Meaning, arch: Arch) -> BTreeSet<Action> {
    let Some(rules) = meaning.arches.get(&arch) else { return BTreeSet::from([meaning.bad_arch]) };
    let clauses = rules.calls.values().flatten().map(|clause| clause.action);
    clauses.chain(rules.defaults()).collect()
}

fn row(by_action: &BTreeMap<Action, CallSet>, arch: Arch, entry: &sysno::Entry) -> Row {
    let met = |(action, set): (&Action, &CallSet)| {
        let args = set.region(arch, entry.nr).witness()?;
        Some((*action, Call::new(arch, entry.nr, args)))
    };
    let actions: Vec<(Action, Call)> = by_action.iter().filter_map(met).collect();
    let permits = |(action, _): &(Action, Call)| action.permits();
    let standing = match (actions.iter().any(permits), actions.iter().all(permits)) {
        (true, true) => Standing::Allowed,
        (true, false) => Standing::Conditional,
        (false, _) => Standing::Refused,
    };
    let group = group::primary(entry.name()).unwrap_or("@other");
    Row { name: entry.name(), nr: entry.nr, group, standing, actions, undecided: None }
}

/// Stretches of numbers without a clause, each with its action.
fn nameless(rules: &Rules) -> Vec<(u32, Action)> {
    let mut found = vec![(0, rules.default)];
    for (from, action) in &rules.beyond {
        if found.last().is_some_and(|(_, last)| last != action) {
            found.push((*from, *action));
        }
    }
    found
}

fn door(meaning: &Meaning, arch: Arch) -> Door {
    let permitted = CallSet::of(meaning, Action::permits);
    let open = sysno::table(arch).iter().filter(|entry| !permitted.region(arch, entry.nr).is_empty()).count();
    let shut = (!meaning.arches.contains_key(&arch)).then_some(meaning.bad_arch);
    Door { arch, shut, open }
}

/// The rules under whose conditions a call is treated otherwise than by default, in the order of the file.
///
/// Where a call is conditional without such a rule, libseccomp made it of a rule about another: `socketcall` of `socket`.
pub fn conditional(resolved: &Resolved, arch: Arch, name: &str) -> Vec<Condition> {
    let Some(document) = &resolved.document else { return Vec::new() };
    let default = resolved.meaning().and_then(|m| m.arches.get(&arch)).map(|rules| rules.default);
    let speaks = |entry: &&Entry| {
        !entry.conditions.is_empty() && (entry.name == name || entry.names.iter().any(|n| n == name))
    };
    let condition = |entry: &Entry| {
        let action = Action::from_oci(&entry.action, entry.errno.map(|errno| errno as u16))?;
        let words = conditions(arch, name, entry);
        (Some(action) != default).then_some(Condition { line: entry.line, action, words })
    };
    document.rules.iter().filter(speaks).filter_map(condition).collect()
}

#[cfg(test)]
mod tests;
