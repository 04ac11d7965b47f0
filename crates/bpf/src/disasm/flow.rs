//! What is known where: per instruction the calls that get there, and what the registers hold.
//!
//! All jumps go forward, so one pass in order sees every way to an instruction before the instruction itself. What is
//! said is never too little: where a test cannot be followed, both ways are taken.

use std::collections::BTreeMap;

use callgate_core::Arch;
use callgate_core::arch::X32_BIT;

use super::numbers::{Comparison, Numbers};
use crate::insn::{DATA_SIZE, Insn, MEM_WORDS, OFFSET_ARCH, OFFSET_NR, Program, op};

/// Intervals that are looked at in all before the calls are given up on. Real filters need a twentieth; hostile ones
/// would take gigabytes.
const BUDGET: usize = 4_000_000;

/// What a register or a word of memory holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// This.
    Constant(u32),
    /// The word of `seccomp_data` at this offset, as far as the mask lets through.
    Field {
        /// Where.
        offset: u32,
        /// Which bits.
        mask: u32,
    },
    /// Something else.
    Unknown,
}

impl Word {
    /// A whole word of `seccomp_data`.
    fn field(offset: u32) -> Self {
        if offset < DATA_SIZE && offset.is_multiple_of(4) {
            Self::Field { offset, mask: u32::MAX }
        } else {
            Self::Unknown
        }
    }

    fn and(self, mask: u32) -> Self {
        match self {
            Self::Constant(value) => Self::Constant(value & mask),
            Self::Field { offset, mask: before } => Self::Field { offset, mask: before & mask },
            Self::Unknown => Self::Unknown,
        }
    }

    /// Whether it is the whole word at this offset.
    pub(super) fn is(self, offset: u32) -> bool {
        self == Self::Field { offset, mask: u32::MAX }
    }
}

/// Raw numbers by architecture token; `None` is all tokens callgate has no table for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reach {
    sets: BTreeMap<Option<u32>, Numbers>,
}

impl Reach {
    fn of(arch: Option<Arch>) -> Self {
        let sets = match arch {
            Some(Arch::X32) => {
                BTreeMap::from([(Some(Arch::X32.token()), Numbers::range(X32_BIT, u32::MAX - 1))])
            }
            Some(Arch::X86_64) => {
                let numbers = Numbers::range(0, X32_BIT - 1).union(&Numbers::range(u32::MAX, u32::MAX));
                BTreeMap::from([(Some(Arch::X86_64.token()), numbers)])
            }
            Some(arch) => BTreeMap::from([(Some(arch.token()), Numbers::all())]),
            None => {
                let tokens = Arch::ALL.into_iter().map(|arch| Some(arch.token())).chain([None]);
                tokens.map(|token| (token, Numbers::all())).collect()
            }
        };
        Self { sets }
    }

    /// Whether nothing gets there.
    fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// The raw numbers of a token.
    pub(super) fn numbers(&self, token: Option<u32>) -> Option<&Numbers> {
        self.sets.get(&token)
    }

    /// The tokens, in numeric order; `None` first.
    pub(super) fn tokens(&self) -> impl Iterator<Item = Option<u32>> {
        self.sets.keys().copied()
    }

    fn weight(&self) -> usize {
        self.sets.values().map(|numbers| numbers.intervals().len()).sum()
    }

    fn map(&self, keep: impl Fn(Option<u32>, &Numbers) -> Numbers) -> Self {
        let sets = self.sets.iter().map(|(token, numbers)| (*token, keep(*token, numbers)));
        Self { sets: sets.filter(|(_, numbers)| !numbers.is_empty()).collect() }
    }

    fn union(&mut self, other: &Self) {
        for (token, numbers) in &other.sets {
            let both = self.sets.get(token).map_or_else(|| numbers.clone(), |mine| mine.union(numbers));
            self.sets.insert(*token, both);
        }
    }
}

/// What is known before an instruction.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// The calls that may get there; `None`: it would take too long to find out.
    pub(super) reach: Option<Reach>,
    /// The accumulator.
    pub(super) a: Word,
    /// The index register.
    pub(super) x: Word,
    memory: [Word; MEM_WORDS],
}

impl State {
    /// Before the first instruction: everything is 0, and nothing is said about calls.
    pub(super) fn at_start() -> Self {
        let zero = Word::Constant(0);
        Self { reach: None, a: zero, x: zero, memory: [zero; MEM_WORDS] }
    }

    fn union(&mut self, other: &Self) {
        let both = |a: Word, b: Word| if a == b { a } else { Word::Unknown };
        self.a = both(self.a, other.a);
        self.x = both(self.x, other.x);
        for (mine, theirs) in self.memory.iter_mut().zip(other.memory) {
            *mine = both(*mine, theirs);
        }
        match (&mut self.reach, &other.reach) {
            (Some(mine), Some(theirs)) => mine.union(theirs),
            _ => self.reach = None,
        }
    }

    /// What is known where a comparison of the accumulator holds, or does not; `None`: that never happens.
    fn where_it(&self, comparison: Comparison, k: Option<u32>, holds: bool) -> Option<Self> {
        let Some(k) = k else { return Some(self.clone()) };
        if let Word::Constant(a) = self.a {
            return (comparison.holds(a, k) == holds).then(|| self.clone());
        }
        let Some(reach) = &self.reach else { return Some(self.clone()) };
        let reach = if self.a.is(OFFSET_NR) {
            match Numbers::of_comparison(comparison, k, holds) {
                Some(numbers) => reach.map(|_, before| before.intersection(&numbers)),
                None => reach.clone(),
            }
        } else if self.a.is(OFFSET_ARCH) {
            let known = Arch::ALL.iter().any(|arch| arch.token() == k);
            reach.map(|token, numbers| {
                let stays = match token {
                    Some(token) => comparison.holds(token, k) == holds,
                    // Some other token may pass any test but that for being one of those known.
                    None => !(comparison == Comparison::Equal && known && holds),
                };
                if stays { numbers.clone() } else { Numbers::range(1, 0) }
            })
        } else {
            reach.clone()
        };
        (!reach.is_empty()).then(|| Self { reach: Some(reach), ..self.clone() })
    }

    /// Carries out an instruction that is no jump and no return; `false`: the kernel would not load it.
    pub(super) fn carry_out(&mut self, insn: Insn) -> bool {
        let slot = insn.k as usize;
        match insn.code {
            op::LD_IMM => self.a = Word::Constant(insn.k),
            op::LDX_IMM => self.x = Word::Constant(insn.k),
            op::LD_W_ABS => self.a = Word::field(insn.k),
            op::LD_W_LEN => self.a = Word::Constant(DATA_SIZE),
            op::LDX_W_LEN => self.x = Word::Constant(DATA_SIZE),
            op::LD_MEM => self.a = self.memory.get(slot).copied().unwrap_or(Word::Unknown),
            op::LDX_MEM => self.x = self.memory.get(slot).copied().unwrap_or(Word::Unknown),
            op::ST | op::STX => {
                let word = if insn.code == op::ST { self.a } else { self.x };
                if let Some(memory) = self.memory.get_mut(slot) {
                    *memory = word;
                }
            }
            op::TAX => self.x = self.a,
            op::TXA => self.a = self.x,
            op::AND_K => self.a = self.a.and(insn.k),
            code if super::text::operator(code).is_some() => self.a = Word::Unknown,
            _ => return false,
        }
        true
    }
}

/// The comparison of a conditional jump, and what the accumulator is compared with; `None` for X.
pub(super) fn comparison(insn: Insn) -> Option<(Comparison, Option<u32>)> {
    Some(match insn.code {
        op::JEQ_K => (Comparison::Equal, Some(insn.k)),
        op::JGT_K => (Comparison::Greater, Some(insn.k)),
        op::JGE_K => (Comparison::GreaterOrEqual, Some(insn.k)),
        op::JSET_K => (Comparison::Bits, Some(insn.k)),
        op::JEQ_X => (Comparison::Equal, None),
        op::JGT_X => (Comparison::Greater, None),
        op::JGE_X => (Comparison::GreaterOrEqual, None),
        op::JSET_X => (Comparison::Bits, None),
        _ => return None,
    })
}

/// What is known before each instruction; `None`: no call gets there. With `arch`, only its calls are asked about.
pub(super) fn states(program: &Program, arch: Option<Arch>) -> Vec<Option<State>> {
    let insns = program.insns();
    let mut states: Vec<Option<State>> = vec![None; insns.len()];
    if let Some(first) = states.first_mut() {
        *first = Some(State { reach: Some(Reach::of(arch)), ..State::at_start() });
    }
    let mut budget = BUDGET;
    for (index, insn) in insns.iter().enumerate() {
        let Some(state) = states[index].clone() else { continue };
        for (skip, mut next) in steps(*insn, state) {
            let Some(target) = index.checked_add(1 + skip).and_then(|at| states.get_mut(at)) else {
                continue;
            };
            let weight = |state: &State| state.reach.as_ref().map_or(0, Reach::weight);
            let cost = weight(&next) + target.as_ref().map_or(0, weight);
            match budget.checked_sub(cost) {
                Some(rest) => budget = rest,
                None => next.reach = None,
            }
            match target {
                Some(known) => known.union(&next),
                None => *target = Some(next),
            }
        }
    }
    states
}

/// Where an instruction leads: how many instructions are skipped, and what is known there.
fn steps(insn: Insn, mut state: State) -> Vec<(usize, State)> {
    if let Some((comparison, k)) = comparison(insn) {
        let k = match (k, state.x) {
            (None, Word::Constant(x)) => Some(x),
            (k, _) => k,
        };
        let way = |holds: bool, skip: u8| {
            state.where_it(comparison, k, holds).map(|state| (usize::from(skip), state))
        };
        return [way(true, insn.jt), way(false, insn.jf)].into_iter().flatten().collect();
    }
    match insn.code {
        op::RET_K | op::RET_A => Vec::new(),
        op::JA => vec![(insn.k as usize, state)],
        _ if state.carry_out(insn) => vec![(0, state)],
        _ => Vec::new(),
    }
}
