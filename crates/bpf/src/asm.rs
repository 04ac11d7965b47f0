//! An assembler that writes a program from its end to its start.
//!
//! Classic BPF jumps forward only, so written backwards every target is known when a jump is: no fix-ups, no second
//! pass. Conditional jumps reach 255 instructions; what is further away gets a JA, or its own copy of a return.

use std::collections::BTreeMap;

use callgate_core::set::ArgSet;

use crate::insn::{Insn, OFFSET_ARGS, Program, op};

/// A place in the program: how many instructions come after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Label(usize);

/// The program so far, last instruction first.
#[derive(Default)]
pub(crate) struct Asm {
    reversed: Vec<Insn>,
    /// The nearest return of each value.
    returns: BTreeMap<u32, Label>,
}

/// The interval and mask that one 32-bit word has to satisfy.
struct Word {
    min: u32,
    max: u32,
    mask: u32,
    bits: u32,
}

/// Where the two words of an argument stand. On 32-bit ABIs the upper one is always zero and never looked at.
pub(crate) struct Argument {
    low: u32,
    high: Option<u32>,
}

impl Argument {
    /// Argument `index` of an ABI with registers of `bits` bits and the given byte order.
    pub(crate) fn new(index: usize, bits: u32, big_endian: bool) -> Self {
        let first = OFFSET_ARGS + 8 * index as u32;
        let (low, high) = if big_endian { (first + 4, first) } else { (first, first + 4) };
        Self { low, high: (bits > 32).then_some(high) }
    }
}

impl Asm {
    /// How many instructions there are.
    pub(crate) fn len(&self) -> usize {
        self.reversed.len()
    }

    /// The program, first instruction first.
    pub(crate) fn finish(mut self) -> Program {
        self.reversed.reverse();
        Program(self.reversed)
    }

    fn push(&mut self, insn: Insn) -> Label {
        self.reversed.push(insn);
        Label(self.reversed.len() - 1)
    }

    /// A place that returns `value`.
    pub(crate) fn ret(&mut self, value: u32) -> Label {
        if let Some(label) = self.returns.get(&value) {
            return *label;
        }
        let label = self.push(Insn::stmt(op::RET_K, value));
        self.returns.insert(value, label);
        label
    }

    /// A place that goes to `target`, right behind the next instruction written.
    fn hop(&mut self, target: Label) -> Label {
        let insn = self.reversed[target.0];
        if insn.code == op::RET_K {
            let label = self.push(insn);
            self.returns.insert(insn.k, label);
            return label;
        }
        let distance = self.reversed.len() - target.0 - 1;
        // Programs that long are refused as a whole; here it only has to be a number.
        self.push(Insn::stmt(op::JA, u32::try_from(distance).unwrap_or(u32::MAX)))
    }

    /// `target`, or a place that leads to it, within reach of a jump before which `between` more instructions come.
    fn near(&mut self, target: Label, between: usize) -> Label {
        if self.reversed.len() + between - target.0 - 1 > 255 { self.hop(target) } else { target }
    }

    /// A conditional jump on the accumulator.
    pub(crate) fn jump(&mut self, code: u16, k: u32, yes: Label, no: Label) -> Label {
        if yes == no {
            return yes;
        }
        let no = self.near(no, 1);
        let yes = self.near(yes, 0);
        let here = self.reversed.len();
        // Both differences are at most 255 by `near`.
        self.push(Insn::jump(code, k, (here - yes.0 - 1) as u8, (here - no.0 - 1) as u8))
    }

    /// An instruction that goes on to `next`.
    fn then(&mut self, insn: Insn, next: Label) -> Label {
        if next.0 + 1 != self.reversed.len() {
            self.hop(next);
        }
        self.push(insn)
    }

    /// Loads the word at `offset` and goes on to `next`.
    pub(crate) fn load(&mut self, offset: u32, next: Label) -> Label {
        self.then(Insn::stmt(op::LD_W_ABS, offset), next)
    }

    /// Goes to `yes` if the argument is in `set`, otherwise to `no`. The accumulator is lost.
    pub(crate) fn test(&mut self, arg: &Argument, set: &ArgSet, yes: Label, no: Label) -> Label {
        let within = ArgSet::range(0, if arg.high.is_some() { u64::MAX } else { 0xffff_ffff });
        let Some(set) = set.intersect(&within).and_then(|s| s.relaxed()) else { return no };
        let (min, max) = (Halves::of(set.min), Halves::of(set.max));
        let (mask, bits) = (Halves::of(set.mask), Halves::of(set.bits));
        let Some(high) = arg.high else {
            let word = Word { min: min.low, max: max.low, mask: mask.low, bits: bits.low };
            return self.word(arg.low, &word, yes, no);
        };
        if min.high == max.high {
            let low = Word { min: min.low, max: max.low, mask: mask.low, bits: bits.low };
            let low = self.word(arg.low, &low, yes, no);
            let high_word = Word { min: min.high, max: max.high, mask: 0, bits: 0 };
            return self.word(high, &high_word, low, no);
        }
        let masked = |mask, bits| Word { min: 0, max: u32::MAX, mask, bits };
        let yes = self.word(arg.low, &masked(mask.low, bits.low), yes, no);
        let bounds = self.bounds((arg.low, high), (&min, &max), yes, no);
        self.word(high, &masked(mask.high, bits.high), bounds, no)
    }

    /// Goes to `yes` if a 64-bit argument lies between bounds whose upper words differ.
    fn bounds(&mut self, at: (u32, u32), (min, max): (&Halves, &Halves), yes: Label, no: Label) -> Label {
        let (low, high) = at;
        let from_min = Word { min: min.low, max: u32::MAX, mask: 0, bits: 0 };
        let at_min = self.word(low, &from_min, yes, no);
        let to_max = Word { min: 0, max: max.low, mask: 0, bits: 0 };
        let at_max = self.word(low, &to_max, yes, no);
        // Upper word: below min no, at min the lower word decides, at max likewise, above max no, between yes.
        let inside = self.jump(op::JEQ_K, max.high, at_max, yes);
        let inside = if max.high == u32::MAX { inside } else { self.jump(op::JGT_K, max.high, no, inside) };
        let inside = self.jump(op::JEQ_K, min.high, at_min, inside);
        let inside = if min.high == 0 { inside } else { self.jump(op::JGE_K, min.high, inside, no) };
        if inside == yes { yes } else { self.load(high, inside) }
    }

    /// Goes to `yes` if the word at `offset` satisfies all that `word` asks.
    fn word(&mut self, offset: u32, word: &Word, yes: Label, no: Label) -> Label {
        let start = match word {
            Word { min, max, .. } if min == max => self.jump(op::JEQ_K, *min, yes, no),
            _ => {
                let masked = self.mask(word, yes, no);
                let below =
                    if word.max == u32::MAX { masked } else { self.jump(op::JGT_K, word.max, no, masked) };
                if word.min == 0 { below } else { self.jump(op::JGE_K, word.min, below, no) }
            }
        };
        if start == yes { yes } else { self.load(offset, start) }
    }

    fn mask(&mut self, word: &Word, yes: Label, no: Label) -> Label {
        match *word {
            Word { mask: 0, .. } => yes,
            Word { mask, bits: 0, .. } => self.jump(op::JSET_K, mask, no, yes),
            Word { mask, .. } if mask.is_power_of_two() => self.jump(op::JSET_K, mask, yes, no),
            Word { mask, bits, .. } => {
                let equal = self.jump(op::JEQ_K, bits, yes, no);
                if equal == yes { yes } else { self.then(Insn::stmt(op::AND_K, mask), equal) }
            }
        }
    }
}

struct Halves {
    low: u32,
    high: u32,
}

impl Halves {
    fn of(value: u64) -> Self {
        Self { low: value as u32, high: (value >> 32) as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check, run};
    use callgate_core::SeccompData;

    #[test]
    fn targets_out_of_reach_are_reached_all_the_same() {
        let mut asm = Asm::default();
        let far = asm.ret(1);
        let far = asm.load(0, far);
        let mut label = asm.ret(2);
        for k in 0..600 {
            let no = if k % 2 == 0 { far } else { asm.ret(3) };
            label = asm.jump(op::JEQ_K, k, no, label);
        }
        asm.load(0, label);
        let program = asm.finish();
        assert_eq!(check(&program), Ok(()));
        for (nr, expected) in [(0, 1), (1, 3), (598, 1), (599, 3), (600, 2)] {
            assert_eq!(run(&program, &SeccompData { nr, ..SeccompData::default() }), Ok(expected));
        }
    }

    #[test]
    fn plain_sets_need_few_instructions() {
        let length = |bits, set: ArgSet| {
            let mut asm = Asm::default();
            let (yes, no) = (asm.ret(1), asm.ret(0));
            asm.test(&Argument::new(0, bits, false), &set, yes, no);
            asm.len() - 2
        };
        assert_eq!(length(64, ArgSet::any()), 0);
        assert_eq!(length(64, ArgSet::exactly(5)), 4);
        assert_eq!(length(32, ArgSet::exactly(5)), 2);
        assert_eq!(length(64, ArgSet::masked(0x7e02_0000, 0)), 2);
        assert_eq!(length(64, ArgSet::masked(0xff, 3)), 3);
        assert_eq!(length(64, ArgSet::range(0x1_0000_0000, u64::MAX)), 2);
        assert_eq!(length(32, ArgSet::range(0x1_0000_0000, u64::MAX)), 0);
    }
}
