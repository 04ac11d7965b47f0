//! An assembler that writes a program from its end to its start.
//!
//! Classic BPF jumps forward only, so written backwards every target is known when a jump is: no fix-ups, no second
//! pass. Conditional jumps reach 255 instructions; what is further away gets a JA, or its own copy of a return.

use std::collections::BTreeMap;

use crate::dag::{Dag, Id, Node};
use crate::insn::{Insn, Program, op};

/// A place in the program: how many instructions come after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Label(usize);

/// The program so far, last instruction first.
#[derive(Default)]
struct Asm {
    reversed: Vec<Insn>,
    /// The nearest return of each value.
    returns: BTreeMap<u32, Label>,
    /// The nearest JA to each place that was out of reach.
    hops: BTreeMap<Label, Label>,
}

/// Writes all that `root` leads to, and says where each node stands. Those of `last` stand at the end, so that no jump of
/// what comes before has to reach over them.
pub(crate) fn assemble(dag: &Dag, root: Id, last: &[Id]) -> (Program, Vec<Option<usize>>) {
    let mut asm = Asm::default();
    let mut labels: Vec<Option<Label>> = vec![None; dag.len()];
    // Depth first without recursion, since a chain may be as long as a profile: whoever waits is below on the stack.
    let mut waiting = [&[root], last].concat();
    while let Some(id) = waiting.last().copied() {
        if labels[id.0 as usize].is_some() {
            waiting.pop();
            continue;
        }
        let node = dag.node(id);
        let missing = |next: Id| labels[next.0 as usize].is_none();
        if let Some(next) = node.successors().into_iter().flatten().find(|next| missing(*next)) {
            waiting.push(next);
            continue;
        }
        let at = |id: Id| labels[id.0 as usize].unwrap_or(Label(0));
        let label = match node {
            Node::Return(value) => asm.ret(value),
            Node::Load { offset, next } => asm.then(Insn::stmt(op::LD_W_ABS, offset), at(next)),
            Node::And { mask, next } => asm.then(Insn::stmt(op::AND_K, mask), at(next)),
            Node::Jump { code, k, yes, no } => asm.jump(code, k, at(yes), at(no)),
        };
        labels[id.0 as usize] = Some(label);
        waiting.pop();
    }
    let program = asm.finish();
    let place = |label: Option<Label>| label.map(|label| program.0.len() - 1 - label.0);
    let places = labels.into_iter().map(place).collect();
    (program, places)
}

impl Asm {
    /// The program, first instruction first.
    fn finish(mut self) -> Program {
        self.reversed.reverse();
        Program(self.reversed)
    }

    fn push(&mut self, insn: Insn) -> Label {
        self.reversed.push(insn);
        Label(self.reversed.len() - 1)
    }

    /// A place that returns `value`.
    fn ret(&mut self, value: u32) -> Label {
        if let Some(label) = self.returns.get(&value) {
            return *label;
        }
        let label = self.push(Insn::stmt(op::RET_K, value));
        self.returns.insert(value, label);
        label
    }

    /// A place that goes to `target`, right behind the next instruction written: a copy of a return, or a JA.
    fn hop(&mut self, target: Label) -> Label {
        let insn = self.reversed[target.0];
        if insn.code == op::RET_K {
            let label = self.push(insn);
            self.returns.insert(insn.k, label);
            return label;
        }
        let distance = self.reversed.len() - target.0 - 1;
        // Programs that long are refused as a whole; here it only has to be a number.
        let label = self.push(Insn::stmt(op::JA, u32::try_from(distance).unwrap_or(u32::MAX)));
        self.hops.insert(target, label);
        label
    }

    /// `target`, or a place that leads to it, within reach of a jump before which `between` more instructions come. What
    /// leads there already is taken, if it is near enough.
    fn near(&mut self, target: Label, between: usize) -> Label {
        let reached = |label: &Label| self.reversed.len() + between - label.0 - 1 <= 255;
        let insn = self.reversed[target.0];
        let known = if insn.code == op::RET_K { self.returns.get(&insn.k) } else { self.hops.get(&target) };
        let found = [Some(&target), known].into_iter().flatten().copied().find(reached);
        found.unwrap_or_else(|| self.hop(target))
    }

    /// A conditional jump on the accumulator.
    fn jump(&mut self, code: u16, k: u32, yes: Label, no: Label) -> Label {
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check, run};
    use callgate_core::SeccompData;

    #[test]
    fn targets_out_of_reach_are_reached_all_the_same() {
        let mut dag = Dag::default();
        let (one, four) = (dag.ret(1), dag.ret(4));
        let test = dag.jump(op::JGT_K, 1000, (four, one));
        let far = dag.load(0, test);
        let mut label = dag.ret(2);
        let other = dag.ret(3);
        for k in 0..600 {
            let target = if k % 2 == 0 { far } else { other };
            label = dag.jump(op::JEQ_K, k, (target, label));
        }
        let root = dag.load(0, label);
        let (program, _) = assemble(&dag, root, &[far]);
        assert_eq!(check(&program), Ok(()));
        for (nr, expected) in [(0, 1), (1, 3), (598, 1), (599, 3), (600, 2)] {
            assert_eq!(run(&program, &SeccompData { nr, ..SeccompData::default() }), Ok(expected));
        }
    }
}
