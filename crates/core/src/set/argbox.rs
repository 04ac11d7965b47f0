//! The six arguments of one call: a box with one [`ArgSet`] per side.

use super::arg::{ArgSet, Op};

/// The argument vectors whose every argument is in the set of its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArgBox([ArgSet; 6]);

impl ArgBox {
    /// Every argument vector.
    pub const ANY: Self = Self([ArgSet::ANY; 6]);

    /// Every argument vector.
    pub fn any() -> Self {
        Self::ANY
    }

    /// The same box with argument `index` (0 to 5, as everywhere here) replaced.
    #[must_use]
    pub fn with(mut self, index: usize, set: ArgSet) -> Self {
        self.0[index] = set;
        self
    }

    /// The set of argument `index`.
    pub fn arg(&self, index: usize) -> &ArgSet {
        &self.0[index]
    }

    /// All six sets.
    pub fn args(&self) -> &[ArgSet; 6] {
        &self.0
    }

    /// The arguments for which all conditions `(index, operator, value, value_two)` hold, as disjoint boxes.
    ///
    /// Several conditions may name one index. There is no argument beyond the sixth: a condition on one never holds.
    pub fn from_conditions(conditions: &[(usize, Op, u64, u64)]) -> Vec<Self> {
        let mut boxes = vec![Self::ANY];
        for &(index, op, value, value_two) in conditions {
            if index >= 6 {
                return Vec::new();
            }
            let sets = ArgSet::from_op(op, value, value_two);
            boxes = boxes
                .iter()
                .flat_map(|b| sets.iter().filter_map(|s| b.0[index].intersect(s)).map(|s| b.with(index, s)))
                .collect();
        }
        boxes
    }

    /// Whether these arguments are in the box.
    pub fn contains(&self, args: &[u64; 6]) -> bool {
        self.0.iter().zip(args).all(|(set, value)| set.contains(*value))
    }

    /// Whether every argument vector is in the box.
    pub fn is_any(&self) -> bool {
        *self == Self::ANY
    }

    /// Whether no argument vector is in the box.
    pub fn is_empty(&self) -> bool {
        self.0.iter().any(ArgSet::is_empty)
    }

    /// The smallest member of every side.
    pub fn witness(&self) -> Option<[u64; 6]> {
        let mut args = [0; 6];
        for (arg, set) in args.iter_mut().zip(&self.0) {
            *arg = set.witness()?;
        }
        Some(args)
    }

    /// What both boxes hold; `None` if that is nothing.
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        let mut both = *self;
        for (side, theirs) in both.0.iter_mut().zip(&other.0) {
            *side = side.intersect(theirs)?;
        }
        Some(both)
    }

    /// What this box holds and `other` does not, as disjoint boxes.
    pub fn subtract(&self, other: &Self) -> Vec<Self> {
        if self.is_empty() {
            return Vec::new();
        }
        let Some(both) = self.intersect(other) else { return vec![*self] };
        let mut pieces = Vec::new();
        // Cut off, side by side, what sticks out; what is left after the last side is the common part.
        let mut rest = *self;
        for index in 0..6 {
            pieces.extend(rest.0[index].subtract(&other.0[index]).into_iter().map(|s| rest.with(index, s)));
            rest.0[index] = both.0[index];
        }
        pieces
    }

    /// The union, where it is again one box and that is cheap to see: the boxes differ in one side only.
    pub fn merge(&self, other: &Self) -> Option<Self> {
        let mut differing = (0..6).filter(|i| self.0[*i] != other.0[*i]);
        match (differing.next(), differing.next()) {
            (None, _) => Some(*self),
            (Some(index), None) => self.0[index].merge(&other.0[index]).map(|set| self.with(index, set)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_on_one_index_are_all_required() {
        let boxes = ArgBox::from_conditions(&[(1, Op::Ge, 3, 0), (1, Op::Le, 5, 0), (1, Op::Ne, 4, 0)]);
        let values: Vec<u64> =
            (0..10).filter(|v| boxes.iter().any(|b| b.contains(&[9, *v, 9, 9, 9, 9]))).collect();
        assert_eq!(values, [3, 5]);
        assert!(ArgBox::from_conditions(&[(0, Op::Eq, 1, 0), (0, Op::Eq, 2, 0)]).is_empty());
    }

    #[test]
    fn a_condition_on_a_seventh_argument_never_holds() {
        assert!(ArgBox::from_conditions(&[(6, Op::Ge, 0, 0)]).is_empty());
    }

    #[test]
    fn no_conditions_hold_always() {
        assert_eq!(ArgBox::from_conditions(&[]), [ArgBox::any()]);
    }
}
