//! What happens at the beginning of every call.

use super::layout::{ABIS, BUCKETS, Loss, Map, NUMBERS, bucket, event, globals, slot, task};
use super::{Offsets, Scope, abi, classify, current, leave, lose, publish, values};
use crate::ebpf::asm::{Asm, AsmError, Label, Program};
use crate::ebpf::insn::{Alu, Cond, Helper, Reg, Size};
use Reg::{R0, R1, R2, R3, R4, R6, R7, R8, R9, R10};

/// On the stack: the slot.
pub(super) const SLOT: i16 = -8;
/// On the stack: the bucket.
const BUCKET: i16 = -12;
/// On the stack: ABI times [`NUMBERS`] plus number.
pub(super) const CALL: i16 = -16;
/// On the stack: the ABI.
pub(super) const ABI: i16 = -20;
/// On the stack: a key of 16 bytes.
pub(super) const KEY: i16 = -40;
/// On the stack: an event.
const EVENT: i16 = KEY - event::CALL_SIZE as i16;
/// On the stack: six registers.
pub(super) const REGISTERS: i16 = EVENT - 48;
/// On the stack: the value of maps that are sets.
pub(super) const ONE: i16 = REGISTERS - 8;

/// `tp_btf/sys_enter`
pub(super) fn program(offsets: &Offsets, scope: Scope) -> Result<Program<Map>, AsmError> {
    let mut asm = Asm::default();
    let a = &mut asm;
    let (unknown, known, out) = (a.label(), a.label(), a.label());
    a.note("r6: the context, registers and number; r7: the task; r8: what is known of it");
    current(a, unknown);
    a.note("somebody was moved since: ask again");
    a.map_value(R1, Map::Globals, globals::GENERATION);
    a.load(Size::W, R1, R1, 0);
    a.load(Size::W, R2, R8, task::GENERATION);
    a.jump_if(Cond::Ne, R1, R2, unknown);
    a.place(known);
    a.load(Size::W, R9, R8, task::SLOT);
    a.note("out of scope");
    a.jump_if(Cond::Eq, R9, 0, out);
    a.alu(Alu::Sub, R9, 1);
    choose_bucket(a, offsets, out);
    call(a, offsets, out);
    a.place(out);
    leave(a);
    a.place(unknown);
    classify::classify(a, offsets, scope, known, out);
    asm.finish()
}

/// With the slot in `r9`: what is known of it as inside or not, and in which phase. Leaves slot and bucket on the stack.
fn choose_bucket(asm: &mut Asm<Map>, offsets: &Offsets, out: Label) {
    let (inside, floor, chosen) = (asm.label(), asm.label(), asm.label());
    asm.note("inside: its filter chain has grown since it came");
    asm.load(Size::W, R2, R8, task::FLAGS);
    asm.jump_if(Cond::Set, R2, task::INSIDE, inside);
    asm.load(Size::W, R1, R7, offsets.filter_count);
    asm.load(Size::W, R3, R8, task::BASE);
    let grew = asm.label();
    asm.jump_if(Cond::Gt, R1, R3, grew);
    let rooted = asm.label();
    asm.note("not yet: bucket 0, or 1 once it executed a program, or another one once it did so under another root");
    asm.jump_if(Cond::Set, R2, task::ROOTED, rooted);
    asm.alu(Alu::And, R2, task::EXECUTED);
    asm.jump(chosen);
    asm.place(rooted);
    asm.mov(R2, bucket::ROOTED as i32);
    asm.jump(chosen);
    asm.place(grew);
    asm.note("just now: the session has a filter, its other slot begins, and with it the floor");
    asm.store(Size::W, R10, SLOT, R9);
    look_up_slot(asm, out);
    asm.store(Size::W, R0, slot::GREW, 1);
    asm.alu(Alu::Or, R9, 1);
    asm.mov(R1, R9);
    asm.alu(Alu::Add, R1, 1);
    asm.store(Size::W, R8, task::SLOT, R1);
    asm.load(Size::W, R2, R8, task::FLAGS);
    asm.alu(Alu::And, R2, task::BEGUN);
    asm.alu(Alu::Or, R2, task::INSIDE);
    asm.store(Size::W, R8, task::FLAGS, R2);
    asm.place(inside);
    asm.alu(Alu::And, R2, task::EXECUTED);
    asm.jump_if(Cond::Eq, R2, 0, floor);
    asm.note("the phase, as callgate says");
    asm.map_value(R1, Map::Globals, globals::PHASE);
    asm.load(Size::W, R2, R1, 0);
    asm.place(floor);
    asm.alu(Alu::Add, R2, bucket::INSIDE as i32);
    asm.alu(Alu::And, R2, BUCKETS as i32 - 1);
    asm.place(chosen);
    asm.store(Size::W, R10, BUCKET, R2);
    asm.store(Size::W, R10, SLOT, R9);
}

/// `r0` = the slot whose number is on the stack.
fn look_up_slot(asm: &mut Asm<Map>, out: Label) {
    asm.map(R1, Map::Slots);
    asm.mov(R2, R10);
    asm.alu(Alu::Add, R2, i32::from(SLOT));
    asm.call(Helper::MapLookup);
    asm.jump_if(Cond::Eq, R0, 0, out);
}

/// Marks the call as seen, with its arguments.
fn call(asm: &mut Asm<Map>, offsets: &Offsets, out: Label) {
    let (odd, old) = (asm.label(), asm.label());
    asm.note("a call has begun");
    asm.store(Size::W, R8, task::PENDING, 1);
    count(asm);
    asm.note("by which ABI");
    abi(asm, offsets);
    asm.store(Size::W, R10, ABI, R4);
    asm.note("which number: 32 bits, as the kernel looks at them");
    asm.load(Size::D, R1, R6, 8);
    asm.alu(Alu::Lsh, R1, 32);
    asm.alu(Alu::Rsh, R1, 32);
    asm.jump_if(Cond::Ge, R1, NUMBERS as i32, odd);
    asm.alu(Alu::Lsh, R4, NUMBERS.trailing_zeros() as i32);
    asm.alu(Alu::Add, R1, R4);
    asm.store(Size::W, R10, CALL, R1);
    look_up_slot(asm, out);
    asm.note("r9: the slot; its byte of this bucket, ABI and number");
    asm.mov(R9, R0);
    asm.load(Size::W, R1, R10, BUCKET);
    asm.alu(Alu::Lsh, R1, (ABIS * NUMBERS).trailing_zeros() as i32);
    asm.load(Size::W, R2, R10, CALL);
    asm.alu(Alu::Add, R1, R2);
    asm.alu(Alu::And, R1, (BUCKETS * ABIS * NUMBERS) as i32 - 1);
    asm.alu(Alu::Add, R1, R9);
    asm.load(Size::B, R2, R1, slot::SEEN);
    asm.jump_if(Cond::Ne, R2, 0, old);
    asm.note("new: any number of processors may do this at once");
    asm.store(Size::B, R1, slot::SEEN, 1);
    tell(asm);
    asm.place(old);
    asm.note("arguments are not kept while a runtime sets up");
    asm.load(Size::W, R1, R10, BUCKET);
    asm.jump_if(Cond::Eq, R1, bucket::SETUP as i32, out);
    values::keep(asm, offsets, out);
    asm.place(odd);
    odd_number(asm, out);
}

/// Counts the call, in a line of the cache that no other processor writes.
fn count(asm: &mut Asm<Map>) {
    asm.note("one call more on this processor");
    asm.call(Helper::GetSmpProcessorId);
    asm.alu(Alu::And, R0, globals::CALLS_LINES as i32 - 1);
    asm.alu(Alu::Lsh, R0, globals::CALLS_STRIDE.trailing_zeros() as i32);
    asm.map_value(R1, Map::Globals, globals::CALLS);
    asm.alu(Alu::Add, R1, R0);
    asm.load(Size::D, R2, R1, 0);
    asm.alu(Alu::Add, R2, 1);
    asm.store(Size::D, R1, 0, R2);
}

/// Tells callgate that a call was new.
fn tell(asm: &mut Asm<Map>) {
    asm.note("tell callgate: it finds out which executable this is");
    asm.store(Size::W, R10, EVENT, event::CALL);
    for (field, from) in [(4, SLOT), (8, BUCKET), (12, CALL)] {
        asm.load(Size::W, R1, R10, from);
        asm.store(Size::W, R10, EVENT + field, R1);
    }
    asm.load(Size::W, R1, R8, task::EXECUTABLE);
    asm.store(Size::D, R10, EVENT + 24, R1);
    asm.call(Helper::GetCurrentPidTgid);
    asm.store(Size::D, R10, EVENT + 16, R0);
    asm.call(Helper::KtimeGetNs);
    asm.store(Size::D, R10, EVENT + 32, R0);
    publish(asm, EVENT, event::CALL_SIZE);
}

/// A number beyond the tables, in `r1`: kept as number.
fn odd_number(asm: &mut Asm<Map>, out: Label) {
    asm.note("a number beyond the tables is kept as number: slot, bucket, ABI, number");
    asm.store(Size::W, R10, KEY + 12, R1);
    for (field, from) in [(0, SLOT), (4, BUCKET), (8, ABI)] {
        asm.load(Size::W, R1, R10, from);
        asm.store(Size::W, R10, KEY + field, R1);
    }
    asm.map(R1, Map::Odd);
    asm.mov(R2, R10);
    asm.alu(Alu::Add, R2, i32::from(KEY));
    asm.call(Helper::MapLookup);
    asm.jump_if(Cond::Ne, R0, 0, out);
    asm.map(R1, Map::Odd);
    add_key(asm);
    asm.jump_if(Cond::Eq, R0, 0, out);
    lose(asm, Loss::OddNumbers);
    asm.jump(out);
}

/// Adds the key on the stack to the map in `r1`, which is a set; `r0` is 0 if that went well.
pub(super) fn add_key(asm: &mut Asm<Map>) {
    asm.mov(R2, R10);
    asm.alu(Alu::Add, R2, i32::from(KEY));
    asm.store(Size::D, R10, ONE, 1);
    asm.mov(R3, R10);
    asm.alu(Alu::Add, R3, i32::from(ONE));
    // BPF_ANY: another processor may have added it meanwhile.
    asm.mov(R4, 0);
    asm.call(Helper::MapUpdate);
}
