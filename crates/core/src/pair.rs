//! Two meanings beside each other: where they differ, and a third made of both, call by call.

use std::collections::{BTreeMap, BTreeSet};

use crate::action::Action;
use crate::arch::Arch;
use crate::call::Call;
use crate::meaning::{Clause, Meaning, Rules};
use crate::set::{ArgBox, ArgSet, Region, exists};
use crate::sysno;

/// More pairs of clauses of one call are not gone through. Docker's default has ten.
const MAX_PAIRS: usize = 1 << 21;

/// So many edges are tried before the algebra is asked.
const MAX_TRIES: usize = 64;

/// Calls of one number that two meanings treat differently, in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// One of them.
    pub witness: Call,
    /// Whether it depends on arguments.
    pub conditional: bool,
    /// Whether it is so for numbers without a name that neither meaning has rules for; the witness's is the first of them.
    pub nameless: bool,
    /// What the first does with them.
    pub before: Action,
    /// What the second does with them.
    pub after: Action,
}

/// A call with more alternatives than can be gone through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} of {arch} has too many rules with conditions to compare", sysno::name(*arch, *nr).unwrap_or("a number without a name"))]
pub struct TooMany {
    /// The architecture.
    pub arch: Arch,
    /// The number of the call.
    pub nr: u32,
}

/// What 32 bits can hold.
const LOW: ArgSet = ArgSet { min: 0, max: 0xffff_ffff, mask: 0, bits: 0 };

/// The clauses of one number, the last one for all arguments that no other speaks of; cut to what the ABI passes on.
pub(crate) fn clauses(rules: &Rules, arch: Arch, nr: u32) -> Vec<Clause> {
    let mut all = rules.calls.get(&nr).cloned().unwrap_or_default();
    all.push(Clause::any(rules.otherwise(nr)));
    let mut all = if arch.arg_bits() == 32 { narrowed(&all) } else { all };
    let end = all.iter().position(|c| c.args.is_any()).map_or(all.len(), |at| at + 1);
    all.truncate(end);
    all
}

/// The same clauses as an ABI with 32-bit arguments sees them: upper halves are zero there.
pub(crate) fn narrowed(clauses: &[Clause]) -> Vec<Clause> {
    let narrow = |clause: &Clause| {
        let side = |args: ArgBox, index| {
            let set = args.arg(index).intersect(&LOW)?;
            Some(args.with(index, if set == LOW { ArgSet::ANY } else { set }))
        };
        Some(Clause { args: (0..6).try_fold(clause.args, side)?, action: clause.action })
    };
    clauses.iter().filter_map(narrow).collect()
}

/// All arguments there are on an architecture.
fn whole(arch: Arch) -> ArgBox {
    let side = if arch.arg_bits() == 32 { LOW } else { ArgSet::ANY };
    (0..6).fold(ArgBox::ANY, |all, index| all.with(index, side))
}

/// Every pair of clauses that can decide together, first match first: the arguments both speak of.
fn pairs<'c>(
    left: &'c [Clause],
    right: &'c [Clause],
) -> impl Iterator<Item = (ArgBox, Action, Action)> + use<'c> {
    left.iter().flat_map(move |a| {
        right.iter().filter_map(move |b| Some((a.args.intersect(&b.args)?, a.action, b.action)))
    })
}

/// Arguments for which two lists of clauses, which decide about all arguments, do not agree: one example for each pair of
/// actions, in the order of the actions. `None`: there are too many of them.
pub(crate) fn differing(
    arch: Arch,
    left: &[Clause],
    right: &[Clause],
) -> Option<Vec<([u64; 6], Action, Action)>> {
    if left == right {
        return Some(Vec::new());
    }
    if left.len().saturating_mul(right.len()) > MAX_PAIRS {
        return None;
    }
    let whole = whole(arch);
    let mut found: BTreeMap<(Action, Action), [u64; 6]> = BTreeMap::new();
    let mut decided: Vec<ArgBox> = Vec::new();
    for (args, a, b) in pairs(left, right) {
        if a != b
            && !found.contains_key(&(a, b))
            && let Some(example) = args.intersect(&whole).and_then(|args| outside(&args, &decided))
        {
            found.insert((a, b), example);
        }
        decided.push(args);
    }
    Some(found.into_iter().map(|((a, b), args)| (args, a, b)).collect())
}

/// Arguments in the box that no earlier one has.
fn outside(args: &ArgBox, earlier: &[ArgBox]) -> Option<[u64; 6]> {
    let first = args.witness()?;
    let free = |point: &[u64; 6]| args.contains(point) && !earlier.iter().any(|b| b.contains(point));
    // Beside the edges of what was decided there mostly is one; only where there is none, the algebra has to tell.
    let beside = |index: usize, value: u64| {
        let mut point = first;
        point[index] = value;
        point
    };
    let edges = earlier.iter().take(MAX_TRIES).flat_map(|b| {
        (0..6).flat_map(|index| {
            let set = b.arg(index);
            [set.max.checked_add(1), set.min.checked_sub(1)].into_iter().flatten().map(move |v| (index, v))
        })
    });
    let tries = edges.map(|(index, value)| beside(index, value));
    if let Some(point) = [first].into_iter().chain(tries).find(free) {
        return Some(point);
    }
    let rest = earlier.iter().filter(|b| b.intersect(args).is_some());
    rest.fold(
        Region::from(*args),
        |left, b| if left.is_empty() { left } else { left.difference(&(*b).into()) },
    )
    .witness()
}

/// All calls that two meanings treat differently: by architecture, number and pair of actions, in order.
///
/// Every number that has a name or a rule is looked at; of the others, which all are treated alike up to a boundary, the
/// first stands for all. Architectures without a table are not calls; see [`Meaning::bad_arch`].
pub fn differences(before: &Meaning, after: &Meaning) -> Result<Vec<Difference>, TooMany> {
    let mut found = Vec::new();
    let arches: BTreeSet<Arch> = before.arches.keys().chain(after.arches.keys()).copied().collect();
    for arch in arches {
        let (left, right) = (rules(before, arch), rules(after, arch));
        let listed: BTreeSet<u32> = sysno::table(arch)
            .iter()
            .map(|entry| entry.nr)
            .chain(left.calls.keys().chain(right.calls.keys()).copied())
            .filter(|nr| exists(arch, *nr))
            .collect();
        for nr in &listed {
            let (left, right) = (clauses(&left, arch, *nr), clauses(&right, arch, *nr));
            let parts = differing(arch, &left, &right).ok_or(TooMany { arch, nr: *nr })?;
            let conditional = left.len() + right.len() > 2;
            found.extend(parts.into_iter().map(|(args, before, after)| {
                let witness = Call { arch, nr: *nr, args };
                Difference { witness, conditional, nameless: false, before, after }
            }));
        }
        found.extend(nameless(arch, (&left, &right), &listed));
    }
    Ok(found)
}

/// The numbers that are not listed: one difference for each stretch that is treated alike.
fn nameless(arch: Arch, (left, right): (&Rules, &Rules), listed: &BTreeSet<u32>) -> Vec<Difference> {
    let starts: BTreeSet<u32> = left
        .beyond
        .keys()
        .chain(right.beyond.keys())
        .copied()
        .chain([0, crate::arch::X32_BIT, u32::MAX])
        .collect();
    let ends = starts.iter().skip(1).map(|from| from - 1).chain([u32::MAX]);
    let mut found: Vec<Difference> = Vec::new();
    for (from, end) in starts.iter().zip(ends) {
        let (before, after) = (left.otherwise(*from), right.otherwise(*from));
        // A stretch exists as a whole or not at all: what takes numbers away are the boundaries put in above.
        let first = (*from..=end).take_while(|nr| exists(arch, *nr)).find(|nr| !listed.contains(nr));
        let told = found.iter().any(|d| (d.before, d.after) == (before, after));
        if let (true, Some(nr)) = (before != after && !told, first) {
            let witness = Call { arch, nr, args: [0; 6] };
            found.push(Difference { witness, conditional: false, nameless: true, before, after });
        }
    }
    found
}

/// The rules of an architecture; of one that is not judged by rules, those that say so.
fn rules(meaning: &Meaning, arch: Arch) -> Rules {
    meaning.arches.get(&arch).cloned().unwrap_or_else(|| Rules::new(meaning.bad_arch))
}

/// What does with every call what `act` makes of what the two do with it.
pub fn combine(
    left: &Meaning,
    right: &Meaning,
    act: impl Fn(Action, Action) -> Action,
) -> Result<Meaning, TooMany> {
    let arches: BTreeSet<Arch> = left.arches.keys().chain(right.arches.keys()).copied().collect();
    let both = |arch: Arch| Ok((arch, combined(arch, &rules(left, arch), &rules(right, arch), &act)?));
    let arches = arches.into_iter().map(both).collect::<Result<_, TooMany>>()?;
    Ok(Meaning { arches, bad_arch: act(left.bad_arch, right.bad_arch) })
}

/// The same for the calls of one architecture.
fn combined(
    arch: Arch,
    left: &Rules,
    right: &Rules,
    act: &impl Fn(Action, Action) -> Action,
) -> Result<Rules, TooMany> {
    let numbers: BTreeSet<u32> = left.calls.keys().chain(right.calls.keys()).copied().collect();
    let call = |nr| {
        let (a, b) = (clauses(left, arch, nr), clauses(right, arch, nr));
        if a.len().saturating_mul(b.len()) > MAX_PAIRS {
            return Err(TooMany { arch, nr });
        }
        let made = pairs(&a, &b).map(|(args, a, b)| Clause { args, action: act(a, b) }).collect();
        Ok((nr, made))
    };
    let starts = left.beyond.keys().chain(right.beyond.keys());
    Ok(Rules {
        calls: numbers.into_iter().map(call).collect::<Result<_, _>>()?,
        default: act(left.default, right.default),
        beyond: starts.map(|from| (*from, act(left.otherwise(*from), right.otherwise(*from)))).collect(),
    })
}

/// One list of clauses for two, the second of `arch`, that only differ in what is logged: logged where either says so.
/// `None`: they differ more.
pub(crate) fn logged(arch: Arch, left: &[Clause], right: &[Clause]) -> Option<Vec<Clause>> {
    let act = |a: Action, b: Action| match (a, b) {
        _ if a == b => Some(a),
        (Action::Allow | Action::Log, Action::Allow | Action::Log) => Some(Action::Log),
        _ => None,
    };
    if left.len().saturating_mul(right.len()) > MAX_PAIRS {
        return None;
    }
    let whole = whole(arch);
    let mut decided = Vec::new();
    let mut made = Vec::new();
    for (args, a, b) in pairs(left, right) {
        let Some(args) = args.intersect(&whole) else { continue };
        match act(a, b) {
            Some(action) => made.push(Clause { args, action }),
            // Two that no arguments meet in do not matter.
            None if outside(&args, &decided).is_none() => {}
            None => return None,
        }
        decided.push(args);
    }
    // About what is beyond 32 bits the other architecture has no say.
    made.extend_from_slice(left);
    Some(made)
}

/// Whether a list of clauses for 64-bit arguments, or for those of `arch`, says the same there as another.
pub(crate) fn agree(arch: Arch, left: &[Clause], right: &[Clause]) -> bool {
    let left = if arch.arg_bits() == 32 { narrowed(left) } else { left.to_vec() };
    differing(arch, &left, right).is_some_and(|found| found.is_empty())
}
