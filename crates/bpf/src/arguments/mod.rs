//! Conditions on arguments as a graph of tests: each word loaded once where that can be had, values of one word found by
//! halving instead of one after the other, and what is equal shared with other calls and architectures.

mod passes;
mod words;

use callgate_core::set::ArgSet;
use rustc_hash::FxHashMap;

pub(crate) use passes::{Chain, simplify};
use words::{Need, Residual, Word, argument, offset, residuals};

use crate::dag::{Dag, Id};
use crate::insn::op;
use crate::line::{self, Segment};

/// Alternatives taken up for one call, in all orders of its words; where that is not enough for one, they are tested one
/// after the other.
const MAX_WORK: usize = 1 << 15;
/// So many masked clauses are decided by halving; of more, each alternative may double the graph.
const MAX_MASKED: usize = 48;
/// With so many clauses every order of words is tried, and the smallest graph taken.
const FEW: usize = 64;

/// Adds the graph of a chain, whose clauses are simplified already.
pub(crate) fn decide(dag: &mut Dag, chain: &Chain, big_endian: bool) -> Id {
    let mut best = (usize::MAX, None);
    let list = alternatives(chain);
    let masked = list.iter().flatten().flat_map(|r| &r.needs).filter(|need| need.mask != 0).count();
    if let Some(list) = list.filter(|_| masked <= MAX_MASKED) {
        let mut work = 0;
        for order in orders(&list) {
            let (otherwise, known) = (chain.otherwise, FxHashMap::default());
            let mut graph = Graph { dag, order, big_endian, otherwise, known, work };
            let Some(id) = graph.build(&list, None) else { break };
            work = graph.work;
            best = smaller(best, (dag.size(id), Some(id)));
        }
    }
    if best.0 > chain.clauses.len() {
        let plain = one_by_one(dag, chain, big_endian);
        best = smaller(best, (dag.size(plain), Some(plain)));
    }
    best.1.unwrap_or_else(|| dag.ret(chain.otherwise))
}

/// Whether a chain asks an argument for a mask and for something else. What the one answer tells about the other is not
/// always used then.
pub(crate) fn asks_twice(chain: &Chain) -> bool {
    (0..6).any(|index| {
        let asked = || chain.clauses.iter().map(|(args, _)| args.args()[index]).filter(|set| !set.is_any());
        let masked = asked().find(|set| set.mask != 0);
        masked.is_some_and(|mask| {
            let bounded = (mask.min, mask.max) != (0, u64::MAX);
            bounded || asked().any(|other| other != mask)
        })
    })
}

/// The clauses as alternatives of words; `None` if those are too many.
fn alternatives(chain: &Chain) -> Option<Vec<Residual>> {
    let mut list = Vec::new();
    for clause in &chain.clauses {
        list.extend(residuals(clause, chain.bits));
        if list.len() > MAX_WORK {
            return None;
        }
    }
    Some(list)
}

/// The one with fewer instructions, the first of equals.
fn smaller(a: (usize, Option<Id>), b: (usize, Option<Id>)) -> (usize, Option<Id>) {
    if b.0 < a.0 { b } else { a }
}

/// In which orders words may be asked: lower half first, for it tells most, or upper half first; arguments as they come,
/// and, where there are few, every one of them first.
fn orders(list: &[Residual]) -> Vec<Vec<Word>> {
    let mut arguments: Vec<u8> = list.iter().flat_map(|r| &r.needs).map(|need| need.word / 2).collect();
    arguments.sort_unstable();
    arguments.dedup();
    let firsts = if list.len() > FEW { 1 } else { arguments.len().max(1) };
    let mut found = Vec::new();
    for first in 0..firsts {
        let mut turned = arguments.clone();
        turned.rotate_left(first);
        for upper in [0, 1] {
            found.push(turned.iter().flat_map(|arg| [2 * arg + upper, 2 * arg + 1 - upper]).collect());
        }
        let halves = |upper: u8| turned.iter().map(move |arg| 2 * arg + upper).collect::<Vec<_>>();
        if turned.len() > 1 {
            found.push([halves(0), halves(1)].concat());
        }
    }
    found
}

/// A state: the alternatives left, and the word that is loaded.
type State = (Vec<Residual>, Option<Word>);

struct Graph<'d> {
    dag: &'d mut Dag,
    order: Vec<Word>,
    big_endian: bool,
    otherwise: u32,
    known: FxHashMap<State, Id>,
    work: usize,
}

impl Graph<'_> {
    /// The node that decides between these alternatives; `None` if that is too much work.
    fn build(&mut self, list: &[Residual], loaded: Option<Word>) -> Option<Id> {
        let end = list.iter().position(|r| r.needs.is_empty());
        let otherwise = end.map_or(self.otherwise, |at| list[at].ret);
        let list = &list[..end.unwrap_or(list.len())];
        let last = list.iter().rposition(|r| r.ret != otherwise).map_or(0, |at| at + 1);
        // What happens otherwise stands in the list, so that the state says all.
        let mut list = list[..last].to_vec();
        let Some(word) = self.next_word(&list) else { return Some(self.dag.ret(otherwise)) };
        list.push(Residual { needs: Vec::new(), ret: otherwise });
        let state = (list, loaded.filter(|loaded| *loaded == word));
        if let Some(id) = self.known.get(&state) {
            return Some(*id);
        }
        self.spend(state.0.len())?;
        let list = &state.0;
        let masked = list.iter().flat_map(|r| &r.needs).find(|need| need.word == word && need.mask != 0);
        let test = match masked.copied() {
            Some(need) => self.mask(list, need)?,
            None => self.line(list, word)?,
        };
        let id =
            if state.1 == Some(word) { test } else { self.dag.load(offset(word, self.big_endian), test) };
        self.known.insert(state, id);
        Some(id)
    }

    /// `None` once it is too much.
    fn spend(&mut self, work: usize) -> Option<()> {
        self.work = self.work.saturating_add(work);
        (self.work < MAX_WORK).then_some(())
    }

    fn next_word(&self, list: &[Residual]) -> Option<Word> {
        self.order
            .iter()
            .copied()
            .find(|word| list.iter().flat_map(|r| &r.needs).any(|need| need.word == *word))
    }

    /// Tests the mask of this need; what other alternatives ask of the same word stays to be tested.
    fn mask(&mut self, list: &[Residual], asked: Need) -> Option<Id> {
        let cube = ArgSet::masked(asked.mask.into(), asked.bits.into());
        let (mut within, mut without) = (Vec::new(), Vec::new());
        for residual in list {
            let Some(at) = residual.needs.iter().position(|need| need.word == asked.word) else {
                within.push(residual.clone());
                without.push(residual.clone());
                continue;
            };
            let need = residual.needs[at];
            if need.set().intersect(&cube).is_some() {
                let mut left = residual.clone();
                left.needs[at].mask &= !asked.mask;
                left.needs[at].bits &= !asked.mask;
                // Bounds that no value of the cube is beyond are not asked: what failed them could not be reached.
                if need.min <= asked.bits {
                    left.needs[at].min = 0;
                }
                if need.max >= asked.bits | !asked.mask {
                    left.needs[at].max = u32::MAX;
                }
                left.needs.retain(|n| !n.is_any());
                within.push(left);
            }
            let is_in_cube = need.min == need.max && need.min & asked.mask == asked.bits;
            if !is_in_cube && (need.mask & asked.mask != asked.mask || need.bits & asked.mask != asked.bits) {
                without.push(residual.clone());
            }
        }
        let simple = asked.bits == 0 || asked.mask.is_power_of_two();
        let loaded = simple.then_some(asked.word);
        let (yes, no) = (self.build(&within, loaded)?, self.build(&without, loaded)?);
        Some(cube_test(self.dag, &asked, yes, no))
    }

    /// Takes the values of a word apart, of which only intervals are asked.
    fn line(&mut self, list: &[Residual], word: Word) -> Option<Id> {
        let need =
            |r: &Residual| r.needs.iter().find(|need| need.word == word).map(|need| (need.min, need.max));
        let needs: Vec<_> = list.iter().map(need).collect();
        let mut starts: Vec<u32> = vec![0];
        for (min, max) in needs.iter().flatten() {
            starts.push(*min);
            starts.extend(max.checked_add(1));
        }
        starts.sort_unstable();
        starts.dedup();
        // Per stretch the alternatives that are left, in their order.
        let mut left: Vec<Vec<Residual>> = vec![Vec::new(); starts.len()];
        for (residual, need) in list.iter().zip(&needs) {
            let (min, max) = need.unwrap_or((0, u32::MAX));
            let (from, to) = (starts.partition_point(|s| *s < min), starts.partition_point(|s| *s <= max));
            self.spend(to.saturating_sub(from))?;
            for stretch in left.get_mut(from..to).into_iter().flatten() {
                stretch.push(without(residual, word));
            }
        }
        let mut segments = Vec::with_capacity(starts.len());
        for (start, left) in starts.into_iter().zip(left) {
            let target = self.build(&left, None)?;
            segments.push(Segment { start, target, weight: 1 });
        }
        Some(line::dispatch(self.dag, &segments))
    }
}

/// The same alternative with nothing more to ask of a word.
fn without(residual: &Residual, word: Word) -> Residual {
    Residual {
        needs: residual.needs.iter().filter(|need| need.word != word).copied().collect(),
        ret: residual.ret,
    }
}

/// Goes to `yes` where the loaded word has the bits of the mask. The accumulator is lost where the mask has several and one
/// of them is set.
fn cube_test(dag: &mut Dag, need: &Need, yes: Id, no: Id) -> Id {
    if need.bits == 0 {
        return dag.jump(op::JSET_K, need.mask, (no, yes));
    }
    if need.mask.is_power_of_two() {
        return dag.jump(op::JSET_K, need.mask, (yes, no));
    }
    let equal = dag.jump(op::JEQ_K, need.bits, (yes, no));
    dag.and(need.mask, equal)
}

/// Clauses tested one after the other, argument by argument: never much longer than the list.
fn one_by_one(dag: &mut Dag, chain: &Chain, big_endian: bool) -> Id {
    let mut label = dag.ret(chain.otherwise);
    for (args, ret) in chain.clauses.iter().rev() {
        let no = label;
        label = dag.ret(*ret);
        for (index, set) in args.args().iter().enumerate().rev().filter(|(_, set)| !set.is_any()) {
            let yes = label;
            label = no;
            for needs in argument(2 * index as Word, set, chain.bits).iter().rev() {
                let otherwise = label;
                label = yes;
                for need in needs.iter().rev().filter(|need| !need.is_any()) {
                    label = need_test(dag, need, (label, otherwise), big_endian);
                }
            }
        }
    }
    label
}

/// Goes to `yes` where a word is what it has to be.
fn need_test(dag: &mut Dag, need: &Need, (yes, no): (Id, Id), big_endian: bool) -> Id {
    let at = offset(need.word, big_endian);
    let mut label = yes;
    if (need.min, need.max) != (0, u32::MAX) {
        let mut segments = vec![Segment { start: need.min, target: label, weight: 1 }];
        if need.min > 0 {
            segments.insert(0, Segment { start: 0, target: no, weight: 1 });
        }
        segments.extend(need.max.checked_add(1).map(|start| Segment { start, target: no, weight: 1 }));
        let test = line::dispatch(dag, &segments);
        label = dag.load(at, test);
    }
    if need.mask == 0 {
        return label;
    }
    let test = cube_test(dag, need, label, no);
    dag.load(at, test)
}
