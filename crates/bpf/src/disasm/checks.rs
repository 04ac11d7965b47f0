//! What a filter does with one call, whatever its arguments: every way through the filter, as conditions on arguments.

use std::collections::BTreeMap;

use callgate_core::Arch;

use super::flow::{State, Word, comparison};
use super::numbers::{Comparison, Numbers};
use crate::insn::{Insn, OFFSET_ARCH, OFFSET_NR, Program, op};

/// More ways than this are no answer a person can read.
const WAYS: usize = 64;
/// Steps that are taken in all for one call. Filters of thousands of instructions need a tenth.
const STEPS: usize = 20_000;

/// Conditions that hold together: a word of `seccomp_data`, cut by a mask, is one of these. Keyed by offset and mask.
pub(super) type Conditions = BTreeMap<(u32, u32), Numbers>;

/// One way: what has to hold, and what the filter then returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// All of these.
    pub(super) conditions: Conditions,
    /// `SECCOMP_RET_*` with data.
    pub(super) ret: u32,
}

/// All ways of one call. They exclude each other and leave nothing out. An error says how many steps were taken for
/// nothing: there are too many, or the filter computes with arguments.
pub(super) fn ways(program: &Program, arch: Arch, nr: u32) -> Result<Vec<Way>, usize> {
    let (token, raw) = arch.raw(nr);
    let mut walk = Walk { program, token, raw, ways: Vec::new(), steps: 0 };
    let mut open = vec![(0, State::at_start(), Conditions::new())];
    while let Some((index, state, conditions)) = open.pop() {
        walk.steps += 1;
        if walk.steps > STEPS || walk.ways.len() > WAYS {
            return Err(walk.steps);
        }
        // The way that is to be followed first is popped first.
        let mut next = walk.step(index, state, conditions).ok_or(walk.steps)?;
        next.reverse();
        open.extend(next);
    }
    Ok(walk.ways)
}

struct Walk<'p> {
    program: &'p Program,
    token: u32,
    raw: u32,
    ways: Vec<Way>,
    steps: usize,
}

type Step = (usize, State, Conditions);

impl Walk<'_> {
    /// Where an instruction leads. `None`: that cannot be told.
    fn step(&mut self, index: usize, mut state: State, conditions: Conditions) -> Option<Vec<Step>> {
        let insn = *self.program.insns().get(index)?;
        let behind = |skip: usize| index.saturating_add(1).saturating_add(skip);
        if comparison(insn).is_some() {
            return branches(insn, &state, &conditions).map(|branches| {
                branches.into_iter().map(|(skip, c)| (behind(skip), state.clone(), c)).collect()
            });
        }
        match insn.code {
            op::RET_K => self.ways.push(Way { conditions, ret: insn.k }),
            op::RET_A => match state.a {
                Word::Constant(ret) => self.ways.push(Way { conditions, ret }),
                _ => return None,
            },
            op::JA => return Some(vec![(behind(insn.k as usize), state, conditions)]),
            op::LD_W_ABS if insn.k == OFFSET_NR => {
                state.a = Word::Constant(self.raw);
                return Some(vec![(behind(0), state, conditions)]);
            }
            op::LD_W_ABS if insn.k == OFFSET_ARCH => {
                state.a = Word::Constant(self.token);
                return Some(vec![(behind(0), state, conditions)]);
            }
            _ if state.carry_out(insn) => return Some(vec![(behind(0), state, conditions)]),
            _ => return None,
        }
        Some(Vec::new())
    }
}

/// How many instructions are skipped, and what then holds, for each outcome of a comparison that can be.
fn branches(insn: Insn, state: &State, conditions: &Conditions) -> Option<Vec<(usize, Conditions)>> {
    let (kind, k) = comparison(insn)?;
    let ((Some(k), _) | (None, Word::Constant(k))) = (k, state.x) else { return None };
    let ways = [(true, insn.jt), (false, insn.jf)].map(|(holds, skip)| (holds, usize::from(skip)));
    let (offset, mask) = match state.a {
        Word::Constant(a) => {
            let holds = kind.holds(a, k);
            return Some(
                ways.into_iter().filter(|w| w.0 == holds).map(|w| (w.1, conditions.clone())).collect(),
            );
        }
        Word::Field { offset, mask } => (offset, mask),
        Word::Unknown => return None,
    };
    let mut found = Vec::new();
    for (holds, skip) in ways {
        let (mask, set) = match kind {
            Comparison::Bits if holds => (mask & k, Numbers::range(1, u32::MAX)),
            Comparison::Bits => (mask & k, Numbers::range(0, 0)),
            kind => (mask, Numbers::of_comparison(kind, k, holds)?),
        };
        let before = conditions.get(&(offset, mask)).cloned().unwrap_or_else(|| Numbers::range(0, mask));
        let set = before.intersection(&set);
        let possible = set.intervals().iter().any(|(first, last)| first != last || first & !mask == 0);
        if possible && compatible((offset, mask), &set, conditions) {
            let mut then = conditions.clone();
            then.insert((offset, mask), set);
            found.push((skip, then));
        }
    }
    Some(found)
}

/// Whether a condition can hold beside others; where that is not cheap to see, it can.
fn compatible((offset, mask): (u32, u32), set: &Numbers, others: &Conditions) -> bool {
    others.iter().filter(|((other, _), _)| *other == offset).all(|((_, other), theirs)| {
        match (single(set), single(theirs)) {
            _ if *other == mask => !set.intersection(theirs).is_empty(),
            (Some(a), Some(b)) => (a ^ b) & mask & other == 0,
            (Some(a), None) if other & !mask == 0 => theirs.contains(a & other),
            (None, Some(b)) if mask & !other == 0 => set.contains(b & mask),
            _ => true,
        }
    })
}

/// The only member.
pub(super) fn single(set: &Numbers) -> Option<u32> {
    match set.intervals() {
        [(first, last)] if first == last => Some(*first),
        _ => None,
    }
}

/// The same ways with fewest conditions, those of one return value joined where that is one way again. They may overlap
/// afterwards, but only where they return the same.
pub(super) fn simplified(ways: &[Way]) -> Vec<Way> {
    let mut short: Vec<Way> = ways.to_vec();
    for way in &mut short {
        let keys: Vec<(u32, u32)> = way.conditions.keys().copied().collect();
        for key in keys {
            let Some(set) = way.conditions.remove(&key) else { continue };
            let meets =
                |other: &Way| other.conditions.iter().all(|(k, s)| compatible(*k, s, &way.conditions));
            // Without the condition the way reaches into others: all of them have to return the same.
            if ways.iter().any(|other| other.ret != way.ret && meets(other)) {
                way.conditions.insert(key, set);
            }
        }
    }
    let mut joined: Vec<Way> = Vec::new();
    for way in short {
        add(&mut joined, way);
    }
    joined
}

fn add(ways: &mut Vec<Way>, mut way: Way) {
    // Every join takes one away, so this ends.
    while let Some((at, both)) =
        ways.iter().enumerate().find_map(|(at, other)| Some((at, join(other, &way)?)))
    {
        ways.remove(at);
        way = both;
    }
    ways.push(way);
}

/// Two ways that differ in one condition only, as one.
fn join(a: &Way, b: &Way) -> Option<Way> {
    if a.ret != b.ret || !a.conditions.keys().eq(b.conditions.keys()) {
        return None;
    }
    let mut differing = a.conditions.iter().filter(|(key, set)| b.conditions.get(key) != Some(set));
    let Some((key, set)) = differing.next() else { return Some(a.clone()) };
    if differing.next().is_some() {
        return None;
    }
    let mut both = a.clone();
    let union = set.union(b.conditions.get(key)?);
    if union == Numbers::range(0, key.1) {
        both.conditions.remove(key);
    } else {
        both.conditions.insert(*key, union);
    }
    Some(both)
}

#[cfg(test)]
#[path = "../../tests/meanings/mod.rs"]
mod meanings;

#[cfg(test)]
mod tests {
    use callgate_core::SeccompData;
    use proptest::prelude::*;

    use super::*;
    use crate::{emit, run};

    /// Whether the conditions hold. The simulator reads the words.
    fn holds(conditions: &Conditions, data: &SeccompData) -> bool {
        conditions.iter().all(|((offset, mask), set)| {
            let read = Program(vec![
                Insn::stmt(op::LD_W_ABS, *offset),
                Insn::stmt(op::AND_K, *mask),
                Insn::stmt(op::RET_A, 0),
            ]);
            run(&read, data).is_ok_and(|word| set.contains(word))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_told_of_a_call_is_what_the_filter_returns(
            meaning in meanings::meaning(&Arch::ALL), extra in proptest::array::uniform6(meanings::word()),
        ) {
            let program = emit(&meaning).expect("small meanings fit");
            let mut told = BTreeMap::new();
            for data in meanings::probes(&meaning, &extra) {
                let Some((arch, nr)) = Arch::split(data.arch, data.nr) else { continue };
                let both = || ways(&program, arch, nr).ok().map(|ways| (simplified(&ways), ways));
                let Some((short, long)) = told.entry((arch, nr)).or_insert_with(both) else { continue };
                let ret = run(&program, &data).expect("checked");
                let rets = |ways: &[Way]| -> Vec<u32> {
                    ways.iter().filter(|way| holds(&way.conditions, &data)).map(|way| way.ret).collect()
                };
                prop_assert_eq!(rets(long), [ret], "{:x?} {:x?}", data, long);
                let short_rets = rets(short);
                prop_assert!(
                    !short_rets.is_empty() && short_rets.iter().all(|r| *r == ret),
                    "{:x?} {:x?}", data, short
                );
            }
        }
    }
}
