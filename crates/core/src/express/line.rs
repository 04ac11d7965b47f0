//! Values of one argument as the tests OCI has: few, disjoint, and always the same for the same values.
//!
//! The values become a decision diagram over their bits, of which there is one only. Its paths are masks; what lies at
//! either end of the line may be one comparison instead, and few values are named one by one.

use std::collections::BTreeMap;

use crate::profile::Condition;
use crate::set::{ArgSet, Op};

/// More nodes of a diagram, or tests of one argument, are of no use to anybody.
const MAX_NODES: usize = 1 << 10;

/// So many values are named one by one, unless masks say it in less than half as many tests.
const FEW: usize = 16;

/// A condition without its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Test {
    pub(super) value: u64,
    pub(super) value_two: u64,
    pub(super) op: Op,
}

impl Test {
    /// The condition on one argument.
    pub(super) fn of(&self, index: usize) -> Condition {
        // There are six arguments.
        Condition { index: index as u8, op: self.op, value: self.value, value_two: self.value_two }
    }
}

/// Disjoint tests for exactly these values among those of `width` bits: some, and not all. `None`: there are too many.
pub(super) fn tests(sets: &[ArgSet], width: u32) -> Option<Vec<Test>> {
    let whole = Diagram::of(sets, width)?;
    let cubes = whole.cubes();
    let values = cubes.as_ref().and_then(|cubes| whole.values(cubes, width));
    let mut found = match values {
        Some(values) => values.iter().map(|cube| cube.test(width)).collect(),
        None => shortest(sets, &whole, cubes, width)?,
    };
    found.sort_unstable();
    Some(found)
}

/// The fewest of: masks, one value left out, comparisons at one end or both with masks between.
fn shortest(sets: &[ArgSet], whole: &Diagram, cubes: Option<Vec<Cube>>, width: u32) -> Option<Vec<Test>> {
    let last = ones(width);
    let (first_out, last_out) = (whole.least(false), whole.greatest(false));
    let compare =
        |op, value| Test { op: if value == 0 || value == last { Op::Eq } else { op }, value, value_two: 0 };
    let but_one = (first_out == last_out).then(|| vec![Test { op: Op::Ne, value: first_out, value_two: 0 }]);
    let low = first_out.checked_sub(1);
    let high = (last_out < last).then(|| last_out + 1);
    let ended = [(low, None), (None, high), (low, high)].into_iter().map(|(low, high)| {
        let middle = ArgSet::range(low.map_or(0, |l| l + 1), high.map_or(last, |h| h - 1));
        let rest: Vec<ArgSet> = sets.iter().filter_map(|s| s.intersect(&middle)).collect();
        let cubes = Diagram::of(&rest, width)?.cubes()?;
        let ends = [low.map(|value| compare(Op::Le, value)), high.map(|value| compare(Op::Ge, value))];
        Some(ends.into_iter().flatten().chain(cubes.iter().map(|cube| cube.test(width))).collect())
    });
    let masks = cubes.map(|cubes| cubes.iter().map(|cube| cube.test(width)).collect());
    [masks, but_one].into_iter().chain(ended).flatten().min_by_key(Vec::len)
}

fn ones(width: u32) -> u64 {
    u64::MAX >> (64 - width)
}

/// Values whose bits in `mask` are `bits`.
#[derive(Clone, Copy)]
struct Cube {
    mask: u64,
    bits: u64,
}

impl Cube {
    fn test(self, width: u32) -> Test {
        if self.mask == ones(width) {
            return Test { op: Op::Eq, value: self.bits, value_two: 0 };
        }
        Test { op: Op::MaskedEq, value: self.mask, value_two: self.bits }
    }
}

/// Where a branch leads.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum To {
    /// To values that all are in, or all are not.
    Known(bool),
    /// To a node.
    Node(usize),
}

/// A bit that decides, with what follows when it is zero and when it is one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Node {
    bit: u32,
    zero: To,
    one: To,
}

/// An ordered decision diagram, highest bit first: every node decides something, and no two are equal.
struct Diagram {
    nodes: Vec<Node>,
    unique: BTreeMap<Node, To>,
    known: BTreeMap<(u32, Vec<ArgSet>), To>,
    root: To,
}

impl Diagram {
    fn of(sets: &[ArgSet], width: u32) -> Option<Self> {
        let mut diagram = Self {
            nodes: Vec::new(),
            unique: BTreeMap::new(),
            known: BTreeMap::new(),
            root: To::Known(false),
        };
        diagram.root = diagram.build(width, part(sets, 0, ones(width)))?;
        Some(diagram)
    }

    /// The diagram of values of `width` bits.
    fn build(&mut self, width: u32, sets: Vec<ArgSet>) -> Option<To> {
        if sets.is_empty() {
            return Some(To::Known(false));
        }
        let last = if width == 0 { 0 } else { ones(width) };
        if sets.contains(&ArgSet::range(0, last)) {
            return Some(To::Known(true));
        }
        if let Some(known) = self.known.get(&(width, sets.clone())) {
            return Some(*known);
        }
        let bit = width - 1;
        let half = 1u64 << bit;
        let zero = self.build(bit, part(&sets, 0, half - 1))?;
        let one = self.build(bit, part(&sets, half, last))?;
        let to = if zero == one { zero } else { self.node(Node { bit, zero, one })? };
        self.known.insert((width, sets), to);
        (self.known.len() <= 16 * MAX_NODES).then_some(to)
    }

    fn node(&mut self, node: Node) -> Option<To> {
        if let Some(same) = self.unique.get(&node) {
            return Some(*same);
        }
        let to = To::Node(self.nodes.len());
        self.nodes.push(node);
        self.unique.insert(node, to);
        (self.nodes.len() <= MAX_NODES).then_some(to)
    }

    /// The smallest value that is in, or is not.
    fn least(&self, is_in: bool) -> u64 {
        self.first(is_in, |node| [(0, node.zero), (1, node.one)], 0)
    }

    /// The largest one.
    fn greatest(&self, is_in: bool) -> u64 {
        self.first(is_in, |node| [(1, node.one), (0, node.zero)], u64::MAX)
    }

    /// Every node leads to both, so that a branch is no use only where it leads to the other one at once.
    fn first(&self, is_in: bool, branches: impl Fn(&Node) -> [(u64, To); 2], free: u64) -> u64 {
        let (mut at, mut value) = (self.root, free);
        while let To::Node(index) = at {
            let node = &self.nodes[index];
            let [preferred, other] = branches(node);
            let (bit, to) = if preferred.1 == To::Known(!is_in) { other } else { preferred };
            value = value & !(1 << node.bit) | bit << node.bit;
            at = to;
        }
        value
    }

    /// The paths to what is in. `None`: there are too many.
    fn cubes(&self) -> Option<Vec<Cube>> {
        let mut found = Vec::new();
        let mut open = vec![(self.root, Cube { mask: 0, bits: 0 })];
        while let Some((at, cube)) = open.pop() {
            match at {
                To::Known(false) => {}
                To::Known(true) => found.push(cube),
                To::Node(index) => {
                    let node = self.nodes[index];
                    let mask = cube.mask | 1 << node.bit;
                    open.push((node.one, Cube { mask, bits: cube.bits | 1 << node.bit }));
                    open.push((node.zero, Cube { mask, ..cube }));
                }
            }
            if found.len() + open.len() > MAX_NODES {
                return None;
            }
        }
        Some(found)
    }

    /// The same values one by one: whole, or their lower halves, or the bits that matter anywhere. `None`: they are not few.
    fn values(&self, cubes: &[Cube], width: u32) -> Option<Vec<Cube>> {
        let matters = self.nodes.iter().fold(0, |mask, node| mask | 1 << node.bit);
        let masks = [ones(width), 0xffff_ffff, matters].into_iter().filter(|mask| matters & !mask == 0);
        masks.filter_map(|mask| comparing(mask, cubes)).find(|values| values.len() <= 2 * cubes.len())
    }
}

/// Cubes with these bits compared in each. `None`: they are not few.
fn comparing(mask: u64, cubes: &[Cube]) -> Option<Vec<Cube>> {
    let mut found = Vec::new();
    for cube in cubes {
        let free = mask & !cube.mask;
        if found.len() + (1usize << free.count_ones().min(32)) > FEW {
            return None;
        }
        let mut extra = 0u64;
        loop {
            found.push(Cube { mask, bits: cube.bits | extra });
            // The next larger subset of the free bits.
            extra = extra.wrapping_sub(free) & free;
            if extra == 0 {
                break;
            }
        }
    }
    Some(found)
}

/// What lies between two values, counted from the first of them.
fn part(sets: &[ArgSet], min: u64, max: u64) -> Vec<ArgSet> {
    let range = ArgSet::range(min, max);
    let shifted = |s: ArgSet| {
        let low = max - min;
        ArgSet { min: s.min - min, max: s.max - min, mask: s.mask & low, bits: s.bits & low }
    };
    let mut found: Vec<ArgSet> = sets.iter().filter_map(|s| s.intersect(&range)).map(shifted).collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn holds(tests: &[Test], value: u64) -> usize {
        tests.iter().filter(|t| t.op.holds(value, t.value, t.value_two)).count()
    }

    fn set() -> impl Strategy<Value = ArgSet> {
        (0u64..32, 0u64..32, 0u64..32, 0u64..32).prop_map(|(min, max, mask, bits)| ArgSet {
            min,
            max,
            mask,
            bits: bits & mask,
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn tests_hold_for_the_values_once_and_do_not_depend_on_how_those_were_cut(sets in vec(set(), 1..5)) {
            let within = |v: u64| sets.iter().any(|s| s.contains(v));
            let values: Vec<ArgSet> = (0..32).filter(|v| within(*v)).map(ArgSet::exactly).collect();
            prop_assume!(!values.is_empty() && values.len() < 32);
            let found = tests(&sets, 5).unwrap();
            for value in 0..32 {
                prop_assert_eq!(holds(&found, value), usize::from(within(value)), "{}: {:?}", value, found);
            }
            prop_assert_eq!(&found, &tests(&values, 5).unwrap());
            prop_assert!(found.len() <= values.len());
        }
    }

    fn words(sets: &[ArgSet]) -> Vec<String> {
        let word = |t: &Test| format!("{} {:#x} {:#x}", &t.op.oci()[9..], t.value, t.value_two);
        tests(sets, 64).unwrap().iter().map(word).collect()
    }

    #[test]
    fn every_shape_has_its_shortest_form() {
        let but = |low: u64, high: u64| [ArgSet::range(0, low - 1), ArgSet::range(high + 1, u64::MAX)];
        assert_eq!(words(&[ArgSet::exactly(7)]), ["EQ 0x7 0x0"]);
        assert_eq!(words(&[ArgSet::range(2, 3)]), ["EQ 0x2 0x0", "EQ 0x3 0x0"]);
        assert_eq!(words(&[ArgSet::range(0, 999)]), ["LE 0x3e7 0x0"]);
        assert_eq!(words(&[ArgSet::range(999, u64::MAX)]), ["GE 0x3e7 0x0"]);
        assert_eq!(words(&but(40, 40)), ["NE 0x28 0x0"]);
        assert_eq!(words(&but(40, 44)), ["LE 0x27 0x0", "GE 0x2d 0x0"]);
        assert_eq!(words(&[ArgSet::masked(0x7e02_0000, 0)]), ["MASKED_EQ 0x7e020000 0x0"]);
        let low = |value| ArgSet::masked(0xffff_ffff, value);
        assert_eq!(words(&[low(2), low(3)]), ["MASKED_EQ 0xffffffff 0x2", "MASKED_EQ 0xffffffff 0x3"]);
        assert_eq!(words(&[ArgSet::range(256, 511)]), ["MASKED_EQ 0xffffffffffffff00 0x100"]);
        assert_eq!(words(&ArgSet::masked(7, 0).complement()).len(), 3);
    }

    #[test]
    fn what_would_take_too_many_tests_is_refused() {
        // Thirty-two pairs of bits that must not both be one: each path chooses for each.
        let pairs: Vec<ArgSet> =
            (0..32).map(|at| ArgSet::masked((1 << at) | (1 << (at + 32)), u64::MAX)).collect();
        assert_eq!(tests(&pairs, 64), None);
    }
}
