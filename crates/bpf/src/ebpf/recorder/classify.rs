//! Whether a task is in scope: asked when it is first seen, and again when somebody was moved.

use super::layout::{Loss, Map, SESSIONS, globals, slot, task};
use super::{CgroupOffsets, Offsets, Scope, lose, root, storage};
use crate::ebpf::asm::{Asm, Label};
use crate::ebpf::insn::{Alu, Cond, Helper, Reg, Size};
use Reg::{R0, R1, R2, R3, R7, R8, R9, R10};

/// The deepest cgroup that is looked at.
const MAX_DEPTH: i32 = 32;
/// On the stack: a pointer that was read.
const POINTER: i16 = -8;
/// On the stack: a level that was read.
const LEVEL: i16 = -16;
/// On the stack: the task's cgroup.
const CGROUP: i16 = -24;

/// With the task in `r7`: leaves its storage in `r8` and goes on at `known`, or at `out`. `r6` is left alone.
pub(super) fn classify(asm: &mut Asm<Map>, offsets: &Offsets, scope: Scope, known: Label, out: Label) {
    let kept = asm.label();
    asm.note("not seen before, or before somebody was moved: remember what is found out now");
    asm.mov(R2, R7);
    asm.mov(R3, 0);
    storage(asm, true);
    asm.jump_if(Cond::Ne, R0, 0, kept);
    asm.note("no memory for it: the call is lost, and that is counted");
    lose(asm, Loss::TaskMemory);
    asm.jump(out);
    asm.place(kept);
    asm.mov(R8, R0);
    asm.note("the generation is read first: a change from here on asks again");
    asm.map_value(R1, Map::Globals, globals::GENERATION);
    asm.load(Size::W, R2, R1, 0);
    asm.store(Size::W, R8, task::GENERATION, R2);
    let found = asm.label();
    match scope {
        Scope::Tree => {}
        Scope::Cgroup(hierarchy) => {
            let absent = asm.label();
            in_cgroup(asm, &offsets.cgroup, hierarchy, found, absent);
            asm.place(absent);
            asm.note("elsewhere: out of scope until the next move");
            asm.store(Size::W, R8, task::SLOT, 0);
            asm.jump(out);
            asm.place(found);
        }
    }
    asm.note("in scope as before");
    asm.load(Size::W, R1, R8, task::SLOT);
    asm.jump_if(Cond::Ne, R1, 0, known);
    let alone = asm.label();
    of_leader(asm, offsets, known, alone);
    asm.place(alone);
    match scope {
        Scope::Tree => asm.jump(out),
        Scope::Cgroup(_) => new_session(asm, offsets, known),
    }
}

/// A thread belongs where its process does: copies what is known of the leader.
fn of_leader(asm: &mut Asm<Map>, offsets: &Offsets, known: Label, alone: Label) {
    asm.note("a thread belongs where the leader of its process does");
    asm.load(Size::D, R2, R7, offsets.group_leader);
    storage(asm, false);
    asm.jump_if(Cond::Eq, R0, 0, alone);
    asm.load(Size::W, R1, R0, task::SLOT);
    asm.jump_if(Cond::Eq, R1, 0, alone);
    asm.store(Size::W, R8, task::SLOT, R1);
    for field in [task::BASE, task::FLAGS, task::EXECUTABLE] {
        asm.load(Size::W, R1, R0, field);
        asm.store(Size::W, R8, field, R1);
    }
    asm.load(Size::D, R1, R0, task::ROOT);
    asm.store(Size::D, R8, task::ROOT, R1);
    asm.jump(known);
}

/// Somebody came from outside: a session of its own, which begins before its filter.
fn new_session(asm: &mut Asm<Map>, offsets: &Offsets, known: Label) {
    let (room, nobody) = (asm.label(), asm.label());
    asm.note("somebody came from outside: a session of its own");
    asm.map_value(R1, Map::Globals, globals::NEXT_SESSION);
    asm.mov(R9, 1);
    asm.fetch_add(Size::W, R1, 0, R9);
    asm.jump_if(Cond::Lt, R9, SESSIONS as i32, room);
    asm.note("too many: the last one is shared, and that is counted");
    lose(asm, Loss::Sessions);
    asm.mov(R9, SESSIONS as i32 - 1);
    asm.place(room);
    asm.note("its first slot is for what comes before its filter");
    asm.alu(Alu::Lsh, R9, 1);
    asm.store(Size::W, R10, LEVEL, R9);
    asm.alu(Alu::Add, R9, 1);
    asm.store(Size::W, R8, task::SLOT, R9);
    asm.load(Size::W, R1, R7, offsets.filter_count);
    asm.store(Size::W, R8, task::BASE, R1);
    asm.store(Size::W, R8, task::FLAGS, 0);
    asm.store(Size::W, R8, task::EXECUTABLE, 0);
    root(asm, offsets, R1, R7);
    asm.store(Size::D, R8, task::ROOT, R1);
    asm.note("who came, and when");
    asm.map(R1, Map::Slots);
    asm.mov(R2, R10);
    asm.alu(Alu::Add, R2, i32::from(LEVEL));
    asm.call(Helper::MapLookup);
    asm.jump_if(Cond::Eq, R0, 0, known);
    asm.mov(R9, R0);
    asm.call(Helper::GetCurrentPidTgid);
    asm.alu(Alu::Rsh, R0, 32);
    asm.store(Size::W, R9, slot::PID, R0);
    asm.call(Helper::KtimeGetNs);
    asm.store(Size::D, R9, slot::CAME, R0);
    asm.note("the leader is in it, too, so that its other threads are");
    asm.load(Size::D, R2, R7, offsets.group_leader);
    asm.mov(R3, R8);
    storage(asm, true);
    asm.jump_if(Cond::Eq, R0, 0, nobody);
    for field in [task::SLOT, task::BASE, task::FLAGS, task::EXECUTABLE] {
        asm.load(Size::W, R1, R8, field);
        asm.store(Size::W, R0, field, R1);
    }
    asm.load(Size::D, R1, R8, task::ROOT);
    asm.store(Size::D, R0, task::ROOT, R1);
    asm.place(nobody);
    asm.jump(known);
}

/// Goes to `found` if the task in `r7` is in the cgroup whose id is among the globals, or below it.
fn in_cgroup(
    asm: &mut Asm<Map>,
    offsets: &CgroupOffsets,
    hierarchy: Option<u8>,
    found: Label,
    absent: Label,
) {
    asm.note("the task's cgroup in the hierarchy that is asked about");
    asm.load(Size::D, R3, R7, offsets.cgroups);
    match hierarchy {
        None => read(asm, offsets.unified, absent),
        Some(controller) => {
            read(asm, offsets.subsys + 8 * i16::from(controller), absent);
            read(asm, offsets.of_subsys, absent);
        }
    }
    asm.store(Size::D, R10, CGROUP, R3);
    asm.note("how deep it is");
    asm.alu(Alu::Add, R3, i32::from(offsets.level));
    asm.mov(R1, R10);
    asm.alu(Alu::Add, R1, i32::from(LEVEL));
    asm.mov(R2, 4);
    asm.call(Helper::ProbeReadKernel);
    asm.jump_if(Cond::Ne, R0, 0, absent);
    asm.load(Size::W, R9, R10, LEVEL);
    asm.jump_if(Cond::Gt, R9, MAX_DEPTH, absent);
    let (next, again) = (asm.label(), asm.label());
    asm.note("it or one above it: from itself up to the root");
    asm.place(again);
    asm.load(Size::D, R3, R10, CGROUP);
    asm.mov(R1, R9);
    asm.alu(Alu::Lsh, R1, 3);
    asm.alu(Alu::Add, R3, R1);
    read(asm, offsets.ancestors, absent);
    read(asm, offsets.node, absent);
    read(asm, offsets.id, absent);
    asm.map_value(R1, Map::Globals, globals::CGROUP);
    asm.load(Size::D, R2, R1, 0);
    asm.jump_if(Cond::Ne, R3, R2, next);
    asm.jump(found);
    asm.place(next);
    asm.jump_if(Cond::Eq, R9, 0, absent);
    asm.alu(Alu::Sub, R9, 1);
    asm.jump(again);
}

/// `r3 = *(r3 + offset)`, of memory that may not be there.
fn read(asm: &mut Asm<Map>, offset: i16, absent: Label) {
    asm.alu(Alu::Add, R3, i32::from(offset));
    asm.mov(R1, R10);
    asm.alu(Alu::Add, R1, i32::from(POINTER));
    asm.mov(R2, 8);
    asm.call(Helper::ProbeReadKernel);
    asm.jump_if(Cond::Ne, R0, 0, absent);
    asm.load(Size::D, R3, R10, POINTER);
}
