//! What happens at the end of every call.
//!
//! A filter that refuses a call, or a supervisor that answers it, does so before `sys_enter`; `sys_exit` comes all the
//! same (`kernel/entry/common.c`, syscall_trace_enter and syscall_exit_work). So does that of a child which returns from
//! the call that made it and never began one: on x86 (`arch/x86/kernel/process.c`, ret_from_fork), not on arm64.

use super::layout::{Loss, Map, task};
use super::{Offsets, abi, current, leave, lose};
use crate::ebpf::asm::{Asm, AsmError, Program};
use crate::ebpf::insn::{Alu, Cond, Helper, Reg, Size};
use Reg::{R0, R1, R2, R3, R4, R6, R7, R8, R9, R10};

/// The greatest errno (`MAX_ERRNO`, `include/linux/err.h`).
const MAX_ERRNO: i32 = 4095;
/// On the stack: a key of 16 bytes.
const KEY: i16 = -16;
/// On the stack: the first count.
const ONE: i16 = -24;

/// `tp_btf/sys_exit`
pub(super) fn program(offsets: &Offsets) -> Result<Program<Map>, AsmError> {
    let mut asm = Asm::default();
    let a = &mut asm;
    let (out, begun, unbegun, error) = (a.label(), a.label(), a.label(), a.label());
    a.note("r6: the context, registers and result; r7: the task; r8: what is known of it");
    current(a, out);
    a.load(Size::W, R9, R8, task::SLOT);
    a.note("out of scope");
    a.jump_if(Cond::Eq, R9, 0, out);
    a.load(Size::W, R1, R8, task::PENDING);
    a.jump_if(Cond::Eq, R1, 0, unbegun);
    a.store(Size::W, R8, task::PENDING, 0);
    a.jump_if(Cond::Ne, R1, task::BORN, begun);
    a.note("a child's first end is that of the call that made it, with 0, where the machine shows it at all");
    a.load(Size::D, R2, R6, 8);
    a.jump_if(Cond::Ne, R2, 0, unbegun);
    a.note("the end of a call whose beginning was seen");
    a.place(begun);
    a.load(Size::W, R1, R8, task::FLAGS);
    a.alu(Alu::Or, R1, task::BEGUN);
    a.store(Size::W, R8, task::FLAGS, R1);
    a.jump(out);
    a.place(unbegun);
    a.note("one that began before we looked says nothing, nor does one without any filter");
    a.load(Size::W, R1, R8, task::FLAGS);
    a.alu(Alu::And, R1, task::BEGUN);
    a.jump_if(Cond::Eq, R1, 0, out);
    a.load(Size::W, R1, R7, offsets.filter_count);
    a.jump_if(Cond::Eq, R1, 0, out);
    a.note("the errno it was refused with, or 0: something else answered");
    a.load(Size::D, R2, R6, 8);
    a.mov(R3, 0);
    a.jump_if(Cond::SGe, R2, 0, error);
    a.jump_if(Cond::SLt, R2, -MAX_ERRNO, error);
    a.alu(Alu::Sub, R3, R2);
    a.place(error);
    a.store(Size::W, R10, KEY + 12, R3);
    key(a, offsets);
    count(a, out);
    a.place(out);
    leave(a);
    asm.finish()
}

/// Slot, ABI and number.
fn key(a: &mut Asm<Map>, offsets: &Offsets) {
    a.note("slot, ABI, number, errno");
    a.alu(Alu::Sub, R9, 1);
    a.store(Size::W, R10, KEY, R9);
    abi(a, offsets);
    a.store(Size::W, R10, KEY + 4, R4);
    a.load(Size::D, R1, R6, 0);
    let (offset, wide) = offsets.number;
    a.load(if wide { Size::D } else { Size::W }, R1, R1, offset);
    a.store(Size::W, R10, KEY + 8, R1);
}

/// Counts the key.
fn count(a: &mut Asm<Map>, out: crate::ebpf::asm::Label) {
    let new = a.label();
    a.map(R1, Map::Refused);
    a.mov(R2, R10);
    a.alu(Alu::Add, R2, i32::from(KEY));
    a.call(Helper::MapLookup);
    a.jump_if(Cond::Eq, R0, 0, new);
    a.mov(R1, 1);
    a.atomic_add(Size::D, R0, 0, R1);
    a.jump(out);
    a.place(new);
    a.store(Size::D, R10, ONE, 1);
    a.map(R1, Map::Refused);
    a.mov(R2, R10);
    a.alu(Alu::Add, R2, i32::from(KEY));
    a.mov(R3, R10);
    a.alu(Alu::Add, R3, i32::from(ONE));
    a.mov(R4, 0);
    a.call(Helper::MapUpdate);
    a.jump_if(Cond::Eq, R0, 0, out);
    lose(a, Loss::Refused);
}
