//! What a meaning says of all inputs of a path at once.

use std::ops::RangeInclusive;

use callgate_core::arch::X32_BIT;
use callgate_core::meaning::{Clause, Meaning, Rules};
use callgate_core::set::{ArgBox, ArgSet};
use callgate_core::{Action, Arch};

use super::Undecided;
use super::region::Region;
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
                let found = self.of_clauses(clauses, rules.default, (&of_number, arch), action)?;
                if found.is_some() {
                    return Ok(found);
                }
            }
            if rules.default != action {
                self.budget.spend(others.0.len())?;
                others = others.without(&exactly(*nr));
            }
        }
        Ok((rules.default != action && !others.is_empty()).then(|| region.with(0, others)))
    }

    fn of_clauses(
        &self,
        clauses: &[Clause],
        default: Action,
        (region, arch): (&Region, Arch),
        action: Action,
    ) -> Found {
        // What no clause so far has decided.
        let mut left = vec![region.clone()];
        for clause in clauses {
            for sides in products(&clause.args, arch) {
                self.budget.spend(left.iter().map(Region::pieces).sum())?;
                if clause.action != action {
                    let found =
                        left.iter().map(|region| region.within(&sides)).find(|region| !region.is_empty());
                    if found.is_some() {
                        return Ok(found);
                    }
                } else if left.iter().any(|region| !region.within(&sides).is_empty()) {
                    left = left.iter().flat_map(|region| region.without(&sides)).collect();
                }
            }
            if left.is_empty() {
                return Ok(None);
            }
        }
        Ok(left.into_iter().find(|region| default != action && !region.is_empty()))
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

/// A box as products of word sets, disjoint.
///
/// The compiler cuts boxes into words in its own way; this one follows the definition and is not shared with it.
fn products(args: &ArgBox, arch: Arch) -> Vec<Vec<(usize, ArgSet)>> {
    let mut found = vec![Vec::new()];
    for (index, set) in args.args().iter().enumerate().filter(|(_, set)| !set.is_any()) {
        let (low, high) = (word(arch, index, false), word(arch, index, true));
        let halves = halves(set);
        found = found
            .iter()
            .flat_map(|before: &Vec<_>| {
                halves.iter().map(move |(l, h)| [before.as_slice(), &[(low, *l), (high, *h)]].concat())
            })
            .collect();
    }
    found
}

/// The lower and upper halves of the members of a set: those with the upper half of the smallest member, with that of the
/// largest, and all between.
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
