//! Which inputs take a path: per 32-bit word of `struct seccomp_data` the values that are left.

use callgate_core::SeccompData;
use callgate_core::set::ArgSet;

use crate::insn::{DATA_SIZE, is_big_endian};

/// Words of `struct seccomp_data`.
pub(super) const WORDS: usize = DATA_SIZE as usize / 4;

/// The values of one word: disjoint sets of 32-bit values, none empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Values(pub(super) Vec<ArgSet>);

impl Values {
    /// Every value.
    pub(super) fn all() -> Self {
        Self(vec![ArgSet::range(0, u32::MAX.into())])
    }

    /// Those that are in `set`, too.
    pub(super) fn within(&self, set: &ArgSet) -> Self {
        Self(self.0.iter().filter_map(|piece| piece.intersect(set)).collect())
    }

    /// Those that are not in `set`.
    pub(super) fn without(&self, set: &ArgSet) -> Self {
        Self(self.0.iter().flat_map(|piece| piece.subtract(set)).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The smallest.
    pub(super) fn witness(&self) -> Option<u32> {
        self.0.iter().filter_map(ArgSet::witness).min().map(|value| value as u32)
    }

    /// The only one.
    pub(super) fn single(&self) -> Option<u32> {
        match self.0.as_slice() {
            [only] => only.single().map(|value| value as u32),
            _ => None,
        }
    }
}

/// A product of values over all words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Region(pub(super) [Values; WORDS]);

impl Region {
    /// Every input there is.
    pub(super) fn all() -> Self {
        Self(std::array::from_fn(|_| Values::all()))
    }

    /// How many sets it is made of: what a copy costs.
    pub(super) fn pieces(&self) -> usize {
        self.0.iter().map(|values| values.0.len()).sum()
    }

    /// The same with the values of one word replaced.
    #[must_use]
    pub(super) fn with(&self, word: usize, values: Values) -> Self {
        let mut region = self.clone();
        region.0[word] = values;
        region
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().any(Values::is_empty)
    }

    /// Those that are in this product of sets, too.
    pub(super) fn within(&self, sides: &[(usize, ArgSet)]) -> Self {
        let mut region = self.clone();
        for (word, set) in sides {
            region.0[*word] = region.0[*word].within(set);
        }
        region
    }

    /// An input that is in it.
    pub(super) fn witness(&self) -> Option<SeccompData> {
        let mut words = [0; WORDS];
        for (word, values) in words.iter_mut().zip(&self.0) {
            *word = values.witness()?;
        }
        let big_endian = is_big_endian(words[1]);
        let wide = |first: usize| {
            let (low, high) = if big_endian { (first + 1, first) } else { (first, first + 1) };
            u64::from(words[high]) << 32 | u64::from(words[low])
        };
        let args = std::array::from_fn(|index| wide(4 + 2 * index));
        Some(SeccompData { nr: words[0], arch: words[1], instruction_pointer: wide(2), args })
    }
}
