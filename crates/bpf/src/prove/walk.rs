//! Every path through a program at once: what comes out for which inputs.
//!
//! The accumulator is followed as what it stands for: a constant, or a word of the input with a mask. A branch on either
//! splits the inputs exactly; on anything else the program is undecided, and that is said with the instruction.

use std::cell::Cell;

use callgate_core::set::ArgSet;

use super::Undecided;
use super::region::{Region, Values};
use crate::insn::{DATA_SIZE, Insn, MEM_WORDS, Program, op};

/// What a register or a word of scratch memory holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    Constant(u32),
    /// A word of the input, and the bits of it that are left.
    Word {
        word: usize,
        mask: u32,
    },
    /// Something computed from the input.
    Other,
}

#[derive(Clone)]
struct State {
    index: usize,
    a: Value,
    x: Value,
    memory: [Value; MEM_WORDS],
    region: Region,
}

/// Work for one proof: more than any filter people write takes.
const MAX_WORK: usize = 1 << 24;

/// How much may still be done for a proof.
pub(super) struct Budget(Cell<usize>);

impl Budget {
    pub(super) fn new() -> Self {
        Self::of(MAX_WORK)
    }

    pub(super) fn of(work: usize) -> Self {
        Self(Cell::new(work))
    }

    /// Takes as much as there are values to look at.
    pub(super) fn spend(&self, work: usize) -> Result<(), Undecided> {
        let left = self.0.get().checked_sub(work).ok_or(Undecided::TooManyPaths)?;
        self.0.set(left);
        Ok(())
    }
}

/// Calls `found` with the inputs of each path and what they return, until it returns an error.
pub(super) fn walk<E: From<Undecided>>(
    program: &Program,
    inputs: &Region,
    budget: &Budget,
    found: impl FnMut(&Region, u32) -> Result<(), E>,
) -> Result<(), E> {
    walk_and_tell((program, budget), inputs, |_, _| {}, found)
}

/// The same; `passed` hears of every step some input takes: from which instruction to which.
pub(super) fn walk_and_tell<E: From<Undecided>>(
    (program, budget): (&Program, &Budget),
    inputs: &Region,
    mut passed: impl FnMut(usize, usize),
    mut found: impl FnMut(&Region, u32) -> Result<(), E>,
) -> Result<(), E> {
    let none = Value::Constant(0);
    let start = State { index: 0, a: none, x: none, memory: [none; MEM_WORDS], region: inputs.clone() };
    let mut waiting = vec![start];
    while let Some(mut state) = waiting.pop() {
        while !state.region.is_empty() {
            budget.spend(1)?;
            let at = state.index;
            let insn = program.insns().get(at).ok_or(Undecided::Insn(at))?;
            let next = step(&mut state, *insn, budget)?;
            if !state.region.is_empty() {
                passed(at, state.index);
            }
            match next {
                Next::On => {}
                Next::Return(value) => {
                    found(&state.region, value)?;
                    break;
                }
                Next::Branch(other) => {
                    if !other.region.is_empty() {
                        passed(at, other.index);
                    }
                    waiting.push(*other);
                }
            }
        }
    }
    Ok(())
}

enum Next {
    On,
    Return(u32),
    /// One side is the state itself, the other one waits.
    Branch(Box<State>),
}

fn step(state: &mut State, insn: Insn, budget: &Budget) -> Result<Next, Undecided> {
    let Insn { code, jt, jf, k } = insn;
    let at = state.index;
    state.index += 1;
    match code {
        op::RET_K => return Ok(Next::Return(k)),
        op::RET_A => {
            return match concrete(state, state.a) {
                Value::Constant(value) => Ok(Next::Return(value)),
                _ => Err(Undecided::Computed(at)),
            };
        }
        op::JA => state.index = state.index.saturating_add(k as usize),
        op::JEQ_K | op::JGT_K | op::JGE_K | op::JSET_K => return branch(state, (code, k), (jt, jf), budget),
        op::JEQ_X | op::JGT_X | op::JGE_X | op::JSET_X => {
            let Value::Constant(k) = concrete(state, state.x) else { return Err(Undecided::Computed(at)) };
            // The same operation with a constant: the source bit is BPF_X.
            return branch(state, (code & !8, k), (jt, jf), budget);
        }
        _ => compute(state, insn).ok_or(Undecided::Insn(at))?,
    }
    Ok(Next::On)
}

/// A word of which only one value is left is a constant.
fn concrete(state: &State, value: Value) -> Value {
    match value {
        Value::Word { word, mask } => {
            state.region.0[word].single().map_or(value, |only| Value::Constant(only & mask))
        }
        other => other,
    }
}

/// Instructions that neither branch nor return; `None` for those that the kernel would not load.
fn compute(state: &mut State, insn: Insn) -> Option<()> {
    let k = insn.k;
    match insn.code {
        op::LD_IMM => state.a = Value::Constant(k),
        op::LDX_IMM => state.x = Value::Constant(k),
        op::LD_W_LEN => state.a = Value::Constant(DATA_SIZE),
        op::LDX_W_LEN => state.x = Value::Constant(DATA_SIZE),
        op::LD_W_ABS if k < DATA_SIZE && k.is_multiple_of(4) => {
            state.a = Value::Word { word: k as usize / 4, mask: u32::MAX };
        }
        op::LD_MEM => state.a = *state.memory.get(k as usize)?,
        op::LDX_MEM => state.x = *state.memory.get(k as usize)?,
        op::ST => *state.memory.get_mut(k as usize)? = state.a,
        op::STX => *state.memory.get_mut(k as usize)? = state.x,
        op::TAX => state.x = state.a,
        op::TXA => state.a = state.x,
        _ => state.a = arithmetic(state, insn)?,
    }
    Some(())
}

fn arithmetic(state: &State, insn: Insn) -> Option<Value> {
    let operand = if insn.code & 8 == 0 { Value::Constant(insn.k) } else { concrete(state, state.x) };
    let a = concrete(state, state.a);
    // Division by a register that is zero ends the program (`bpf_convert_filter`), so it has to be known.
    if insn.code == op::DIV_X && !matches!(operand, Value::Constant(1..)) {
        return None;
    }
    // Of the operations only the mask is followed symbolically; the others only between constants.
    Some(match (insn.code & !8, a, operand) {
        (op::AND_K, Value::Word { word, mask }, Value::Constant(k)) => Value::Word { word, mask: mask & k },
        (op::NEG, Value::Constant(a), _) => Value::Constant(a.wrapping_neg()),
        (code, Value::Constant(a), Value::Constant(k)) => constants(code, a, k)?,
        (
            op::AND_K
            | op::OR_K
            | op::XOR_K
            | op::ADD_K
            | op::SUB_K
            | op::MUL_K
            | op::DIV_K
            | op::LSH_K
            | op::RSH_K
            | op::NEG,
            ..,
        ) => Value::Other,
        _ => return None,
    })
}

fn constants(code: u16, a: u32, k: u32) -> Option<Value> {
    Some(match code {
        op::AND_K => Value::Constant(a & k),
        op::OR_K => Value::Constant(a | k),
        op::XOR_K => Value::Constant(a ^ k),
        op::ADD_K => Value::Constant(a.wrapping_add(k)),
        op::SUB_K => Value::Constant(a.wrapping_sub(k)),
        op::MUL_K => Value::Constant(a.wrapping_mul(k)),
        op::LSH_K => Value::Constant(a.wrapping_shl(k)),
        op::RSH_K => Value::Constant(a.wrapping_shr(k)),
        op::DIV_K => Value::Constant(a.checked_div(k)?),
        _ => return None,
    })
}

fn branch(
    state: &mut State,
    (code, k): (u16, u32),
    (jt, jf): (u8, u8),
    budget: &Budget,
) -> Result<Next, Undecided> {
    // The index stands on the next instruction already.
    let at = state.index - 1;
    let to = |state: &mut State, offset: u8| state.index += usize::from(offset);
    if jt == jf {
        to(state, jt);
        return Ok(Next::On);
    }
    match concrete(state, state.a) {
        Value::Constant(a) => {
            let holds = match code {
                op::JEQ_K => a == k,
                op::JGT_K => a > k,
                op::JGE_K => a >= k,
                _ => a & k != 0,
            };
            to(state, if holds { jt } else { jf });
            Ok(Next::On)
        }
        Value::Word { word, mask } => {
            let test = test(code, k, mask).ok_or(Undecided::Computed(at))?;
            // The other side is a copy of all there is.
            budget.spend(state.region.pieces())?;
            let (yes, no) = test.split(&state.region.0[word]);
            let mut other = Box::new(state.clone());
            other.region.0[word] = no;
            to(&mut other, jf);
            state.region.0[word] = yes;
            to(state, jt);
            Ok(Next::Branch(other))
        }
        Value::Other => Err(Undecided::Computed(at)),
    }
}

/// A condition on a word: that it is in a set, or that it is not.
struct Test {
    set: ArgSet,
    inside: bool,
}

impl Test {
    fn split(&self, values: &Values) -> (Values, Values) {
        let (inside, outside) = (values.within(&self.set), values.without(&self.set));
        if self.inside { (inside, outside) } else { (outside, inside) }
    }
}

/// What a comparison of the masked word with `k` says of the word; `None` where that is no such set.
fn test(code: u16, k: u32, mask: u32) -> Option<Test> {
    let range = |min: u32, max: u32| ArgSet::range(min.into(), max.into());
    let never = range(1, 0);
    let masked = |mask: u32, bits: u32| {
        if bits & !mask != 0 {
            never
        } else {
            ArgSet { mask: mask.into(), bits: bits.into(), ..range(0, u32::MAX) }
        }
    };
    match code {
        op::JEQ_K => Some(Test { set: masked(mask, k), inside: true }),
        op::JSET_K => Some(Test { set: masked(mask & k, 0), inside: false }),
        // Larger than `k` is at least the next one; than the largest, nothing.
        op::JGT_K => k.checked_add(1).map_or(Some(Test { set: never, inside: true }), |k| at_least(k, mask)),
        _ => at_least(k, mask),
    }
}

/// A masked word can be compared where the mask leaves out the lowest bits only: it is at least `k` where the whole word is
/// at least `k` rounded up.
fn at_least(k: u32, mask: u32) -> Option<Test> {
    let low = !mask;
    if low.checked_add(1).is_some_and(|next| !next.is_power_of_two() && next != 1) {
        return None;
    }
    let from = if k & low == 0 { Some(k) } else { (k | low).checked_add(1) };
    let set = from.map_or(ArgSet::range(1, 0), |from| ArgSet::range(from.into(), u32::MAX.into()));
    // Nothing is left of a word without bits.
    let set = if mask == 0 && k > 0 { ArgSet::range(1, 0) } else { set };
    Some(Test { set, inside: true })
}
