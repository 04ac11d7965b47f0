//! Clauses on 64-bit arguments as tests of 32-bit words, which is all that a filter can load.

use callgate_core::set::{ArgBox, ArgSet};

use crate::insn::OFFSET_ARGS;

/// One of twelve words: twice the argument's index, and one more for the upper half.
pub(crate) type Word = u8;

/// Where a word stands in `struct seccomp_data`.
pub(crate) fn offset(word: Word, big_endian: bool) -> u32 {
    OFFSET_ARGS + 4 * u32::from(word ^ u8::from(big_endian))
}

/// What one 32-bit word has to satisfy: an interval, a mask, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Need {
    pub(crate) word: Word,
    pub(crate) min: u32,
    pub(crate) max: u32,
    pub(crate) mask: u32,
    pub(crate) bits: u32,
}

impl Need {
    fn interval(word: Word, min: u32, max: u32) -> Self {
        Self { word, min, max, mask: 0, bits: 0 }
    }

    /// Whether every value will do.
    pub(super) fn is_any(&self) -> bool {
        (self.min, self.max, self.mask) == (0, u32::MAX, 0)
    }

    /// Whether one value at least will do, as far as that is cheap to see.
    pub(crate) fn set(&self) -> ArgSet {
        ArgSet { min: self.min.into(), max: self.max.into(), mask: self.mask.into(), bits: self.bits.into() }
    }
}

/// What has to hold of all words for a value to be returned; words that may be anything are not in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Residual {
    pub(crate) needs: Vec<Need>,
    pub(crate) ret: u32,
}

/// A clause as alternatives, at most three for each argument whose bounds differ in their upper halves.
pub(crate) fn residuals((args, ret): &(ArgBox, u32), bits: u32) -> Vec<Residual> {
    let mut found = vec![Residual { needs: Vec::new(), ret: *ret }];
    for (index, set) in args.args().iter().enumerate().filter(|(_, set)| !set.is_any()) {
        let alternatives = argument(2 * index as Word, set, bits);
        found = found
            .iter()
            .flat_map(|before| {
                alternatives.iter().map(move |needs| {
                    let needs =
                        before.needs.iter().chain(needs.iter().filter(|n| !n.is_any())).copied().collect();
                    Residual { needs, ret: before.ret }
                })
            })
            .collect();
    }
    found
}

/// The words of one argument, of which `low` is the lower one. Upper halves are zero where registers have 32 bits.
pub(super) fn argument(low: Word, set: &ArgSet, bits: u32) -> Vec<Vec<Need>> {
    let within = ArgSet::range(0, if bits > 32 { u64::MAX } else { 0xffff_ffff });
    let Some(set) = set.intersect(&within).and_then(|set| set.relaxed()) else { return Vec::new() };
    let half = |value: u64| (value as u32, (value >> 32) as u32);
    let ((low_min, high_min), (low_max, high_max)) = (half(set.min), half(set.max));
    let ((low_mask, high_mask), (low_bits, high_bits)) = (half(set.mask), half(set.bits));
    let masked = |need: Need| {
        let (mask, bits) = if need.word == low { (low_mask, low_bits) } else { (high_mask, high_bits) };
        plain(Need { mask, bits, ..need })
    };
    let high = low + 1;
    let part = |(low_min, low_max): (u32, u32), (high_min, high_max): (u32, u32)| {
        let mut needs = vec![masked(Need::interval(low, low_min, low_max))];
        if bits > 32 {
            needs.push(masked(Need::interval(high, high_min, high_max)));
        }
        needs
    };
    if high_min == high_max {
        // Above the bits in which the bounds differ nothing is compared: the upper half is known.
        return vec![part((low_min, low_max), (high_min, high_max))];
    }
    let mut parts = Vec::new();
    let from = if low_min == 0 { high_min } else { high_min + 1 };
    let to = if low_max == u32::MAX { high_max } else { high_max - 1 };
    if low_min != 0 {
        parts.push(part((low_min, u32::MAX), (high_min, high_min)));
    }
    if from <= to {
        parts.push(part((0, u32::MAX), (from, to)));
    }
    if low_max != u32::MAX {
        parts.push(part((0, low_max), (high_max, high_max)));
    }
    parts
}

/// A mask that leaves out the lowest bits only, or none, is an interval: so are rules written that mean a range, since OCI
/// has no other way to say *neither this value nor that one*.
fn plain(need: Need) -> Need {
    let low = !need.mask;
    if low & low.wrapping_add(1) != 0 {
        return need;
    }
    let (min, max) = (need.min.max(need.bits), need.max.min(need.bits | low));
    // What holds nothing stays as it is: no interval says that.
    if min <= max { Need::interval(need.word, min, max) } else { need }
}

#[cfg(test)]
mod tests {
    use super::*;
    use callgate_core::set::Op;
    use proptest::prelude::*;

    fn holds(residual: &Residual, args: &[u64; 6]) -> bool {
        residual.needs.iter().all(|need| {
            let arg = args[usize::from(need.word / 2)];
            let word = if need.word % 2 == 0 { arg as u32 } else { (arg >> 32) as u32 };
            need.set().contains(word.into())
        })
    }

    fn word() -> impl Strategy<Value = u64> {
        prop_oneof![
            0u64..4,
            any::<u64>(),
            (0u64..3, 0u64..3).prop_map(|(h, l)| h << 32 | l),
            Just(u64::MAX),
            Just(0xffff_ffff)
        ]
    }

    proptest! {
        #[test]
        fn the_words_say_what_the_clause_says(
            op in 0usize..7, a in word(), b in word(), second in (0usize..7, word(), word()), probe in word(), bits in prop_oneof![Just(32), Just(64)],
        ) {
            let conditions = [(1, Op::ALL[op].0, a, b), (1, Op::ALL[second.0].0, second.1, second.2)];
            for args in ArgBox::from_conditions(&conditions) {
                let found = residuals(&(args, 1), bits);
                for value in [probe, a, b, a.wrapping_add(1), a.wrapping_sub(1), second.1, second.2, a ^ 1 << 32] {
                    let value = if bits == 32 { value & 0xffff_ffff } else { value };
                    let vector = [0, value, 0, 0, 0, 0];
                    prop_assert_eq!(found.iter().any(|r| holds(r, &vector)), args.contains(&vector), "{:?} {:x}", found, value);
                }
            }
        }
    }
}
