//! A meaning as a flat OCI profile: exactly, or the call that no profile can say it of.
//!
//! OCI names calls, not numbers, and says the same of every architecture: so a meaning has a profile where calls of one
//! name are treated alike on all of them, numbers without a name as all the rest, and unlisted architectures as libseccomp
//! does. One rule compares each argument at most once (runtimes take apart a rule that compares one twice: its
//! conditions then are alternatives), and of rules of one call no two hold at once.

mod line;
#[cfg(test)]
mod tests;
mod tree;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use crate::action::Action;
use crate::arch::Arch;
use crate::args;
use crate::call::Call;
use crate::errno;
use crate::meaning::{Meaning, Rules};
use crate::pair::{self, TooMany};
use crate::profile::{Profile, Rule};
use crate::set::{CallSet, Region};
use crate::sysno;
use tree::{Path, Shape};

/// Why a meaning has no profile: the calls that show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Inexpressible {
    /// One call, two architectures, two actions.
    #[error("{}: {left}, but {}: {right}; a profile says the same of a call on every architecture it lists", Shown(*one), Shown(*other))]
    Architectures {
        /// The call on one architecture.
        one: Call,
        /// On another.
        other: Call,
        /// What happens on the first.
        left: Action,
        /// And on the other.
        right: Action,
    },
    /// A number that no name stands for is not treated as the rest.
    #[error("{}: {action}, where all other numbers without a name get {default}; a profile names calls", Shown(*call))]
    Nameless {
        /// The call.
        call: Call,
        /// What happens to it.
        action: Action,
        /// What happens to the others.
        default: Action,
    },
    /// Calls of architectures that are not judged by rules do not kill the thread.
    #[error("calls of architectures that are not listed: {0}; under a profile they kill the thread")]
    Unlisted(Action),
    /// An action whose data OCI has no place for.
    #[error("{}: {action}; a profile has no place for that data", Shown(*call))]
    Data {
        /// The call.
        call: Call,
        /// What happens to it.
        action: Action,
    },
    /// More rules than are of use.
    #[error("{} on {arch} takes more than {} rules", sysno::name(*arch, *nr).unwrap_or("a call"), tree::MAX_RULES)]
    TooMany {
        /// The architecture.
        arch: Arch,
        /// The number of the call.
        nr: u32,
    },
}

impl From<TooMany> for Inexpressible {
    fn from(TooMany { arch, nr }: TooMany) -> Self {
        Self::TooMany { arch, nr }
    }
}

/// A call with the architecture it is made through.
struct Shown(Call);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Call { arch, nr, args } = self.0;
        match sysno::name(arch, nr) {
            Some(name) => write!(f, "{} on {arch}", args::format_call(arch, name, &args)),
            None => write!(f, "number {nr} of {arch}"),
        }
    }
}

/// The profile that means this on a machine whose own architecture is `native`.
///
/// The same meaning gives the same profile, however it was put together: unconditional rules first, one per action, then
/// the calls with conditions by name. `crate::profile::meaning` is the inverse.
pub fn express(wanted: &Meaning, native: Arch) -> Result<Profile, Inexpressible> {
    if wanted.bad_arch != Action::KillThread {
        return Err(Inexpressible::Unlisted(wanted.bad_arch));
    }
    let judged = judged(wanted, native);
    let default = default_action(&judged, native)?;
    let mut calls: BTreeMap<Vec<Path>, Vec<&'static str>> = BTreeMap::new();
    for name in sysno::names() {
        let numbers = |(arch, rules): (&Arch, _)| Some((*arch, sysno::number(*arch, name)?, rules));
        let paths = agreed(judged.arches.iter().filter_map(numbers), default)?;
        if !paths.is_empty() {
            calls.entry(paths).or_default().push(name);
        }
    }
    let architectures = judged.arches.keys().copied().map(Into::into).collect();
    Ok(Profile { default: default.into(), architectures, rules: written(calls), ..Profile::default() })
}

/// What has to be listed: the machine's own architecture, and those that not simply kill the thread, as unlisted ones do.
fn judged(wanted: &Meaning, native: Arch) -> Meaning {
    let mut judged = wanted.clone();
    judged.arches.entry(native).or_insert_with(|| Rules::new(wanted.bad_arch));
    judged.arches.retain(|arch, rules| {
        // The first clause decides about its arguments, where the architecture has any of them.
        let decides = |nr: &u32| {
            let first = pair::clauses(rules, *arch, *nr).into_iter().next();
            first.is_some_and(|c| c.action != Action::KillThread && !c.args.is_empty())
        };
        if rules.calls.keys().any(decides) {
            return true;
        }
        let kills = || {
            let alone = Meaning { arches: [(*arch, rules.clone())].into(), bad_arch: Action::KillThread };
            CallSet::of(&alone, |action| action != Action::KillThread).is_empty()
        };
        *arch == native || rules.default != Action::KillThread || !kills()
    });
    judged
}

/// What happens to numbers without a name, the same for all of them.
fn default_action(judged: &Meaning, native: Arch) -> Result<Action, Inexpressible> {
    // As good as any: every architecture has this number, and none a call of it.
    let sample = Call { arch: native, nr: 0x3fff_ffff, args: [0; 6] };
    let default = judged.action(&sample);
    let mut others = Meaning { arches: judged.arches.clone(), bad_arch: default };
    for (arch, rules) in &mut others.arches {
        rules.calls.retain(|nr, _| sysno::name(*arch, *nr).is_none());
    }
    let mut odd = CallSet::of(&others, |action| action != default);
    for arch in judged.arches.keys() {
        for entry in sysno::table(*arch) {
            odd.insert(*arch, entry.nr, Region::none());
        }
    }
    match odd.witness() {
        Some(call) => Err(Inexpressible::Nameless { call, action: judged.action(&call), default }),
        None if carries_odd_data(default) => Err(Inexpressible::Data { call: sample, action: default }),
        None => Ok(default),
    }
}

/// TRAP has no data in OCI, and of errnos the kernel takes the first 4095 (`include/linux/err.h`, `MAX_ERRNO`).
fn carries_odd_data(action: Action) -> bool {
    match action {
        Action::Trap(data) => data != 0,
        Action::Errno(data) | Action::Trace(data) => data > errno::MAX,
        _ => false,
    }
}

/// The rules of one call on all architectures that have it; none where it gets the default.
///
/// Conditions on 64 bits say something about 32-bit ABIs, too, so that those have to agree with what they see of them.
fn agreed<'r>(
    numbers: impl Iterator<Item = (Arch, u32, &'r Rules)>,
    default: Action,
) -> Result<Vec<Path>, Inexpressible> {
    let mut all: Vec<_> =
        numbers.map(|(arch, nr, rules)| (arch, nr, pair::clauses(rules, arch, nr))).collect();
    all.sort_by_key(|(arch, ..)| std::cmp::Reverse(arch.arg_bits()));
    let Some(((arch, nr, clauses), rest)) = all.split_first() else { return Ok(Vec::new()) };
    let too_many = |arch: Arch, nr: u32| Inexpressible::TooMany { arch, nr };
    for (other, number, theirs) in rest {
        let ours = if other.arg_bits() < arch.arg_bits() { pair::narrowed(clauses) } else { clauses.clone() };
        let differing = pair::differing(*other, &ours, theirs).ok_or(too_many(*other, *number))?;
        if let Some((args, left, right)) = differing.into_iter().next() {
            let (one, other) =
                (Call { arch: *arch, nr: *nr, args }, Call { arch: *other, nr: *number, args });
            return Err(Inexpressible::Architectures { one, other, left, right });
        }
    }
    let paths =
        tree::paths(clauses, Shape { width: arch.arg_bits(), default }).ok_or(too_many(*arch, *nr))?;
    match paths.iter().find(|(_, action)| carries_odd_data(*action)) {
        Some((_, action)) => {
            Err(Inexpressible::Data { call: Call { arch: *arch, nr: *nr, args: [0; 6] }, action: *action })
        }
        None => Ok(paths),
    }
}

/// Rules in the order they are read in: those without conditions by action, then the others by name. Calls that are
/// treated alike share rules.
fn written(calls: BTreeMap<Vec<Path>, Vec<&'static str>>) -> Vec<Rule> {
    let mut calls: Vec<_> = calls.into_iter().collect();
    let key = |paths: &[Path], names: &[&'static str]| match paths {
        [(conditions, action)] if conditions.is_empty() => (Some(Reverse(*action)), None),
        _ => (None, names.first().copied()),
    };
    calls.sort_by_key(|(paths, names)| (key(paths, names).0.is_none(), key(paths, names)));
    let rules = calls.into_iter().flat_map(|(paths, names)| {
        let rule = move |(conditions, action)| Rule {
            conditions,
            ..Rule::new(names.iter().map(|name| (*name).to_owned()), action)
        };
        paths.into_iter().map(rule)
    });
    rules.collect()
}
