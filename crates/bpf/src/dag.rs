//! A program as a graph: what is equal exists once.
//!
//! Nodes are made from their successors backwards, so a graph has no cycle, and each constructor drops what cannot matter:
//! a branch whose sides are the same, a load that nobody looks at.

use rustc_hash::{FxHashMap, FxHashSet};

/// A node of one [`Dag`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id(pub(crate) u32);

/// One instruction, with its successors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Node {
    /// Returns a value.
    Return(u32),
    /// Loads the word at `offset` of `struct seccomp_data` into the accumulator.
    Load { offset: u32, next: Id },
    /// Keeps these bits of the accumulator.
    And { mask: u32, next: Id },
    /// Compares the accumulator with `k`; `code` is one of JEQ, JGT, JGE, JSET with K.
    Jump { code: u16, k: u32, yes: Id, no: Id },
}

impl Node {
    /// Whether it looks at the accumulator.
    fn reads(self) -> bool {
        matches!(self, Self::And { .. } | Self::Jump { .. })
    }

    /// Where it may go.
    pub(crate) fn successors(self) -> [Option<Id>; 2] {
        match self {
            Self::Return(_) => [None, None],
            Self::Load { next, .. } | Self::And { next, .. } => [Some(next), None],
            Self::Jump { yes, no, .. } => [Some(yes), Some(no)],
        }
    }
}

/// The nodes, each once. No order of a hash ever shows: ids are given in the order of making.
#[derive(Default)]
pub(crate) struct Dag {
    nodes: Vec<Node>,
    ids: FxHashMap<Node, Id>,
}

impl Dag {
    /// The node itself.
    pub(crate) fn node(&self, id: Id) -> Node {
        self.nodes[id.0 as usize]
    }

    /// How many nodes were made.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    fn add(&mut self, node: Node) -> Id {
        let nodes = &mut self.nodes;
        *self.ids.entry(node).or_insert_with(|| {
            nodes.push(node);
            Id(nodes.len() as u32 - 1)
        })
    }

    pub(crate) fn ret(&mut self, value: u32) -> Id {
        self.add(Node::Return(value))
    }

    /// A branch on the accumulator.
    pub(crate) fn jump(&mut self, code: u16, k: u32, (yes, no): (Id, Id)) -> Id {
        if yes == no { yes } else { self.add(Node::Jump { code, k, yes, no }) }
    }

    /// Loads a word for a node that looks at it; for others nothing is loaded.
    pub(crate) fn load(&mut self, offset: u32, next: Id) -> Id {
        if self.node(next).reads() { self.add(Node::Load { offset, next }) } else { next }
    }

    /// Masks the accumulator for a node that looks at it.
    pub(crate) fn and(&mut self, mask: u32, next: Id) -> Id {
        if self.node(next).reads() { self.add(Node::And { mask, next }) } else { next }
    }

    /// The same graph without branches of which only one side is ever taken, and what each node became. `taken` says of a
    /// branch whether an input goes to `yes`, and to `no`.
    pub(crate) fn without_idle(&self, taken: impl Fn(Id) -> [bool; 2]) -> (Self, Vec<Id>) {
        let (mut dag, mut became) = (Self::default(), Vec::<Id>::with_capacity(self.len()));
        // Successors were made first.
        for (id, node) in self.nodes.iter().enumerate() {
            let now = |id: Id| became[id.0 as usize];
            let id = match *node {
                Node::Return(value) => dag.ret(value),
                Node::Load { offset, next } => dag.load(offset, now(next)),
                Node::And { mask, next } => dag.and(mask, now(next)),
                Node::Jump { code, k, yes, no } => match taken(Id(id as u32)) {
                    [true, false] => now(yes),
                    [false, true] => now(no),
                    _ => dag.jump(code, k, (now(yes), now(no))),
                },
            };
            became.push(id);
        }
        (dag, became)
    }

    /// How many instructions a node and all it leads to take, returns left out: those are everybody's.
    pub(crate) fn size(&self, root: Id) -> usize {
        let mut seen = FxHashSet::default();
        let mut left = vec![root];
        while let Some(id) = left.pop() {
            let node = self.node(id);
            if !matches!(node, Node::Return(_)) && seen.insert(id) {
                left.extend(node.successors().into_iter().flatten());
            }
        }
        seen.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insn::op;

    #[test]
    fn what_is_equal_exists_once_and_what_cannot_matter_not_at_all() {
        let mut dag = Dag::default();
        let (yes, no) = (dag.ret(1), dag.ret(0));
        let test = dag.jump(op::JEQ_K, 5, (yes, no));
        assert_eq!(dag.jump(op::JEQ_K, 5, (yes, no)), test);
        assert_eq!(dag.jump(op::JEQ_K, 6, (yes, yes)), yes);
        assert_eq!(dag.load(16, yes), yes);
        assert_eq!(dag.and(7, no), no);
        let loaded = dag.load(16, test);
        assert_eq!(dag.load(20, loaded), loaded);
        assert_eq!((dag.len(), dag.size(loaded), dag.size(yes)), (4, 2, 0));
    }
}
