//! A cgroup is made: whether it is the one that is waited for.

use super::layout::{Map, globals};
use super::{Offsets, leave, tasks};
use crate::ebpf::asm::{Asm, AsmError, Program};
use crate::ebpf::insn::{Alu, Cond, Helper, Reg, Size};
use Reg::{R1, R2, R3, R6, R7, R10};

/// On the stack: the new one's path.
const PATH: i16 = -(globals::PATH as i16);

/// `tp_btf/cgroup_mkdir`: it comes before anybody can see the directory, or be moved into it (`kernel/cgroup/cgroup.c`,
/// cgroup_mkdir).
pub(super) fn program(offsets: &Offsets) -> Result<Program<Map>, AsmError> {
    let mut asm = Asm::default();
    let a = &mut asm;
    let out = a.label();
    a.note("r6: the context, cgroup and path; r7: the cgroup");
    a.mov(R6, R1);
    a.load(Size::D, R7, R6, 0);
    a.note("in the hierarchy in which one is waited for");
    a.load(Size::D, R1, R7, offsets.cgroup.root);
    a.load(Size::W, R1, R1, offsets.cgroup.hierarchy);
    a.map_value(R2, Map::Globals, globals::AWAITED_IN);
    a.load(Size::W, R2, R2, 0);
    a.jump_if(Cond::Ne, R1, R2, out);
    a.note("its path, which a longer one does not begin like: the zero at the end is compared, too");
    let words = (0..globals::PATH as i16).step_by(8);
    for at in words.clone() {
        a.store(Size::D, R10, PATH + at, 0);
    }
    a.load(Size::D, R3, R6, 8);
    a.mov(R1, R10);
    a.alu(Alu::Add, R1, i32::from(PATH));
    a.mov(R2, globals::PATH as i32);
    a.call(Helper::ProbeReadKernelStr);
    a.map_value(R1, Map::Globals, globals::AWAITED);
    for at in words {
        a.load(Size::D, R2, R1, at);
        a.load(Size::D, R3, R10, PATH + at);
        a.jump_if(Cond::Ne, R2, R3, out);
    }
    a.note("that is it: who is moved or born into it is in scope");
    a.load(Size::D, R1, R7, offsets.cgroup.node);
    a.load(Size::D, R3, R1, offsets.cgroup.id);
    a.map_value(R2, Map::Globals, globals::CGROUP);
    a.store(Size::D, R2, 0, R3);
    tasks::ask_again(a);
    a.place(out);
    leave(a);
    asm.finish()
}
