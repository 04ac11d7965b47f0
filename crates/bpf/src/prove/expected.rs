//! What a meaning says of all inputs of a path at once.

use std::ops::RangeInclusive;

use callgate_core::arch::X32_BIT;
use callgate_core::meaning::{Clause, Meaning, Rules};
use callgate_core::set::ArgSet;
use callgate_core::{Action, Arch};

use super::Undecided;
use super::region::{Region, Values};
use super::walk::Budget;
use crate::insn::{OFFSET_ARGS, is_big_endian};

/// The word of `struct seccomp_data`, by its index, that holds a half of an argument.
pub(super) fn word(arch: Arch, index: usize, upper: bool) -> usize {
    let first = OFFSET_ARGS as usize / 4 + 2 * index;
    first + usize::from(upper != is_big_endian(arch.token()))
}

/// A meaning, and how much may be done to compare with it.
pub(super) struct Expected<'m> {
    pub(super) meaning: &'m Meaning,
    pub(super) budget: &'m Budget,
}

/// Inputs that differ, where there are any.
type Found = Result<Option<Region>, Undecided>;

impl Expected<'_> {
    /// Inputs of `region`, which are of one architecture or of none that has a table, with which the meaning does something
    /// else than `action`.
    pub(super) fn differing(&self, region: &Region, action: Action) -> Found {
        let token = region.0[1].single();
        let bad = self.meaning.bad_arch != action;
        let Some(token) = token.filter(|token| Arch::split(*token, 0).is_some()) else {
            return Ok(bad.then(|| region.clone()));
        };
        for (arch, numbers, offset) in stretches(token) {
            let set = ArgSet::range((*numbers.start()).into(), (*numbers.end()).into());
            let region = region.within(&[(0, set)]);
            let found = match self.meaning.arches.get(&arch) {
                _ if region.is_empty() => None,
                None => bad.then_some(region),
                Some(rules) => self.of_rules(rules, &region, (arch, offset), action)?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn of_rules(&self, rules: &Rules, region: &Region, (arch, offset): (Arch, u32), action: Action) -> Found {
        let numbers = &region.0[0];
        let ends = numbers
            .0
            .iter()
            .fold((u64::MAX, 0), |(min, max), piece| (min.min(piece.min), max.max(piece.max)));
        let in_rules = |raw: u64| (raw as u32).wrapping_sub(offset);
        let exactly = |nr: u32| ArgSet::exactly((nr + offset).into());
        let taken = |nr: u32| numbers.0.iter().any(|piece| piece.contains((nr + offset).into()));
        let spoken = rules.calls.range(in_rules(ends.0)..=in_rules(ends.1)).filter(|(nr, _)| taken(**nr));
        let mut others = numbers.clone();
        for (nr, clauses) in spoken {
            self.budget.spend(1)?;
            let unconditional =
                clauses.first().is_some_and(|clause| clause.args.is_any() && clause.action == action);
            if !unconditional {
                let of_number = region.within(&[(0, exactly(*nr))]);
                let otherwise = rules.otherwise(*nr);
                let found = self.of_clauses(clauses, otherwise, (&of_number, arch), action)?;
                if found.is_some() {
                    return Ok(found);
                }
            }
            if rules.otherwise(*nr) != action {
                self.budget.spend(others.0.len())?;
                others = others.without(&exactly(*nr));
            }
        }
        let found = self.of_others(rules, &others, offset, action)?;
        Ok(found.map(|numbers| region.with(0, numbers)))
    }

    /// Numbers without a rule that get something else than `action`, in the first stretch with a default of its own that
    /// has any.
    fn of_others(
        &self,
        rules: &Rules,
        others: &Values,
        offset: u32,
        action: Action,
    ) -> Result<Option<Values>, Undecided> {
        let later = rules.beyond.keys().copied().filter(|from| *from > 0);
        let starts: Vec<u32> = std::iter::once(0).chain(later).collect();
        for (at, from) in starts.iter().enumerate().filter(|(_, from)| rules.otherwise(**from) != action) {
            self.budget.spend(others.0.len())?;
            let last = starts.get(at + 1).map_or(u32::MAX - offset, |next| next - 1);
            let raw = |nr: u32| u64::from(nr) + u64::from(offset);
            let stretch = ArgSet::range(raw(*from), raw(last).min(u32::MAX.into()));
            let found = others.within(&stretch);
            if !found.is_empty() {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn of_clauses(
        &self,
        clauses: &[Clause],
        default: Action,
        (region, arch): (&Region, Arch),
        action: Action,
    ) -> Found {
        let live: Vec<&Clause> = clauses.iter().collect();
        Arguments { budget: self.budget, arch, action }.differing(region, (&live, default), 0)
    }
}

/// The raw numbers of a token: which architecture's they are, and which of them is its number 0; see [`Arch::split`].
fn stretches(token: u32) -> Vec<(Arch, RangeInclusive<u32>, u32)> {
    if token == Arch::X86_64.token() {
        return vec![
            (Arch::X86_64, 0..=X32_BIT - 1, 0),
            (Arch::X32, X32_BIT..=u32::MAX - 1, X32_BIT),
            (Arch::X86_64, u32::MAX..=u32::MAX, 0),
        ];
    }
    Arch::split(token, 0).map(|(arch, _)| (arch, 0..=u32::MAX, 0)).into_iter().collect()
}

/// Compares the clauses of one number, argument by argument.
struct Arguments<'b> {
    budget: &'b Budget,
    arch: Arch,
    action: Action,
}

/// Values of one argument that the same clauses hold: lower half, upper half, and which clauses.
type Class = (Values, Values, Vec<bool>);

impl Arguments<'_> {
    /// `live` are the clauses that may hold by the arguments before `index`, in their order; if none does, `default` counts.
    fn differing(&self, region: &Region, (live, default): (&[&Clause], Action), index: usize) -> Found {
        let asks = |clause: &Clause, index: usize| !clause.args.arg(index).is_any();
        // The first that asks nothing more decides, and nothing comes behind it.
        let end = live.iter().position(|clause| !(index..6).any(|index| asks(clause, index)));
        let otherwise = end.map_or(default, |at| live[at].action);
        let live = &live[..end.unwrap_or(live.len())];
        let last = live.iter().rposition(|clause| clause.action != otherwise).map_or(0, |at| at + 1);
        let live = &live[..last];
        let Some(index) = (index..6).find(|index| live.iter().any(|clause| asks(clause, *index))) else {
            return Ok((otherwise != self.action).then(|| region.clone()));
        };
        let (low, high) = (word(self.arch, index, false), word(self.arch, index, true));
        let mut done: Vec<Vec<bool>> = Vec::new();
        for (lows, highs, holds) in self.classes(region, live, index)? {
            // What comes after this argument is the same for all values that the same clauses hold.
            if done.contains(&holds) {
                continue;
            }
            let left: Vec<&Clause> =
                live.iter().zip(&holds).filter(|(_, holds)| **holds).map(|(c, _)| *c).collect();
            let found =
                self.differing(&region.with(low, lows).with(high, highs), (&left, otherwise), index + 1)?;
            if found.is_some() {
                return Ok(found);
            }
            done.push(holds);
        }
        Ok(None)
    }

    /// Takes the values of an argument apart by which clauses hold them.
    fn classes(&self, region: &Region, live: &[&Clause], index: usize) -> Result<Vec<Class>, Undecided> {
        let (low, high) = (word(self.arch, index, false), word(self.arch, index, true));
        let any = live.iter().map(|clause| clause.args.arg(index).is_any()).collect();
        let mut classes: Vec<Class> = vec![(region.0[low].clone(), region.0[high].clone(), any)];
        let sets = live.iter().map(|clause| clause.args.arg(index)).filter(|set| !set.is_any());
        let mut sets: Vec<&ArgSet> = sets.collect();
        sets.sort_unstable();
        sets.dedup();
        for set in sets {
            let mut next = Vec::with_capacity(classes.len() + 1);
            for (lows, highs, holds) in classes {
                let mut outside = vec![(lows, highs)];
                for (low, high) in halves(set) {
                    let mut rest = Vec::new();
                    for (lows, highs) in outside {
                        self.budget.spend(1 + lows.0.len() + highs.0.len())?;
                        let (inside, upper) = (lows.within(&low), highs.within(&high));
                        if inside.is_empty() || upper.is_empty() {
                            rest.push((lows, highs));
                            continue;
                        }
                        rest.push((lows.without(&low), highs.clone()));
                        rest.push((inside.clone(), highs.without(&high)));
                        let with = live.iter().zip(&holds).map(|(c, held)| *held || c.args.arg(index) == set);
                        next.push((inside, upper, with.collect()));
                    }
                    outside = rest;
                    outside.retain(|(lows, highs)| !lows.is_empty() && !highs.is_empty());
                }
                next.extend(outside.into_iter().map(|(lows, highs)| (lows, highs, holds.clone())));
            }
            classes = next;
        }
        Ok(classes)
    }
}

/// The lower and upper halves of the members of a set, disjoint: those with the upper half of the smallest member, with
/// that of the largest, and all between.
///
/// The compiler cuts sets into words in its own way; this one follows the definition and is not shared with it.
fn halves(set: &ArgSet) -> Vec<(ArgSet, ArgSet)> {
    const LAST: u64 = 0xffff_ffff;
    let low = |min: u64, max: u64| ArgSet { min, max, mask: set.mask & LAST, bits: set.bits & LAST };
    let high = |min: u64, max: u64| ArgSet { min, max, mask: set.mask >> 32, bits: set.bits >> 32 };
    let (first, last) = (set.min >> 32, set.max >> 32);
    if first == last {
        return vec![(low(set.min & LAST, set.max & LAST), high(first, first))];
    }
    let mut found =
        vec![(low(set.min & LAST, LAST), high(first, first)), (low(0, set.max & LAST), high(last, last))];
    if first + 1 < last {
        found.push((low(0, LAST), high(first + 1, last - 1)));
    }
    found
}
