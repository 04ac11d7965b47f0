//! What a filter consists of, and what it costs.

use std::collections::BTreeMap;

use callgate_core::{Arch, Call, sysno};

use crate::bitmap;
use crate::disasm::{Part, parts};
use crate::insn::Program;
use crate::simulate::path;

/// Counts of instructions, and the costs of the calls of the tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Instructions that find out about the architecture.
    pub prologue: usize,
    /// Instructions that find out about the number, by architecture; x32 counts as x86_64, whose token it has.
    pub numbers: BTreeMap<Arch, usize>,
    /// Instructions that find out about the number and are shared by architectures, or reached by none.
    pub shared: usize,
    /// Instructions that look at arguments.
    pub arguments: usize,
    /// Returns.
    pub returns: usize,
    /// What the calls of each architecture cost.
    pub calls: BTreeMap<Arch, Costs>,
}

/// What the calls of one architecture's table cost, all arguments being 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Costs {
    /// How many calls the table has.
    pub count: usize,
    /// Instructions executed, all calls together.
    pub executed: usize,
    /// The most that are executed for one call.
    pub worst: usize,
    /// How many calls the allow bitmap answers, so that for them none is executed.
    pub answered: usize,
    /// Instructions the kernel looks at when it makes the bitmap, over the calls of the table.
    pub emulated: usize,
}

/// Counts what a filter consists of, and what it costs the calls of these architectures.
///
/// Calls for which a program has no result, which the kernel would refuse, cost nothing.
pub fn figures(program: &Program, arches: &[Arch]) -> Figures {
    let mut figures = Figures::default();
    for part in parts(program) {
        match part {
            Part::Prologue => figures.prologue += 1,
            Part::Numbers(Some(arch)) => *figures.numbers.entry(arch).or_default() += 1,
            Part::Numbers(None) => figures.shared += 1,
            Part::Arguments => figures.arguments += 1,
            Part::Return => figures.returns += 1,
        }
    }
    figures.calls = arches.iter().map(|arch| (*arch, costs(program, *arch))).collect();
    figures
}

fn costs(program: &Program, arch: Arch) -> Costs {
    let mut costs = Costs::default();
    for entry in sysno::table(arch) {
        let data = Call::new(arch, entry.nr, [0; 6]).to_data();
        let executed = path(program, &data).map_or(0, |path| path.executed.len());
        costs.count += 1;
        costs.executed += executed;
        costs.worst = costs.worst.max(executed);
        costs.answered += usize::from(bitmap::always_allowed(program, data.arch, data.nr));
        if arch != Arch::X32 {
            costs.emulated += bitmap::emulate(program, data.arch, data.nr).executed;
        }
    }
    costs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insn::{Insn, op};

    #[test]
    fn every_instruction_is_counted_once_and_every_call_costs_its_path() {
        let program = Program(vec![
            Insn::stmt(op::LD_W_ABS, 4),
            Insn::jump(op::JEQ_K, Arch::X86_64.token(), 0, 6),
            Insn::stmt(op::LD_W_ABS, 0),
            Insn::jump(op::JGE_K, 0x4000_0000, 4, 0),
            Insn::jump(op::JEQ_K, 41, 0, 2),
            Insn::stmt(op::LD_W_ABS, 16),
            Insn::jump(op::JEQ_K, 2, 0, 1),
            Insn::stmt(op::RET_K, 0x7fff_0000),
            Insn::stmt(op::RET_K, 0x5_0001),
        ]);
        let figures = figures(&program, &[Arch::X86_64]);
        assert_eq!((figures.prologue, figures.arguments, figures.returns, figures.shared), (2, 2, 2, 0));
        assert_eq!(figures.numbers, BTreeMap::from([(Arch::X86_64, 3)]));
        let costs = figures.calls[&Arch::X86_64];
        assert_eq!(costs.count, sysno::table(Arch::X86_64).len());
        assert_eq!((costs.worst, costs.executed), (8, 6 * costs.count + 2));
        assert_eq!(costs.answered, costs.count - 1);
        assert_eq!(costs.emulated, 6 * costs.count);
    }
}
