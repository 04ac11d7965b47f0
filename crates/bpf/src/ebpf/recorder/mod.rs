//! The programs of the recorder: what the kernel runs at every system call while a recording lasts.
//!
//! | program | at | does |
//! | --- | --- | --- |
//! | [`Hook::Enter`] | the beginning of every call | finds out whether the task is in scope, and marks call and argument values as seen |
//! | [`Hook::Exit`] | the end of every call | an end without a beginning: another filter answered |
//! | [`Hook::Fork`] | a birth | the child is in scope as its parent |
//! | [`Hook::Exec`] | an execve that went well | the workload's own program, or the next one, begins |
//! | [`Hook::Moved`] | a move between cgroups | who is in scope is asked again |
//! | [`Hook::Made`] | a cgroup is made | the one that was waited for is the scope from now on |
//!
//! A task that is out of scope costs one look-up in its own storage. What was seen stands in arrays that callgate maps, so
//! nothing is drained and nothing can be overtaken; the ring of events carries evidence only.

mod classify;
mod enter;
mod exit;
pub mod layout;
mod made;
mod offsets;
mod tasks;
mod values;

#[cfg(test)]
mod tests;

use super::asm::{Asm, AsmError, Label, Program};
use super::insn::{Alu, Cond, Helper, Reg, Size};
pub use layout::{Loss, Map, Plan};
pub use offsets::{CgroupOffsets, Machine, OffsetError, Offsets};

/// What the programs read and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// `sys_enter(struct pt_regs *, long nr)`
    Enter,
    /// `sys_exit(struct pt_regs *, long ret)`
    Exit,
    /// `sched_process_fork(struct task_struct *parent, struct task_struct *child)`
    Fork,
    /// `sched_process_exec(struct task_struct *, pid_t, struct linux_binprm *)`
    Exec,
    /// `cgroup_attach_task(struct cgroup *, const char *, struct task_struct *, bool)`
    Moved,
    /// `cgroup_mkdir(struct cgroup *, const char *path)`; attached only where a cgroup is waited for.
    Made,
}

impl Hook {
    /// Every hook.
    pub const ALL: [Self; 6] = [Self::Enter, Self::Exit, Self::Fork, Self::Exec, Self::Moved, Self::Made];

    /// The tracepoint.
    pub fn name(self) -> &'static str {
        match self {
            Self::Enter => "sys_enter",
            Self::Exit => "sys_exit",
            Self::Fork => "sched_process_fork",
            Self::Exec => "sched_process_exec",
            Self::Moved => "cgroup_attach_task",
            Self::Made => "cgroup_mkdir",
        }
    }

    /// The program to be run there.
    pub fn program(self, offsets: &Offsets, scope: Scope) -> Result<Program<Map>, AsmError> {
        match self {
            Self::Enter => enter::program(offsets, scope),
            Self::Exit => exit::program(offsets),
            Self::Fork => tasks::fork(offsets, scope),
            Self::Exec => tasks::exec(offsets),
            Self::Moved => tasks::moved(),
            Self::Made => made::program(offsets),
        }
    }
}

/// Who is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Processes that callgate marked, and their descendants.
    Tree,
    /// The tasks of a cgroup and of those below it; its id is among the globals. In the v2 hierarchy, or that of a
    /// controller of v1, by the controller's number (`enum cgroup_subsys_id`).
    Cgroup(Option<u8>),
}

/// `r0 = storage of the task in r2`, or 0. Makes one if it has to, with the value `r3` points to.
fn storage(asm: &mut Asm<Map>, create: bool) {
    asm.map(Reg::R1, Map::Tasks);
    if !create {
        asm.mov(Reg::R3, 0);
    }
    // BPF_LOCAL_STORAGE_GET_F_CREATE
    asm.mov(Reg::R4, i32::from(create));
    asm.call(Helper::TaskStorageGet);
}

/// `r6` = the context, `r7` = the current task, `r8` = what is known of it; goes to `unknown` if nothing is.
fn current(asm: &mut Asm<Map>, unknown: Label) {
    asm.mov(Reg::R6, Reg::R1);
    asm.call(Helper::GetCurrentTaskBtf);
    asm.mov(Reg::R7, Reg::R0);
    asm.mov(Reg::R2, Reg::R7);
    storage(asm, false);
    asm.jump_if(Cond::Eq, Reg::R0, 0, unknown);
    asm.mov(Reg::R8, Reg::R0);
}

/// `to` = the address of the root directory of the task in `of`.
fn root(asm: &mut Asm<Map>, offsets: &Offsets, to: Reg, of: Reg) {
    asm.load(Size::D, to, of, offsets.fs);
    asm.load(Size::D, to, to, offsets.root);
}

/// `r4` = the number of the ABI by which the task in `r7` is calling.
fn abi(asm: &mut Asm<Map>, offsets: &Offsets) {
    let native = asm.label();
    asm.mov(Reg::R4, 0);
    asm.load(Size::W, Reg::R3, Reg::R7, offsets.compat.0);
    asm.alu(Alu::And, Reg::R3, offsets.compat.1);
    asm.jump_if(Cond::Eq, Reg::R3, 0, native);
    asm.mov(Reg::R4, 1);
    asm.place(native);
}

/// Puts the event at `at` on the stack into the ring.
fn publish(asm: &mut Asm<Map>, at: i16, bytes: u32) {
    let done = asm.label();
    asm.map(Reg::R1, Map::Events);
    asm.mov(Reg::R2, Reg::R10);
    asm.alu(Alu::Add, Reg::R2, i32::from(at));
    asm.mov(Reg::R3, bytes as i32);
    asm.mov(Reg::R4, 0);
    asm.call(Helper::RingbufOutput);
    asm.jump_if(Cond::Eq, Reg::R0, 0, done);
    lose(asm, Loss::Events);
    asm.place(done);
}

/// Counts a loss.
fn lose(asm: &mut Asm<Map>, loss: Loss) {
    asm.map_value(Reg::R1, Map::Globals, loss.at());
    asm.mov(Reg::R2, 1);
    asm.atomic_add(Size::D, Reg::R1, 0, Reg::R2);
}

/// The end of every program.
fn leave(asm: &mut Asm<Map>) {
    asm.mov(Reg::R0, 0);
    asm.exit();
}
