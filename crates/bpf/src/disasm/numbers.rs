//! Sets of 32-bit words, as sorted intervals.

use std::rc::Rc;

/// Disjoint intervals, both ends included, sorted, none next to another. Copies share them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Numbers(Rc<Vec<(u32, u32)>>);

impl Numbers {
    /// Every number.
    pub(super) fn all() -> Self {
        Self::range(0, u32::MAX)
    }

    /// The numbers from `first` to `last`, both included; none when `first > last`.
    pub(super) fn range(first: u32, last: u32) -> Self {
        Self(Rc::new(if first <= last { vec![(first, last)] } else { Vec::new() }))
    }

    /// The intervals.
    pub(super) fn intervals(&self) -> &[(u32, u32)] {
        &self.0
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is one of them.
    pub(super) fn contains(&self, number: u32) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= number);
        after.checked_sub(1).is_some_and(|at| number <= self.0[at].1)
    }

    /// The numbers from `first` to `last` that are in it.
    pub(super) fn within(&self, first: u32, last: u32) -> Self {
        self.intersection(&Self::range(first, last))
    }

    /// What is in both.
    pub(super) fn intersection(&self, other: &Self) -> Self {
        let (mut out, mut i, mut j) = (Vec::new(), 0, 0);
        while let (Some(a), Some(b)) = (self.0.get(i), other.0.get(j)) {
            let (first, last) = (a.0.max(b.0), a.1.min(b.1));
            if first <= last {
                out.push((first, last));
            }
            if a.1 < b.1 { i += 1 } else { j += 1 }
        }
        Self(Rc::new(out))
    }

    /// What is in either.
    pub(super) fn union(&self, other: &Self) -> Self {
        if self == other || other.is_empty() {
            return self.clone();
        }
        let mut all: Vec<(u32, u32)> = self.0.iter().chain(other.0.iter()).copied().collect();
        all.sort_unstable();
        let mut out: Vec<(u32, u32)> = Vec::with_capacity(all.len());
        for (first, last) in all {
            match out.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
                _ => out.push((first, last)),
            }
        }
        Self(Rc::new(out))
    }

    /// The numbers `n` for which a comparison with `k` holds, or does not. `None`: not to be said by a few intervals.
    pub(super) fn of_comparison(comparison: Comparison, k: u32, holds: bool) -> Option<Self> {
        let below = || k.checked_sub(1).map_or_else(|| Self::range(1, 0), |last| Self::range(0, last));
        let above =
            || k.checked_add(1).map_or_else(|| Self::range(1, 0), |first| Self::range(first, u32::MAX));
        Some(match (comparison, holds) {
            (Comparison::Equal, true) => Self::range(k, k),
            (Comparison::Equal, false) => below().union(&above()),
            (Comparison::Greater, true) => above(),
            (Comparison::Greater, false) => Self::range(0, k),
            (Comparison::GreaterOrEqual, true) => Self::range(k, u32::MAX),
            (Comparison::GreaterOrEqual, false) => below(),
            (Comparison::Bits, holds) => Self::with_bit(k, holds)?,
        })
    }

    /// The numbers with, or without, one of the highest bits. x32 is told apart by bit 30.
    fn with_bit(bit: u32, set: bool) -> Option<Self> {
        // Below bit 28 there are too many intervals.
        if !bit.is_power_of_two() || bit < 1 << 28 {
            return None;
        }
        let starts = (0..=u32::MAX / bit).filter(|block| (block & 1 == 1) == set).map(|block| block * bit);
        Some(Self(Rc::new(starts.map(|start| (start, start + (bit - 1))).collect())))
    }
}

/// How a conditional jump compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// JEQ.
    Equal,
    /// JGT.
    Greater,
    /// JGE.
    GreaterOrEqual,
    /// JSET: any common bit.
    Bits,
}

impl Comparison {
    /// Whether it holds.
    pub(super) fn holds(self, a: u32, k: u32) -> bool {
        match self {
            Self::Equal => a == k,
            Self::Greater => a > k,
            Self::GreaterOrEqual => a >= k,
            Self::Bits => a & k != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn edge() -> impl Strategy<Value = u32> {
        prop_oneof![0u32..6, (u32::MAX - 6)..=u32::MAX, Just(1 << 30), Just((1 << 30) - 1), any::<u32>()]
    }

    proptest! {
        #[test]
        fn sets_of_numbers_have_the_members_they_are_defined_to_have(
            comparisons in proptest::collection::vec((0usize..4, edge(), any::<bool>()), 1..6), probe in edge(),
        ) {
            let kinds = [Comparison::Equal, Comparison::Greater, Comparison::GreaterOrEqual, Comparison::Bits];
            let (mut both, mut either) = (Numbers::all(), Numbers::range(1, 0));
            let (mut in_both, mut in_either) = (true, false);
            for (kind, k, holds) in comparisons {
                let Some(set) = Numbers::of_comparison(kinds[kind], k, holds) else { continue };
                let member = kinds[kind].holds(probe, k) == holds;
                prop_assert_eq!(set.contains(probe), member);
                both = both.intersection(&set);
                either = either.union(&set);
                in_both &= member;
                in_either |= member;
                prop_assert_eq!(both.contains(probe), in_both);
                prop_assert_eq!(either.contains(probe), in_either);
            }
        }
    }
}
