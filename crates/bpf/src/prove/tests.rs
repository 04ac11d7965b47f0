//! Proofs and refutations, each tried on a program that is known to be one or the other.

use std::collections::BTreeMap;

use callgate_core::meaning::{Clause, Rules};
use callgate_core::set::ArgBox;

use super::*;
use crate::insn::{Insn, op};

/// One conditional call of x86_64: allowed with argument 0 in this set.
fn meaning(set: ArgSet) -> Meaning {
    let clause = Clause { args: ArgBox::any().with(0, set), action: Action::Allow };
    let rules = Rules { calls: BTreeMap::from([(5, vec![clause])]), ..Rules::new(Action::Errno(1)) };
    Meaning { arches: BTreeMap::from([(Arch::X86_64, rules)]), bad_arch: Action::KillThread }
}

const ALLOW: u32 = 0x7fff_0000;

#[test]
fn a_program_with_one_wrong_constant_is_refuted_by_an_input_that_both_sides_replay() {
    let meaning = meaning(ArgSet::range(3, 0x2_0000_0007));
    let program = crate::emit(&meaning).expect("fits");
    assert_eq!(prove(&program, &meaning), Proof::Equal);
    let mut refuted = 0;
    for at in 0..program.0.len() {
        for change in [1, 1 << 31] {
            let mut wrong = program.clone();
            wrong.0[at].k ^= change;
            // The data of a kill is nobody's.
            let same = program.0[at].code == op::RET_K
                && Action::from_ret(program.0[at].k) == Action::from_ret(wrong.0[at].k);
            match prove(&wrong, &meaning) {
                Proof::Equal => assert!(same, "instruction {at}"),
                Proof::Differs(found) => {
                    assert_eq!(run(&wrong, &found.data).map(Action::from_ret), Ok(found.left));
                    assert_eq!(meaning.action_of_data(&found.data), found.right);
                    assert_ne!(found.left, found.right);
                    refuted += 1;
                }
                // A load beside a word is none the kernel takes.
                Proof::Undecided(Undecided::Check(_)) => assert_eq!(program.0[at].code, op::LD_W_ABS),
                undecided @ Proof::Undecided(_) => panic!("instruction {at}: {undecided:?}"),
            }
        }
    }
    assert!(refuted > program.0.len());
}

#[test]
fn programs_are_compared_with_each_other() {
    let (one, two) = (meaning(ArgSet::exactly(3)), meaning(ArgSet::masked(u64::MAX, 3)));
    let [one, two] = [one, two].map(|m| crate::emit(&m).expect("fits"));
    assert_eq!(equal(&one, &two), Proof::Equal);
    let other = crate::emit(&meaning(ArgSet::range(3, 4))).expect("fits");
    let Proof::Differs(found) = equal(&one, &other) else { panic!("they differ") };
    assert_eq!((found.data.nr, found.data.args[0]), (5, 4));
    assert_eq!((found.left, found.right), (Action::Errno(1), Action::Allow));
}

#[test]
fn what_cannot_be_followed_is_undecided_and_never_taken_for_equal() {
    let meaning = Meaning::uniform([Arch::X86_64], Action::Allow, Action::Allow);
    let ret = Insn::stmt(op::RET_K, ALLOW);
    let compared = |insns: &[Insn]| {
        let tail = [Insn::jump(op::JEQ_K, 0, 0, 1), ret, Insn::stmt(op::RET_K, 0)];
        prove(&Program([insns, &tail].concat()), &meaning)
    };
    let load = Insn::stmt(op::LD_W_ABS, 0);
    for code in [op::OR_K, op::ADD_K, op::MUL_K, op::LSH_K, op::XOR_K, op::NEG] {
        assert_eq!(compared(&[load, Insn::stmt(code, 3)]), Proof::Undecided(Undecided::Computed(2)));
    }
    let divided =
        compared(&[load, Insn::stmt(op::TAX, 0), Insn::stmt(op::LD_IMM, 1), Insn::stmt(op::DIV_X, 0)]);
    assert_eq!(divided, Proof::Undecided(Undecided::Insn(3)));
    assert_eq!(prove(&Program(vec![load]), &meaning), Proof::Undecided(CheckError::NoReturn.into()));
    assert_eq!(
        prove(&Program(vec![load, Insn::stmt(op::RET_A, 0)]), &meaning),
        Proof::Undecided(Undecided::Computed(1))
    );
}

#[test]
fn registers_memory_and_constants_are_followed() {
    let meaning = Meaning::uniform([Arch::X86_64], Action::Allow, Action::Allow);
    let program = Program(vec![
        Insn::stmt(op::LD_IMM, 7),
        Insn::stmt(op::ST, 3),
        Insn::stmt(op::LD_W_ABS, 16),
        Insn::stmt(op::LDX_MEM, 3),
        Insn::stmt(op::AND_X, 0),
        Insn::jump(op::JGT_K, 7, 1, 0),
        Insn::stmt(op::RET_K, ALLOW),
        Insn::stmt(op::RET_K, 0),
    ]);
    // A word's three lowest bits are never more than 7, and a comparison of such is not followed but by its mask.
    assert_eq!(prove(&program, &meaning), Proof::Undecided(Undecided::Computed(5)));
    let mut equal_to = program.clone();
    equal_to.0[5] = Insn::jump(op::JEQ_K, 8, 1, 0);
    assert_eq!(prove(&equal_to, &meaning), Proof::Equal);
    let mut reached = program;
    reached.0[5] = Insn::jump(op::JSET_K, 8 | 4, 1, 0);
    assert!(matches!(prove(&reached, &meaning), Proof::Differs(found) if found.left == Action::KillThread));
}

#[test]
fn no_path_is_followed_for_ever() {
    // Each of these tells apart what a bit of two words does, so that the ways multiply.
    let mut insns = Vec::new();
    for bit in 0..64_u32 {
        insns.push(Insn::stmt(op::LD_W_ABS, 16 + 4 * (bit / 32)));
        insns.push(Insn::jump(op::JSET_K, 1 << (bit % 32), 0, 1));
        insns.push(Insn::stmt(op::LD_IMM, 0));
    }
    insns.push(Insn::stmt(op::RET_K, ALLOW));
    // A proof may take more than this, but not for ever.
    let ended: Result<(), Undecided> =
        walk(&Program(insns), &Region::all(), &Budget::of(1 << 16), |_, _| Ok(()));
    assert_eq!(ended, Err(Undecided::TooManyPaths));
}
