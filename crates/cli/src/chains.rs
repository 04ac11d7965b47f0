//! Loaded filters: whose are equal, and whether they do what a profile says.

use std::collections::BTreeMap;

use callgate_bpf::prove::Difference;
use callgate_bpf::{Program, Proof, prove};
use callgate_core::Meaning;
use callgate_linux::filter;
use callgate_linux::inspect::{Chain, Layer, Mode, Obstacle, Process};
use sha2::{Digest as _, Sha256};

use crate::exit::Failure;
use crate::input::{Loaded, hex};

/// Characters of a hash that a person is shown.
const SHORT: usize = 12;

/// A process with its filters, or why they were not read.
pub(crate) struct Found {
    pub(crate) process: Process,
    pub(crate) groups: Result<Vec<Group>, Obstacle>,
}

/// Threads of one process with equal filters.
pub(crate) struct Group {
    pub(crate) mode: Mode,
    pub(crate) layers: Vec<Layer>,
    pub(crate) tids: Vec<i32>,
}

/// Threads with equal filters together, in the order of the first of each.
pub(crate) fn groups(chains: Vec<Chain>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for Chain { tid, mode, layers } in chains {
        match groups.iter_mut().find(|g| g.mode == mode && g.layers == layers) {
            Some(group) => group.tids.push(tid),
            None => groups.push(Group { mode, layers, tids: vec![tid] }),
        }
    }
    groups
}

/// What a filter is recognised by: the digest of its instructions as this machine has them.
pub(crate) fn hash(program: &Program) -> String {
    hex(&Sha256::digest(program.to_bytes()))
}

/// The beginning of it.
pub(crate) fn short_hash(program: &Program) -> String {
    hash(program).chars().take(SHORT).collect()
}

/// The outcome of a proof alone.
pub(crate) fn outcome(proof: &Proof) -> Verdict {
    match proof {
        Proof::Equal => Verdict::Equal,
        Proof::Differs(_) => Verdict::Different,
        Proof::Undecided(_) => Verdict::Undecided,
    }
}

/// A profile that loaded filters are held against; each filter once.
pub(crate) struct Judge {
    pub(crate) name: String,
    /// What runtimes make of it, and what `callgate run` loads.
    meanings: [Meaning; 2],
    proofs: BTreeMap<String, Proof>,
}

impl Judge {
    /// Reads what the profile means on this machine.
    ///
    /// # Errors
    /// Loaders would disagree about it.
    pub(crate) fn new(loaded: &Loaded) -> Result<Self, Failure> {
        let meaning = loaded.meaning()?;
        let ours = filter::enforcing(&meaning);
        Ok(Self { name: loaded.name.clone(), meanings: [meaning, ours], proofs: BTreeMap::new() })
    }

    /// The same of a profile that has this meaning where it is used.
    pub(crate) fn of(loaded: &Loaded, meaning: Meaning) -> Self {
        Self { name: loaded.name.clone(), meanings: [meaning.clone(), meaning], proofs: BTreeMap::new() }
    }

    /// Whether a filter does what the profile says.
    pub(crate) fn proof(&mut self, program: &Program) -> Proof {
        let meanings = &self.meanings;
        self.proofs.entry(hash(program)).or_insert_with(|| either(program, meanings)).clone()
    }

    /// Whether the profile is in force for every thread of a process; what was not read is undecided.
    pub(crate) fn verdict(&mut self, found: &Found) -> Verdict {
        match &found.groups {
            Ok(groups) => groups.iter().map(|g| self.among(g)).max().unwrap_or(Verdict::Undecided),
            Err(_) => Verdict::Undecided,
        }
    }

    /// Whether one of the filters of some threads does.
    pub(crate) fn among(&mut self, group: &Group) -> Verdict {
        let layer = |layer: &Layer| match layer {
            Layer::Classic(program) => outcome(&self.proof(program)),
            Layer::Other => Verdict::Undecided,
        };
        let found: Vec<Verdict> = group.layers.iter().map(layer).collect();
        [Verdict::Equal, Verdict::Undecided]
            .into_iter()
            .find(|v| found.contains(v))
            .unwrap_or(Verdict::Different)
    }
}

/// Equal to one of the two; a difference that speaks of a call the profile lists says more than one that does not.
fn either(program: &Program, meanings: &[Meaning; 2]) -> Proof {
    let [first, second] = meanings.each_ref().map(|meaning| prove(program, meaning));
    let speaks = |d: &Difference| d.data.to_call().is_some_and(|c| meanings[0].arches.contains_key(&c.arch));
    match (first, second) {
        (Proof::Equal, _) | (_, Proof::Equal) => Proof::Equal,
        (Proof::Differs(a), Proof::Differs(b)) => Proof::Differs(if speaks(&a) { a } else { b }),
        (Proof::Undecided(why), _) | (_, Proof::Undecided(why)) => Proof::Undecided(why),
    }
}

/// What a person asked for: is the profile in force?
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    Equal,
    Undecided,
    Different,
}

impl Verdict {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Undecided => "undecided",
            Self::Different => "different",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use callgate_bpf::Insn;
    use callgate_bpf::insn::op;
    use callgate_core::{Action, Arch};

    fn chain(tid: i32, rets: &[u32]) -> Chain {
        let layer = |ret: &u32| Layer::Classic(Program(vec![Insn::stmt(op::RET_K, *ret)]));
        Chain { tid, mode: Mode::Filter, layers: rets.iter().map(layer).collect() }
    }

    #[test]
    fn threads_of_equal_filters_in_equal_order_stand_together() {
        let groups = groups(vec![chain(1, &[1, 2]), chain(2, &[2, 1]), chain(3, &[1, 2]), chain(4, &[1])]);
        assert_eq!(groups.iter().map(|g| g.tids.clone()).collect::<Vec<_>>(), [vec![1, 3], vec![2], vec![4]]);
    }

    #[test]
    fn one_filter_that_is_the_profile_is_enough_whatever_stands_beside_it() {
        let native = Arch::native().unwrap();
        let meaning = Meaning::uniform([native], Action::Errno(1), Action::KillThread);
        let ours = filter::enforcing(&meaning);
        let mut judge =
            Judge { name: String::new(), meanings: [meaning.clone(), ours.clone()], proofs: BTreeMap::new() };
        let layer = |meaning: &Meaning| Layer::Classic(callgate_bpf::emit(meaning).unwrap());
        let other = layer(&Meaning::uniform([native], Action::Errno(2), Action::KillThread));
        let mut verdict =
            |layers: Vec<Layer>| judge.among(&Group { mode: Mode::Filter, layers, tids: vec![1] });
        assert_eq!(verdict(vec![other.clone(), layer(&meaning)]), Verdict::Equal);
        assert_eq!(verdict(vec![layer(&ours), other.clone()]), Verdict::Equal);
        assert_eq!(verdict(vec![other.clone()]), Verdict::Different);
        assert_eq!(verdict(vec![other, Layer::Other]), Verdict::Undecided);
        assert_eq!(verdict(Vec::new()), Verdict::Different);
    }

    #[test]
    fn a_witness_of_a_listed_architecture_is_preferred() {
        let native = Arch::native().unwrap();
        let meaning = Meaning::uniform([native], Action::Errno(1), Action::KillThread);
        let loaded = Meaning::uniform([native], Action::Errno(2), Action::KillProcess);
        let program = callgate_bpf::emit(&loaded).unwrap();
        let Proof::Differs(found) = either(&program, &[meaning.clone(), filter::enforcing(&meaning)]) else {
            panic!("they differ");
        };
        assert_eq!((found.left, found.right), (Action::Errno(2), Action::Errno(1)));
    }
}
