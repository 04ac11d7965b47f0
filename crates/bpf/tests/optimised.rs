//! What is optimised does what a plain compiler's program does, and no instruction of it is dead.

mod meanings;
mod plain;

use std::collections::BTreeSet;

use callgate_bpf::insn::op;
use callgate_bpf::prove::equal;
use callgate_bpf::{Program, Proof, emit, path, prove};
use callgate_core::meaning::Meaning;
use callgate_core::{Arch, SeccompData};
use proptest::prelude::*;

fn cases() -> u32 {
    if std::env::var_os("CALLGATE_FULL").is_some_and(|v| v == "1") { 20_000 } else { 600 }
}

/// Instructions that no probe gets to.
fn unreached(program: &Program, probes: &[SeccompData]) -> Vec<usize> {
    let mut reached = vec![false; program.insns().len()];
    for data in probes {
        for at in path(program, data).expect("checked").executed {
            reached[at] = true;
        }
    }
    (0..reached.len()).filter(|at| !reached[*at]).collect()
}

/// An input that gets to this instruction, if there is one: with every return but its own successors' the same, a program
/// that returns something else there differs. The prover finds where.
fn input(program: &Program, at: usize) -> Option<SeccompData> {
    let used: BTreeSet<u32> = program.insns().iter().map(|i| i.k).collect();
    let strange = (0x0005_0000..0x0005_0fff).find(|ret| !used.contains(ret)).expect("fewer instructions");
    let mut changed = program.clone();
    changed.0[at] = callgate_bpf::Insn::stmt(op::RET_K, strange);
    match equal(&changed, program) {
        Proof::Differs(difference) => Some(difference.data),
        Proof::Equal => None,
        Proof::Undecided(why) => panic!("instruction {at}: {why}"),
    }
}

fn reach(meaning: &Meaning, program: &Program, extra: &[u64; 6]) {
    for at in unreached(program, &meanings::probes(meaning, extra)) {
        let data = input(program, at);
        let executed = data.and_then(|data| path(program, &data).ok()).map(|path| path.executed);
        assert!(
            executed.is_some_and(|executed| executed.contains(&at)),
            "no input gets to instruction {at}, {:?}\n{meaning:?}\n{:?}",
            program.insns()[at],
            program.insns()
        );
    }
}

proptest! {
    // A plain program has ways without number: of one in a hundred, at most, the prover may say that they are too many.
    #![proptest_config(ProptestConfig {
        cases: cases(), failure_persistence: None, max_global_rejects: 1 + cases() / 100, max_shrink_iters: 0, ..ProptestConfig::default()
    })]

    #[test]
    fn a_plain_compilers_program_does_the_same(meaning in meanings::meaning(&Arch::ALL)) {
        let plain = plain::emit(&meaning);
        let optimised = emit(&meaning).expect("small meanings fit");
        prop_assert_eq!(prove(&optimised, &meaning), Proof::Equal);
        prop_assert!(optimised.insns().len() <= plain.insns().len());
        let proofs = [prove(&plain, &meaning), equal(&plain, &optimised)];
        prop_assume!(!proofs.iter().any(|proof| matches!(proof, Proof::Undecided(_))));
        prop_assert!(proofs.iter().all(|proof| *proof == Proof::Equal), "{:?}", proofs);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, max_global_rejects: 100_000, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn every_instruction_is_reached_by_some_input(
        meaning in meanings::meaning(&Arch::ALL), extra in proptest::array::uniform6(meanings::word()),
    ) {
        reach(&meaning, &emit(&meaning).expect("small meanings fit"), &extra);
    }
}
