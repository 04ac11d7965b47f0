//! What happens to tasks: they are born, execute programs, and are moved.

use super::layout::{Loss, Map, event, globals, task};
use super::{Offsets, Scope, leave, lose, publish, root, storage};
use crate::ebpf::asm::{Asm, AsmError, Program};
use crate::ebpf::insn::{Alu, Cond, Helper, Reg, Size};
use Reg::{R0, R1, R2, R3, R6, R7, R8, R10};

/// On the stack: what is known of the child.
const CHILD: i16 = -(task::SIZE as i16);
/// On the stack: an event.
const EVENT: i16 = -(event::EXEC_SIZE as i16);

/// `tp_btf/sched_process_fork`: it comes before the child runs (`kernel/fork.c`, kernel_clone).
pub(super) fn fork(offsets: &Offsets, scope: Scope) -> Result<Program<Map>, AsmError> {
    let mut asm = Asm::default();
    let a = &mut asm;
    let (out, leader, found, marked) = (a.label(), a.label(), a.label(), a.label());
    a.note("r6: the context, parent and child; r7: the parent");
    a.mov(R6, R1);
    a.load(Size::D, R7, R6, 0);
    a.mov(R2, R7);
    storage(a, false);
    a.jump_if(Cond::Eq, R0, 0, leader);
    a.load(Size::W, R1, R0, task::SLOT);
    a.jump_if(Cond::Ne, R1, 0, found);
    a.place(leader);
    a.note("a thread that was not seen yet belongs where the leader of its process does");
    a.load(Size::D, R2, R7, offsets.group_leader);
    storage(a, false);
    a.jump_if(Cond::Eq, R0, 0, out);
    a.load(Size::W, R1, R0, task::SLOT);
    a.jump_if(Cond::Eq, R1, 0, out);
    a.place(found);
    a.note("the child is what its parent is, in the call that makes it");
    a.store(Size::W, R10, CHILD + task::SLOT, R1);
    match scope {
        Scope::Tree => a.load(Size::W, R1, R0, task::GENERATION),
        // It may have been born into another cgroup (CLONE_INTO_CGROUP).
        Scope::Cgroup(_) => a.mov(R1, 0),
    }
    a.store(Size::W, R10, CHILD + task::GENERATION, R1);
    for field in [task::BASE, task::EXECUTABLE] {
        a.load(Size::W, R1, R0, field);
        a.store(Size::W, R10, CHILD + field, R1);
    }
    a.load(Size::D, R1, R0, task::ROOT);
    a.store(Size::D, R10, CHILD + task::ROOT, R1);
    a.load(Size::W, R1, R0, task::FLAGS);
    a.alu(Alu::Or, R1, task::BEGUN);
    a.store(Size::W, R10, CHILD + task::FLAGS, R1);
    a.store(Size::W, R10, CHILD + task::PENDING, task::BORN);
    a.load(Size::D, R2, R6, 8);
    a.mov(R3, R10);
    a.alu(Alu::Add, R3, i32::from(CHILD));
    storage(a, true);
    a.jump_if(Cond::Ne, R0, 0, marked);
    a.note("no memory for it: the child may be lost, and that is counted");
    lose(a, Loss::Births);
    a.place(marked);
    a.place(out);
    leave(a);
    asm.finish()
}

/// `tp_btf/sched_process_exec`
pub(super) fn exec(offsets: &Offsets) -> Result<Program<Map>, AsmError> {
    let mut asm = Asm::default();
    let a = &mut asm;
    let out = a.label();
    a.note("r6: the context, task, its old number and what is executed; r8: what is known of the task");
    a.mov(R6, R1);
    a.load(Size::D, R2, R6, 0);
    storage(a, false);
    a.jump_if(Cond::Eq, R0, 0, out);
    a.mov(R8, R0);
    a.load(Size::W, R7, R8, task::SLOT);
    a.jump_if(Cond::Eq, R7, 0, out);
    a.note("its program begins");
    a.load(Size::W, R1, R8, task::FLAGS);
    a.alu(Alu::Or, R1, task::EXECUTED);
    a.store(Size::W, R8, task::FLAGS, R1);
    under_another_root(a, offsets);
    a.note("which has a number from now on");
    a.mov(R2, 1);
    a.map_value(R1, Map::Globals, globals::NEXT_EXECUTABLE);
    a.fetch_add(Size::W, R1, 0, R2);
    a.alu(Alu::Add, R2, 1);
    a.store(Size::W, R8, task::EXECUTABLE, R2);
    tell(a, offsets);
    a.place(out);
    leave(a);
    asm.finish()
}

/// Where no filter comes, a container begins with what is executed under its own root directory.
fn under_another_root(a: &mut Asm<Map>, offsets: &Offsets) {
    let same = a.label();
    a.note("inside by its filter, or there before us: its root says nothing");
    a.jump_if(Cond::Set, R1, task::INSIDE | task::ROOTED, same);
    a.load(Size::D, R2, R8, task::ROOT);
    a.jump_if(Cond::Eq, R2, 0, same);
    a.load(Size::D, R3, R6, 0);
    root(a, offsets, R3, R3);
    a.jump_if(Cond::Eq, R3, R2, same);
    a.note("under another root than it came with: the session's other slot, in case no filter ever comes");
    a.alu(Alu::Or, R1, task::ROOTED);
    a.store(Size::W, R8, task::FLAGS, R1);
    a.alu(Alu::Sub, R7, 1);
    a.alu(Alu::Or, R7, 1);
    a.alu(Alu::Add, R7, 1);
    a.store(Size::W, R8, task::SLOT, R7);
    a.place(same);
}

/// Tells callgate which program has the number in `r2`.
fn tell(a: &mut Asm<Map>, offsets: &Offsets) {
    a.store(Size::D, R10, EVENT + 24, R2);
    a.store(Size::W, R10, EVENT, event::EXEC);
    a.alu(Alu::Sub, R7, 1);
    a.store(Size::W, R10, EVENT + 4, R7);
    a.store(Size::D, R10, EVENT + 8, 0);
    a.call(Helper::GetCurrentPidTgid);
    a.store(Size::D, R10, EVENT + 16, R0);
    a.call(Helper::KtimeGetNs);
    a.store(Size::D, R10, EVENT + 32, R0);
    a.note("its path, as it was given; nothing of the stack goes out with it");
    let path = EVENT + event::CALL_SIZE as i16;
    for at in (0..event::PATH as i16).step_by(8) {
        a.store(Size::D, R10, path + at, 0);
    }
    a.load(Size::D, R3, R6, 16);
    a.load(Size::D, R3, R3, offsets.interp);
    a.mov(R1, R10);
    a.alu(Alu::Add, R1, i32::from(path));
    a.mov(R2, event::PATH as i32);
    a.call(Helper::ProbeReadKernelStr);
    publish(a, EVENT, event::EXEC_SIZE);
}

/// `tp_btf/cgroup_attach_task`: it comes after the move (`kernel/cgroup/cgroup.c`, cgroup_attach_task).
pub(super) fn moved() -> Result<Program<Map>, AsmError> {
    let mut asm = Asm::default();
    asm.note("somebody was moved: everybody is asked again, once");
    ask_again(&mut asm);
    leave(&mut asm);
    asm.finish()
}

/// Who is in scope has changed.
pub(super) fn ask_again(asm: &mut Asm<Map>) {
    asm.map_value(R1, Map::Globals, globals::GENERATION);
    asm.mov(R2, 1);
    asm.atomic_add(Size::W, R1, 0, R2);
}
