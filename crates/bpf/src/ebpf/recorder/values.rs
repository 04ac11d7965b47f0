//! Values of arguments: those worth learning, cut to the bits that matter, each kept once.

use super::enter::{ABI, CALL, KEY, REGISTERS, SLOT, add_key};
use super::layout::{
    ABIS, ARGUMENTS, Loss, Map, NUMBERS, PLAN_FIRST_BIT, PLAN_MASKS, VALUES_PER_ARGUMENT, slot,
};
use super::{Offsets, lose};
use crate::ebpf::asm::{Asm, Label};
use crate::ebpf::insn::{Alu, Cond, Helper, Reg, Size};
use Reg::{R0, R1, R2, R3, R4, R5, R6, R7, R9, R10};

/// With the context in `r6` and the slot in `r9`: keeps the values the plan asks for. Uses up `r6` and `r7`.
pub(super) fn keep(asm: &mut Asm<Map>, offsets: &Offsets, out: Label) {
    asm.note("r7: the plan for this call, a bit for each argument that is kept and the number of the first");
    asm.load(Size::W, R1, R10, CALL);
    asm.alu(Alu::And, R1, (ABIS * NUMBERS) as i32 - 1);
    asm.alu(Alu::Lsh, R1, 2);
    asm.map_value(R2, Map::Plan, 0);
    asm.alu(Alu::Add, R2, R1);
    asm.load(Size::W, R7, R2, 0);
    asm.jump_if(Cond::Eq, R7, 0, out);
    copy_registers(asm, offsets);
    for argument in 0..6 {
        let next = asm.label();
        let kept = asm.label();
        asm.note("the next argument");
        asm.jump_if(Cond::Set, R7, 1 << (PLAN_FIRST_BIT + argument), kept);
        asm.jump(next);
        asm.place(kept);
        one(asm, REGISTERS + 8 * argument as i16);
        asm.alu(Alu::Add, R7, 1);
        asm.place(next);
    }
    asm.jump(out);
}

/// Copies the six argument registers of this call's ABI to the stack.
fn copy_registers(asm: &mut Asm<Map>, offsets: &Offsets) {
    let (compat, copied) = (asm.label(), asm.label());
    asm.note("the registers the arguments are in");
    asm.load(Size::D, R6, R6, 0);
    asm.load(Size::W, R1, R10, ABI);
    asm.jump_if(Cond::Ne, R1, 0, compat);
    for (registers, end) in [(offsets.arguments, Some(copied)), (offsets.compat_arguments, None)] {
        for (i, register) in registers.into_iter().enumerate() {
            asm.load(Size::D, R1, R6, register);
            asm.store(Size::D, R10, REGISTERS + 8 * i as i16, R1);
        }
        if let Some(end) = end {
            asm.jump(end);
            asm.place(compat);
        }
    }
    asm.place(copied);
}

/// One value, on the stack. `r7` has the argument's number.
fn one(asm: &mut Asm<Map>, register: i16) {
    let (search, last, done) = (asm.label(), asm.label(), asm.label());
    asm.note("the bits that are kept");
    asm.mov(R2, R7);
    asm.alu(Alu::And, R2, ARGUMENTS as i32 - 1);
    asm.mov(R3, R2);
    asm.alu(Alu::Lsh, R3, 3);
    asm.map_value(R1, Map::Plan, PLAN_MASKS);
    asm.alu(Alu::Add, R1, R3);
    asm.load(Size::D, R1, R1, 0);
    asm.load(Size::D, R4, R10, register);
    asm.alu(Alu::And, R4, R1);
    asm.store(Size::D, R10, KEY, R4);
    asm.store(Size::W, R10, KEY + 12, R2);
    asm.note("the same as last time: nothing to do");
    asm.alu(Alu::Add, R3, R9);
    asm.load(Size::D, R5, R3, slot::LAST);
    asm.jump_if(Cond::Ne, R4, R5, search);
    count(asm);
    asm.load(Size::W, R3, R1, slot::COUNT);
    asm.jump_if(Cond::Ne, R3, 0, done);
    asm.place(search);
    asm.note("one of those before");
    asm.load(Size::W, R1, R10, SLOT);
    asm.store(Size::W, R10, KEY + 8, R1);
    asm.map(R1, Map::Values);
    asm.mov(R2, R10);
    asm.alu(Alu::Add, R2, i32::from(KEY));
    asm.call(Helper::MapLookup);
    asm.jump_if(Cond::Ne, R0, 0, last);
    add(asm, done);
    asm.place(last);
    asm.mov(R1, R7);
    asm.alu(Alu::And, R1, ARGUMENTS as i32 - 1);
    asm.alu(Alu::Lsh, R1, 3);
    asm.alu(Alu::Add, R1, R9);
    asm.load(Size::D, R2, R10, KEY);
    asm.store(Size::D, R1, slot::LAST, R2);
    asm.place(done);
}

/// A value that is new: kept, or, where there are too many or there is no room, the argument is widened.
fn add(asm: &mut Asm<Map>, done: Label) {
    let (room, wide, added) = (asm.label(), asm.label(), asm.label());
    asm.note("too many: the argument is widened");
    count(asm);
    asm.load(Size::W, R3, R1, slot::COUNT);
    asm.jump_if(Cond::Lt, R3, VALUES_PER_ARGUMENT, room);
    asm.place(wide);
    count(asm);
    asm.store(Size::W, R1, slot::COUNT, slot::WIDE);
    asm.jump(done);
    asm.place(room);
    asm.map(R1, Map::Values);
    add_key(asm);
    asm.jump_if(Cond::Eq, R0, 0, added);
    asm.note("no room left: widened, and counted");
    lose(asm, Loss::Values);
    asm.jump(wide);
    asm.place(added);
    count(asm);
    asm.mov(R2, 1);
    asm.atomic_add(Size::W, R1, slot::COUNT, R2);
}

/// `r1 + COUNT` = where values of the argument in `r7` are counted.
fn count(asm: &mut Asm<Map>) {
    asm.mov(R1, R7);
    asm.alu(Alu::And, R1, ARGUMENTS as i32 - 1);
    asm.alu(Alu::Lsh, R1, 2);
    asm.alu(Alu::Add, R1, R9);
}
