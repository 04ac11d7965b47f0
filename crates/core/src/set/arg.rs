//! One argument: an interval and a bit mask at once.

/// Comparison operators of the OCI runtime-spec, `SCMP_CMP_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// Not equal.
    Ne,
    /// Less than, unsigned.
    Lt,
    /// Less or equal, unsigned.
    Le,
    /// Equal.
    Eq,
    /// Greater or equal, unsigned.
    Ge,
    /// Greater than, unsigned.
    Gt,
    /// `(argument & value) == (valueTwo & value)`.
    MaskedEq,
}

impl Op {
    /// Every operator, with its OCI name.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::Ne, "SCMP_CMP_NE"),
        (Self::Lt, "SCMP_CMP_LT"),
        (Self::Le, "SCMP_CMP_LE"),
        (Self::Eq, "SCMP_CMP_EQ"),
        (Self::Ge, "SCMP_CMP_GE"),
        (Self::Gt, "SCMP_CMP_GT"),
        (Self::MaskedEq, "SCMP_CMP_MASKED_EQ"),
    ];

    /// The OCI name.
    pub fn oci(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// Looks an OCI name up.
    pub fn from_oci(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, n)| *n == name).map(|(op, _)| *op)
    }

    /// Whether `argument` satisfies the comparison: the definition everything else is checked against.
    pub fn holds(self, argument: u64, value: u64, value_two: u64) -> bool {
        match self {
            Self::Ne => argument != value,
            Self::Lt => argument < value,
            Self::Le => argument <= value,
            Self::Eq => argument == value,
            Self::Ge => argument >= value,
            Self::Gt => argument > value,
            Self::MaskedEq => argument & value == value_two & value,
        }
    }
}

/// The values `x` of one argument with `min <= x <= max` and `x & mask == bits`.
///
/// `bits` never has a bit outside `mask`. May be empty; see [`ArgSet::witness`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArgSet {
    /// Smallest value.
    pub min: u64,
    /// Largest value.
    pub max: u64,
    /// The bits that are compared.
    pub mask: u64,
    /// What they must be.
    pub bits: u64,
}

impl ArgSet {
    /// Every value.
    pub const ANY: Self = Self { min: 0, max: u64::MAX, mask: 0, bits: 0 };

    /// Every value.
    pub fn any() -> Self {
        Self::ANY
    }

    /// One value.
    pub fn exactly(value: u64) -> Self {
        Self::range(value, value)
    }

    /// The values from `min` to `max`, both included; empty when `min > max`.
    pub fn range(min: u64, max: u64) -> Self {
        Self { min, max, mask: 0, bits: 0 }
    }

    /// The values `x` with `x & mask == bits & mask`.
    pub fn masked(mask: u64, bits: u64) -> Self {
        let bits = bits & mask;
        // Never empty: `bits` itself is a member.
        Self::normal(0, u64::MAX, mask, bits).unwrap_or(Self { mask, bits, ..Self::ANY })
    }

    /// The arguments for which the comparison holds, as disjoint sets: [`Op::Ne`] gives up to two, others at most one.
    ///
    /// For [`Op::MaskedEq`] `value` is the mask and `value_two` the bits, as in the runtime-spec.
    pub fn from_op(op: Op, value: u64, value_two: u64) -> Vec<Self> {
        let below = value.checked_sub(1).map(|max| Self::range(0, max));
        let above = value.checked_add(1).map(|min| Self::range(min, u64::MAX));
        match op {
            Op::Ne => below.into_iter().chain(above).collect(),
            Op::Lt => below.into_iter().collect(),
            Op::Le => vec![Self::range(0, value)],
            Op::Eq => vec![Self::exactly(value)],
            Op::Ge => vec![Self::range(value, u64::MAX)],
            Op::Gt => above.into_iter().collect(),
            Op::MaskedEq => vec![Self::masked(value, value_two)],
        }
    }

    /// Whether `value` is a member.
    pub fn contains(&self, value: u64) -> bool {
        self.min <= value && value <= self.max && value & self.mask == self.bits
    }

    /// Whether every value is a member.
    pub fn is_any(&self) -> bool {
        *self == Self::ANY
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.witness().is_none()
    }

    /// The smallest member.
    pub fn witness(&self) -> Option<u64> {
        first_from(self.min, self.mask, self.bits).filter(|first| *first <= self.max)
    }

    /// The only member, if there is exactly one.
    pub fn single(&self) -> Option<u64> {
        let set = self.normalised()?;
        (set.min == set.max).then_some(set.min)
    }

    /// The common members; `None` if there are none.
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        if (self.bits ^ other.bits) & self.mask & other.mask != 0 {
            return None;
        }
        Self::normal(
            self.min.max(other.min),
            self.max.min(other.max),
            self.mask | other.mask,
            self.bits | other.bits,
        )
    }

    /// All values that are not members, as disjoint sets: at most two and one per bit of the mask.
    pub fn complement(&self) -> Vec<Self> {
        let Some(set) = self.relaxed() else { return vec![Self::ANY] };
        let below = set.min.checked_sub(1).map(|max| Self::range(0, max));
        let above = set.max.checked_add(1).map(|min| Self::range(min, u64::MAX));
        let mut pieces: Vec<Self> = below.into_iter().chain(above).collect();
        // A value outside the cube differs from `bits` in a highest compared bit: one piece for each such bit.
        for shift in (0..64).rev().filter(|shift| set.mask >> shift & 1 == 1) {
            let mask = set.mask & (u64::MAX << shift);
            let bits = (set.bits ^ (1 << shift)) & mask;
            pieces.extend(Self::normal(set.min, set.max, mask, bits));
        }
        pieces
    }

    /// The members that are not in `other`, as disjoint sets.
    pub fn subtract(&self, other: &Self) -> Vec<Self> {
        match self.intersect(other) {
            None => self.normalised().into_iter().collect(),
            Some(_) => other.complement().iter().filter_map(|piece| piece.intersect(self)).collect(),
        }
    }

    /// The union, where it is again one such set and that is cheap to see.
    pub fn merge(&self, other: &Self) -> Option<Self> {
        let (Some(a), Some(b)) = (self.normalised(), other.normalised()) else {
            return self.normalised().or_else(|| other.normalised());
        };
        match a.intersect(&b) {
            Some(both) if both == a => return Some(b),
            Some(both) if both == b => return Some(a),
            _ => {}
        }
        a.join_neighbour(&b).or_else(|| a.join_twin(&b))
    }

    /// The union of two stretches of one cube with no member of the cube between them.
    fn join_neighbour(&self, other: &Self) -> Option<Self> {
        let (low, high) = if self.min <= other.min { (self, other) } else { (other, self) };
        // A lone value belongs to whichever cube the other one is of.
        let (mask, bits) = if low.min == low.max { (high.mask, high.bits) } else { (low.mask, low.bits) };
        let of_cube = |s: &Self| (s.mask, s.bits) == (mask, bits) || (s.min == s.max && s.min & mask == bits);
        if !of_cube(low) || !of_cube(high) {
            return None;
        }
        let next = low.max.checked_add(1).and_then(|from| first_from(from, mask, bits))?;
        if next < high.min { None } else { Self::normal(low.min, low.max.max(high.max), mask, bits) }
    }

    /// The union of two cubes of one block that differ in one compared bit.
    fn join_twin(&self, other: &Self) -> Option<Self> {
        let (a, b) = (self.relaxed()?, other.relaxed()?);
        let flipped = a.bits ^ b.bits;
        let same = (a.min, a.max, a.mask) == (b.min, b.max, b.mask) && flipped.is_power_of_two();
        if same { Self::normal(a.min, a.max, a.mask & !flipped, a.bits & !flipped) } else { None }
    }

    /// The normal form: tight bounds, and no compared bit that the bounds decide already. `None` if empty.
    ///
    /// Intervals, single values and plain masks that are the same set have the same normal form; all constructors and
    /// operations return it.
    pub fn normalised(&self) -> Option<Self> {
        Self::normal(self.min, self.max, self.mask, self.bits)
    }

    /// The same set with the bounds that the mask implies given up, and so the fewest things to test. `None` if empty.
    ///
    /// The bounds stay within the smallest aligned power-of-two block that holds the set.
    pub fn relaxed(&self) -> Option<Self> {
        let set = self.normalised()?;
        let low = below_difference(set.min, set.max);
        let block = set.min & !low;
        let min = if set.min == block | set.bits { block } else { set.min };
        let max = if set.max == block | set.bits | (low & !set.mask) { block | low } else { set.max };
        Some(Self { min, max, ..set })
    }

    fn normal(min: u64, max: u64, mask: u64, bits: u64) -> Option<Self> {
        let min = first_from(min, mask, bits).filter(|first| *first <= max)?;
        let max = last_to(max, mask, bits)?;
        // Above the highest bit in which the bounds differ all members agree, so nothing is left to compare there.
        let low = below_difference(min, max);
        Some(Self { min, max, mask: mask & low, bits: bits & low })
    }
}

/// Ones in the highest bit in which `a` and `b` differ and in all below it.
fn below_difference(a: u64, b: u64) -> u64 {
    u64::MAX.checked_shr((a ^ b).leading_zeros()).unwrap_or(0)
}

/// The smallest `x >= from` with `x & mask == bits`.
fn first_from(from: u64, mask: u64, bits: u64) -> Option<u64> {
    let guess = (from & !mask) | bits;
    let low = below_difference(guess, from);
    if guess >= from {
        // The guess is already larger at its highest difference: below it the free bits can be zero.
        return Some((guess & !(low >> 1)) | (bits & low));
    }
    // The guess fell below: raise the lowest free zero bit of `from` above the difference, zero what is free below it.
    let free = !mask & !from & !low;
    if free == 0 {
        return None;
    }
    let raised = 1 << free.trailing_zeros();
    Some((from & !(raised | (raised - 1))) | raised | (bits & (raised - 1)))
}

/// The largest `x <= to` with `x & mask == bits`: the same search seen from above.
fn last_to(to: u64, mask: u64, bits: u64) -> Option<u64> {
    first_from(!to, mask, !bits & mask).map(|x| !x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Sets whose bits all lie in the lowest four, lifted to one end of the 64-bit range or the other.
    fn small() -> impl Strategy<Value = ArgSet> {
        (0u64..16, 0u64..16, 0u64..16, 0u64..16).prop_map(|(min, max, mask, bits)| ArgSet {
            min,
            max,
            mask,
            bits: bits & mask,
        })
    }

    fn wide() -> impl Strategy<Value = ArgSet> {
        let word = || prop_oneof![any::<u64>(), (0u32..64).prop_map(|s| 1u64 << s), Just(0), Just(u64::MAX)];
        (word(), word(), word(), word()).prop_map(|(min, max, mask, bits)| ArgSet {
            min,
            max,
            mask,
            bits: bits & mask,
        })
    }

    fn probes(sets: &[ArgSet], extra: u64) -> Vec<u64> {
        let mut probes = vec![0, 1, u64::MAX, extra];
        for set in sets {
            for value in [set.min, set.max, set.bits, set.bits | (extra & !set.mask)] {
                probes.extend([
                    value.wrapping_sub(1),
                    value,
                    value.wrapping_add(1),
                    value ^ (set.mask & extra),
                ]);
            }
        }
        probes
    }

    fn count(sets: &[ArgSet], value: u64) -> usize {
        sets.iter().filter(|s| s.contains(value)).count()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn operators_mean_what_they_are_defined_to_mean(
            value in prop_oneof![0u64..16, (u64::MAX - 4)..=u64::MAX, any::<u64>()], two in any::<u64>(), extra in any::<u64>(),
        ) {
            for (op, _) in Op::ALL {
                let sets = ArgSet::from_op(op, value, two);
                for probe in (0..16).chain(probes(&sets, extra)).chain(probes(&[ArgSet::exactly(value)], extra)) {
                    prop_assert_eq!(count(&sets, probe), usize::from(op.holds(probe, value, two)), "{:?}", op);
                }
                prop_assert!(sets.iter().all(|s| s.normalised() == Some(*s)));
            }
        }

        #[test]
        fn small_sets_agree_with_brute_force(a in small(), b in small()) {
            let members = |s: &ArgSet| (0..16).filter(|x| s.contains(*x)).collect::<Vec<u64>>();
            prop_assert_eq!(a.witness(), members(&a).first().copied());
            prop_assert_eq!(a.normalised().map(|n| members(&n)).unwrap_or_default(), members(&a));
            prop_assert_eq!(a.relaxed().map(|n| members(&n)).unwrap_or_default(), members(&a));
            let both: Vec<u64> = (0..16).filter(|x| a.contains(*x) && b.contains(*x)).collect();
            prop_assert_eq!(a.intersect(&b).map(|n| members(&n)).unwrap_or_default(), both);
            for x in 0..32 {
                prop_assert_eq!(count(&a.complement(), x), usize::from(!a.contains(x)));
                prop_assert_eq!(count(&a.subtract(&b), x), usize::from(a.contains(x) && !b.contains(x)));
                if let Some(union) = a.merge(&b) {
                    prop_assert_eq!(union.contains(x), a.contains(x) || b.contains(x));
                }
            }
        }

        #[test]
        fn wide_sets_agree_at_their_boundaries(a in wide(), b in wide(), extra in any::<u64>()) {
            if let Some(first) = a.witness() {
                prop_assert!(a.contains(first));
            }
            for x in probes(&[a, b], extra) {
                prop_assert!(!a.contains(x) || a.witness().is_some_and(|first| first <= x));
                prop_assert_eq!(a.intersect(&b).is_some_and(|s| s.contains(x)), a.contains(x) && b.contains(x));
                prop_assert_eq!(a.normalised().is_some_and(|s| s.contains(x)), a.contains(x));
                prop_assert_eq!(a.relaxed().is_some_and(|s| s.contains(x)), a.contains(x));
                prop_assert_eq!(count(&a.complement(), x), usize::from(!a.contains(x)));
                prop_assert_eq!(count(&a.subtract(&b), x), usize::from(a.contains(x) && !b.contains(x)));
                if let Some(union) = a.merge(&b) {
                    prop_assert_eq!(union.contains(x), a.contains(x) || b.contains(x));
                }
            }
        }
    }

    #[test]
    fn equal_simple_sets_compare_equal() {
        assert_eq!(ArgSet::masked(u64::MAX, 7), ArgSet::exactly(7));
        assert_eq!(ArgSet::masked(0xffff_ffff_0000_0000, 0), ArgSet::range(0, 0xffff_ffff));
        assert_eq!(ArgSet::masked(0, 99), ArgSet::any());
        assert_eq!(ArgSet::from_op(Op::Le, u64::MAX, 0), [ArgSet::any()]);
        assert_eq!(ArgSet::from_op(Op::Ne, 0, 0), ArgSet::from_op(Op::Gt, 0, 0));
        assert!(ArgSet::from_op(Op::Lt, 0, 0).is_empty());
    }

    #[test]
    fn the_complement_of_a_flag_check_has_one_piece_per_flag() {
        assert_eq!(ArgSet::masked(0x7e02_0000, 0).complement().len(), 7);
        assert_eq!(ArgSet::exactly(5).complement().len(), 2);
        assert!(ArgSet::any().complement().is_empty());
    }
}
