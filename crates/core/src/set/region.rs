//! All argument vectors of one call that are in a set: a union of disjoint boxes.

use super::arg::ArgSet;
use super::argbox::ArgBox;

/// A set of argument vectors, exact under every operation.
///
/// Equality is equality of the sets, however they are cut into boxes.
#[derive(Clone, Debug, Default)]
pub struct Region {
    /// Disjoint, none empty, sorted.
    boxes: Vec<ArgBox>,
}

impl Region {
    /// No arguments.
    pub fn none() -> Self {
        Self { boxes: Vec::new() }
    }

    /// All arguments.
    pub fn all() -> Self {
        Self { boxes: vec![ArgBox::ANY] }
    }

    /// The disjoint boxes it consists of.
    pub fn boxes(&self) -> &[ArgBox] {
        &self.boxes
    }

    /// Whether no arguments are in it.
    pub fn is_empty(&self) -> bool {
        self.boxes.is_empty()
    }

    /// Whether all arguments are in it.
    pub fn is_all(&self) -> bool {
        self.is_plainly_all() || self.complement().is_empty()
    }

    /// Whether it is written as the one box that holds everything.
    pub(super) fn is_plainly_all(&self) -> bool {
        matches!(self.boxes.as_slice(), [only] if only.is_any())
    }

    /// Whether these arguments are in it.
    pub fn contains(&self, args: &[u64; 6]) -> bool {
        self.boxes.iter().any(|b| b.contains(args))
    }

    /// Arguments that are in it.
    pub fn witness(&self) -> Option<[u64; 6]> {
        self.boxes.first().and_then(ArgBox::witness)
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        if self.is_plainly_all() || other.is_plainly_all() {
            return Self::all();
        }
        let mut boxes = self.boxes.clone();
        for piece in other.difference(self).boxes {
            insert(&mut boxes, piece);
        }
        Self::sorted(boxes)
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut boxes = Vec::new();
        for piece in self.boxes.iter().flat_map(|a| other.boxes.iter().filter_map(|b| a.intersect(b))) {
            insert(&mut boxes, piece);
        }
        Self::sorted(boxes)
    }

    /// What is in this one only.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut left = self.boxes.clone();
        for cut in &other.boxes {
            let mut next = Vec::with_capacity(left.len());
            for piece in left.iter().flat_map(|b| b.subtract(cut)) {
                insert(&mut next, piece);
            }
            left = next;
        }
        Self::sorted(left)
    }

    /// What is not in it.
    #[must_use]
    pub fn complement(&self) -> Self {
        Self::all().difference(self)
    }

    /// Whether all of it is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.difference(other).is_empty()
    }

    /// Whether both hold the same arguments.
    pub fn equals(&self, other: &Self) -> bool {
        self.boxes == other.boxes || (self.is_subset(other) && other.is_subset(self))
    }

    /// The same set as far as an ABI with 32-bit arguments can tell: upper halves are zero there, so sides beyond them
    /// are empty and a side that holds all 32-bit values holds everything.
    #[must_use]
    pub(super) fn narrowed(&self) -> Self {
        const LOW: ArgSet = ArgSet { min: 0, max: 0xffff_ffff, mask: 0, bits: 0 };
        let mut boxes = Vec::with_capacity(self.boxes.len());
        'next: for side in &self.boxes {
            let mut narrow = *side;
            for index in 0..6 {
                let Some(set) = side.arg(index).intersect(&LOW) else { continue 'next };
                narrow = narrow.with(index, if set == LOW { ArgSet::ANY } else { set });
            }
            insert(&mut boxes, narrow);
        }
        Self::sorted(boxes)
    }

    fn sorted(mut boxes: Vec<ArgBox>) -> Self {
        boxes.sort_unstable();
        Self { boxes }
    }
}

/// Adds a box that is disjoint from all others, merged with those it makes a bigger box with.
fn insert(boxes: &mut Vec<ArgBox>, mut piece: ArgBox) {
    while let Some((index, merged)) =
        boxes.iter().enumerate().find_map(|(i, b)| b.merge(&piece).map(|merged| (i, merged)))
    {
        boxes.swap_remove(index);
        piece = merged;
    }
    boxes.push(piece);
}

impl From<ArgBox> for Region {
    fn from(side: ArgBox) -> Self {
        let mut sides = side;
        for index in 0..6 {
            let Some(set) = side.arg(index).normalised() else { return Self::none() };
            sides = sides.with(index, set);
        }
        Self { boxes: vec![sides] }
    }
}

impl FromIterator<ArgBox> for Region {
    /// The union of boxes, which may overlap.
    fn from_iter<I: IntoIterator<Item = ArgBox>>(boxes: I) -> Self {
        boxes.into_iter().fold(Self::none(), |all, one| all.union(&one.into()))
    }
}

impl PartialEq for Region {
    fn eq(&self, other: &Self) -> bool {
        self.equals(other)
    }
}

impl Eq for Region {}

#[cfg(test)]
mod tests {
    use super::super::arg::Op;
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// Conditions on two arguments of four bits, any operator.
    fn small_box() -> impl Strategy<Value = Vec<ArgBox>> {
        vec((0usize..2, 0usize..7, 0u64..16, 0u64..16), 0..4).prop_map(|conditions| {
            let list: Vec<_> = conditions.into_iter().map(|(i, op, a, b)| (i, Op::ALL[op].0, a, b)).collect();
            ArgBox::from_conditions(&list)
        })
    }

    fn small() -> impl Strategy<Value = Region> {
        vec(small_box(), 0..4).prop_map(|boxes| boxes.into_iter().flatten().collect())
    }

    fn word() -> impl Strategy<Value = u64> {
        prop_oneof![
            any::<u64>(),
            (0u32..64).prop_map(|s| 1u64 << s),
            0u64..4,
            Just(u64::MAX),
            Just(0xffff_ffff)
        ]
    }

    /// One condition on the whole range. Masks are sparse, as real ones are: a cube of n compared bits has a complement of
    /// n pieces, and products of those only make the test slow.
    fn wide_condition() -> impl Strategy<Value = (usize, Op, u64, u64)> {
        (0usize..6, 0usize..7, word(), word()).prop_map(|(index, op, a, b)| match Op::ALL[op].0 {
            Op::MaskedEq => (index, Op::MaskedEq, a & 0x8000_0001_8000_000f, b),
            op => (index, op, a, b),
        })
    }

    fn wide() -> impl Strategy<Value = Region> {
        vec(vec(wide_condition(), 0..3), 0..4)
            .prop_map(|boxes| boxes.iter().flat_map(|list| ArgBox::from_conditions(list)).collect())
    }

    /// Every point of the small domain, and one step outside it.
    fn points() -> impl Iterator<Item = [u64; 6]> {
        (0..17).flat_map(|a| (0..17).map(move |b| [a, b, 0, 0, 0, 0]))
    }

    fn disjoint(region: &Region) -> bool {
        let b = region.boxes();
        (0..b.len()).all(|i| (i + 1..b.len()).all(|j| b[i].intersect(&b[j]).is_none()))
            && b.iter().all(|one| !one.is_empty())
    }

    /// Points at the corners of both regions and around them.
    fn corners(a: &Region, b: &Region, extra: &[u64; 6]) -> Vec<[u64; 6]> {
        let mut out = vec![*extra, [0; 6], [u64::MAX; 6]];
        for side in a.boxes().iter().chain(b.boxes()) {
            let low = side.args().map(|s| s.min);
            let high = side.args().map(|s| s.max);
            for (i, e) in extra.iter().enumerate() {
                for (base, flip) in [(low, high), (high, low)] {
                    let around = [
                        base[i].wrapping_sub(1),
                        base[i].wrapping_add(1),
                        flip[i],
                        base[i] ^ (1 << (e % 64)),
                        *e,
                    ];
                    out.extend(around.map(|v| {
                        let mut point = base;
                        point[i] = v;
                        point
                    }));
                }
            }
        }
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn small_regions_agree_with_brute_force(a in small(), b in small()) {
            let (union, both) = (a.union(&b), a.intersection(&b));
            let (less, not) = (a.difference(&b), a.complement());
            prop_assert!([&a, &union, &both, &less, &not].into_iter().all(disjoint));
            let (mut any_both, mut any_less, mut any_a) = (false, false, false);
            for p in points() {
                let (in_a, in_b) = (a.contains(&p), b.contains(&p));
                prop_assert_eq!(union.contains(&p), in_a || in_b);
                prop_assert_eq!(both.contains(&p), in_a && in_b);
                prop_assert_eq!(less.contains(&p), in_a && !in_b);
                prop_assert_eq!(not.contains(&p), !in_a);
                any_both |= in_a && in_b;
                any_less |= in_a && !in_b;
                any_a |= in_a;
            }
            // The step outside stands for all larger values but those that a mask tells apart, so only this direction.
            prop_assert!(!any_both || !both.is_empty());
            prop_assert!(!any_less || !less.is_empty());
            prop_assert!(!any_a || !a.is_empty());
            for region in [&a, &union, &both, &less, &not] {
                prop_assert_eq!(region.is_empty(), region.witness().is_none());
                prop_assert!(region.witness().is_none_or(|w| region.contains(&w)));
            }
            // Conditions on four bits repeat in the rest of the range or are constant there: the fifth bit's block decides.
            let beyond = (0..32).flat_map(|x| (0..32).map(move |y| [x, y, 0, 0, 0, 0]));
            prop_assert_eq!(less.is_empty(), !beyond.into_iter().any(|p| a.contains(&p) && !b.contains(&p)));
        }

        #[test]
        fn the_laws_of_sets_hold_on_64_bits(a in wide(), b in wide(), c in wide()) {
            prop_assert_eq!(a.union(&b).complement(), a.complement().intersection(&b.complement()));
            prop_assert_eq!(a.complement().complement(), a.clone());
            prop_assert_eq!(a.union(&b), b.union(&a));
            prop_assert_eq!(a.intersection(&b.union(&c)), a.intersection(&b).union(&a.intersection(&c)));
            prop_assert!(a.difference(&b).intersection(&b).is_empty());
            prop_assert!(a.is_subset(&a.union(&b)) && a.intersection(&b).is_subset(&a));
            prop_assert!(a.union(&a.complement()).is_all());
            prop_assert_eq!(a == b, a.difference(&b).is_empty() && b.difference(&a).is_empty());
        }

        #[test]
        fn wide_regions_agree_at_their_corners(a in wide(), b in wide(), extra in proptest::array::uniform6(word())) {
            let (union, both, less) = (a.union(&b), a.intersection(&b), a.difference(&b));
            prop_assert!([&a, &b, &union, &both, &less].into_iter().all(disjoint));
            for p in corners(&a, &b, &extra) {
                prop_assert_eq!(union.contains(&p), a.contains(&p) || b.contains(&p));
                prop_assert_eq!(both.contains(&p), a.contains(&p) && b.contains(&p));
                prop_assert_eq!(less.contains(&p), a.contains(&p) && !b.contains(&p));
                let low = p.map(|v| v & 0xffff_ffff);
                prop_assert_eq!(a.narrowed().contains(&low), a.contains(&low));
            }
            prop_assert!(less.witness().is_none_or(|w| a.contains(&w) && !b.contains(&w)));
        }
    }

    #[test]
    fn pieces_grow_together_again() {
        let flags = Region::from(ArgBox::any().with(0, ArgSet::masked(0x7e02_0000, 0)));
        assert_eq!(flags.union(&flags.complement()).boxes(), [ArgBox::any()]);
        let values: Region = (0..200).map(|v| ArgBox::any().with(1, ArgSet::exactly(v))).collect();
        assert_eq!(values.boxes(), [ArgBox::any().with(1, ArgSet::range(0, 199))]);
    }
}
