//! What is done to the clauses of a call before they become a graph: small steps, each of which leaves the meaning as it
//! is, in turns until none changes anything.

use callgate_core::set::{ArgBox, ArgSet};

/// A clause: arguments in the box get the value. The first that holds decides.
pub(crate) type Alternative = (ArgBox, u32);

/// The clauses of a call on an ABI with registers of `bits` bits, and what happens to all other arguments.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Chain {
    pub(crate) clauses: Vec<Alternative>,
    pub(crate) otherwise: u32,
    pub(crate) bits: u32,
}

/// A step: whether it changed something.
type Pass = fn(&mut Chain) -> bool;

/// In this order: what drops clauses comes before what compares them with each other.
const PASSES: [Pass; 6] = [narrow, stop, shadowed, trailing, flags, join];

/// Above so many clauses they are not compared each with each: that would take longer than it is worth.
const FEW: usize = 64;

/// Does all there is to do.
pub(crate) fn simplify(chain: &mut Chain) {
    // Every pass that reports a change removed a clause or a bound; so this ends.
    while PASSES.iter().any(|pass| pass(chain)) {}
}

/// Cuts to what the registers hold: what cannot occur is dropped, and a side that holds all that can holds everything.
fn narrow(chain: &mut Chain) -> bool {
    if chain.bits == 64 {
        return drop_if(chain, |(args, _), _| args.is_empty());
    }
    let all = ArgSet::range(0, 0xffff_ffff);
    let mut changed = false;
    for (args, _) in &mut chain.clauses {
        for index in 0..6 {
            // One that holds nothing is left to be dropped below.
            let cut = args.arg(index).intersect(&all).unwrap_or(ArgSet::range(1, 0));
            let cut = if cut == all { ArgSet::ANY } else { cut };
            if !args.arg(index).is_any() && cut != *args.arg(index) {
                *args = args.with(index, cut);
                changed = true;
            }
        }
    }
    drop_if(chain, |(args, _), _| args.is_empty()) || changed
}

/// Nothing comes behind a clause for all arguments: it is what happens otherwise.
fn stop(chain: &mut Chain) -> bool {
    let Some(at) = chain.clauses.iter().position(|(args, _)| args.is_any()) else { return false };
    chain.otherwise = chain.clauses[at].1;
    chain.clauses.truncate(at);
    true
}

/// A clause all of which an earlier one holds never decides.
fn shadowed(chain: &mut Chain) -> bool {
    if chain.clauses.len() > FEW {
        return false;
    }
    drop_if(chain, |(args, _), before| {
        before.iter().any(|(earlier, _)| earlier.intersect(args).is_some_and(|both| both == *args))
    })
}

/// The last clauses say nothing where they say what happens anyway.
fn trailing(chain: &mut Chain) -> bool {
    let before = chain.clauses.len();
    while chain.clauses.last().is_some_and(|(_, ret)| *ret == chain.otherwise) {
        chain.clauses.pop();
    }
    chain.clauses.len() != before
}

/// Clauses with one value, next to each other in the list, become one where their union is a box: neighbouring values a
/// range, and values that differ in bits that do not matter a mask.
fn join(chain: &mut Chain) -> bool {
    if chain.clauses.len() > FEW {
        return false;
    }
    for i in 0..chain.clauses.len() {
        let (args, ret) = chain.clauses[i];
        // Between equal values the order does not matter.
        let alike = chain.clauses[i + 1..].iter().take_while(|(_, other)| *other == ret);
        let found = alike
            .enumerate()
            .find_map(|(j, (other, _))| Some((i + 1 + j, args.merge(other).filter(is_cheap)?)));
        if let Some((j, merged)) = found {
            chain.clauses[i].0 = merged;
            chain.clauses.remove(j);
            return true;
        }
    }
    false
}

/// Whether testing the union takes no more than testing the parts: a mask costs one instruction where the lower half's
/// bits have to be zero, and three otherwise, dearer than two values.
fn is_cheap(args: &ArgBox) -> bool {
    args.args().iter().all(|set| set.mask == 0 || set.relaxed().is_some_and(|s| s.bits as u32 == 0))
}

/// Values that are every combination of some flags, none of them included, are one mask: one instruction instead of one
/// for each value.
fn flags(chain: &mut Chain) -> bool {
    if chain.clauses.len() > FEW {
        return false;
    }
    for i in 0..chain.clauses.len() {
        let (args, ret) = chain.clauses[i];
        let Some(index) = (0..6).find(|index| args.arg(*index).single() == Some(0)) else { continue };
        let alike: Vec<u64> = chain.clauses[i + 1..]
            .iter()
            .take_while(|(_, other)| *other == ret)
            .filter(|(other, _)| other.with(index, *args.arg(index)) == args)
            .filter_map(|(other, _)| other.arg(index).single())
            .collect();
        let free = free_bits(&alike);
        if free != 0 {
            let covered = |other: &ArgBox| other.arg(index).single().is_some_and(|value| value & !free == 0);
            let same = |other: &ArgBox| other.with(index, *args.arg(index)) == args && covered(other);
            let end = chain.clauses[i..].iter().take_while(|(_, other)| *other == ret).count() + i;
            let mut place = 0..;
            chain.clauses.retain(|(other, _)| {
                let at = place.next().unwrap_or(end);
                at <= i || at >= end || !same(other)
            });
            chain.clauses[i].0 = args.with(index, ArgSet::masked(!free, 0));
            return true;
        }
    }
    false
}

/// The bits of which every combination is among the values; zero is there.
fn free_bits(values: &[u64]) -> u64 {
    let mut combinations = vec![0_u64];
    for bit in values.iter().copied().filter(|value| value.is_power_of_two()) {
        let more: Vec<_> = combinations.iter().map(|value| value | bit).collect();
        if more.iter().all(|value| values.contains(value)) {
            combinations.extend(more);
        }
    }
    combinations.into_iter().fold(0, |all, value| all | value)
}

/// Drops clauses for which this holds, seen with those that stay before them.
fn drop_if(chain: &mut Chain, unwanted: impl Fn(&Alternative, &[Alternative]) -> bool) -> bool {
    let before = chain.clauses.len();
    let mut kept: Vec<Alternative> = Vec::with_capacity(before);
    for clause in &chain.clauses {
        if !unwanted(clause, &kept) {
            kept.push(*clause);
        }
    }
    chain.clauses = kept;
    chain.clauses.len() != before
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(bits: u32, clauses: &[(ArgSet, u32)]) -> Chain {
        let clauses = clauses.iter().map(|(set, ret)| (ArgBox::any().with(1, *set), *ret)).collect();
        Chain { clauses, otherwise: 0, bits }
    }

    /// What is left of clauses on one argument.
    fn left(pass: Pass, bits: u32, clauses: &[(ArgSet, u32)]) -> (Vec<(ArgSet, u32)>, u32) {
        let mut chain = chain(bits, clauses);
        pass(&mut chain);
        (chain.clauses.iter().map(|(args, ret)| (*args.arg(1), *ret)).collect(), chain.otherwise)
    }

    #[test]
    fn every_pass_does_what_it_is_there_for() {
        let one = ArgSet::exactly;
        let any = ArgSet::any();
        let high = ArgSet::range(1 << 32, u64::MAX);
        assert_eq!(left(narrow, 32, &[(high, 7), (one(3), 7)]), (vec![(one(3), 7)], 0));
        assert_eq!(left(narrow, 64, &[(high, 7)]), (vec![(high, 7)], 0));
        assert_eq!(left(narrow, 32, &[(ArgSet::range(0, 0xffff_ffff), 7)]), (vec![(any, 7)], 0));
        assert_eq!(left(stop, 64, &[(one(3), 7), (any, 8), (one(4), 9)]), (vec![(one(3), 7)], 8));
        assert_eq!(
            left(shadowed, 64, &[(ArgSet::range(0, 9), 7), (one(3), 8)]),
            (vec![(ArgSet::range(0, 9), 7)], 0)
        );
        assert_eq!(left(trailing, 64, &[(one(3), 7), (one(4), 0)]), (vec![(one(3), 7)], 0));
        assert_eq!(left(join, 64, &[(one(3), 7), (one(5), 7), (one(4), 7)]).0.len(), 2);
        assert_eq!(left(join, 64, &[(one(3), 7), (one(9), 8), (one(4), 7)]).0.len(), 3);
    }

    #[test]
    fn flags_that_may_or_may_not_be_set_become_one_mask() {
        let mut personality =
            chain(64, &[0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff].map(|value| (ArgSet::exactly(value), 7)));
        simplify(&mut personality);
        let sets: Vec<_> = personality.clauses.iter().map(|(args, _)| *args.arg(1)).collect();
        assert_eq!(sets, [ArgSet::masked(!0x2_0008, 0), ArgSet::exactly(0xffff_ffff)]);
        // Two values that need a mask and a comparison stay what they are.
        let mut two = chain(64, &[(ArgSet::exactly(5), 7), (ArgSet::exactly(0x105), 7)]);
        simplify(&mut two);
        assert_eq!(two.clauses.len(), 2);
    }
}
