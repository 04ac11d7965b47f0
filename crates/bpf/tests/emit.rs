//! The compiler against the meaning it compiles.

mod meanings;

use std::collections::BTreeMap;

use callgate_bpf::prove::equal;
use callgate_bpf::{EmitError, Program, Proof, Weights, check, emit, emit_weighted, prove, run};
use callgate_core::meaning::{Clause, Meaning, Rules};
use callgate_core::set::{ArgBox, ArgSet, Op};
use callgate_core::{Action, Arch};
use proptest::prelude::*;

/// The program is one the kernel takes, is proven, and returns what the meaning says for every probe.
fn compare(meaning: &Meaning, program: &Program, extra: &[u64; 6]) {
    assert_eq!(check(program), Ok(()));
    assert_eq!(prove(program, meaning), Proof::Equal);
    for data in meanings::probes(meaning, extra) {
        assert_eq!(run(program, &data), Ok(meaning.action_of_data(&data).to_ret()), "{data:x?}");
    }
}

/// `CALLGATE_FULL=1` asks for the big numbers.
fn cases() -> u32 {
    if std::env::var_os("CALLGATE_FULL").is_some_and(|v| v == "1") { 50_000 } else { 3_000 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn programs_return_what_their_meaning_says(
        meaning in meanings::meaning(&Arch::ALL), extra in proptest::array::uniform6(meanings::word()),
    ) {
        compare(&meaning, &emit(&meaning).expect("small meanings fit"), &extra);
    }

    #[test]
    fn programs_for_x86_keep_its_three_abis_apart(
        meaning in meanings::meaning(&[Arch::X86_64, Arch::X86, Arch::X32]),
        extra in proptest::array::uniform6(meanings::word()),
    ) {
        let program = emit(&meaning).expect("small meanings fit");
        compare(&meaning, &program, &extra);
        let uniform = emit_weighted(&meaning, &Weights::Uniform).expect("small meanings fit");
        prop_assert_eq!(equal(&program, &uniform), Proof::Equal);
    }
}

/// As large as profiles get: three ABIs, 450 numbers each, every third with conditions.
fn large(clauses: usize) -> Meaning {
    let clause = |nr: u32, i: usize| Clause {
        args: ArgBox::any().with(i % 6, ArgSet::exactly(u64::from(nr) * 7 + i as u64)),
        action: if i.is_multiple_of(2) { Action::Allow } else { Action::Errno(i as u16) },
    };
    let call = |nr: u32| match nr % 3 {
        0 => (nr, (0..clauses).map(|i| clause(nr, i)).collect()),
        1 => (nr, vec![Clause::any(Action::Allow)]),
        _ => (nr, vec![Clause::any(Action::Errno(38))]),
    };
    let rules = Rules { calls: (0..450).map(call).collect(), ..Rules::new(Action::Errno(1)) };
    let arches = [Arch::X86_64, Arch::X86, Arch::X32].into_iter().map(|arch| (arch, rules.clone())).collect();
    Meaning { arches, bad_arch: Action::KillProcess }
}

#[test]
fn large_programs_with_far_jumps_are_right() {
    let meaning = large(1);
    let program = emit(&meaning).expect("fits");
    assert!(program.insns().len() > 1500, "{} instructions", program.insns().len());
    compare(&meaning, &program, &[9; 6]);
}

#[test]
fn a_program_that_is_too_long_names_what_makes_it_so() {
    let mut meaning = large(6);
    let extra = (0..300)
        .map(|v| Clause { args: ArgBox::any().with(0, ArgSet::exactly(2 * v)), action: Action::Allow });
    if let Some(rules) = meaning.arches.get_mut(&Arch::X86) {
        rules.calls.insert(54, extra.collect());
    }
    let Err(EmitError::TooLong { insns, calls }) = emit(&meaning) else { panic!("it cannot fit") };
    assert!(insns > 4096);
    // Each value a comparison, and the cuts between short chains of them.
    assert!((calls[0].0, calls[0].1) == (Arch::X86, 54) && (300..360).contains(&calls[0].2), "{calls:?}");
    assert!(calls[1].2 < 100, "{calls:?}");
    let said = emit(&meaning).expect_err("too long").to_string();
    assert!(said.contains(&format!("{} too many", insns - 4096)) && said.contains("x86 ioctl ("), "{said}");
}

/// Masks that together hold all values of 32 bits with this prefix above the lowest `width` bits, but these: what a profile has to write, since OCI
/// takes no second condition on an argument.
fn all_but(values: &[u64], (prefix, width): (u64, u32)) -> Vec<ArgSet> {
    let mask = (u64::from(u32::MAX) << width) & u64::from(u32::MAX);
    if !values.iter().any(|value| value & mask == prefix) {
        return vec![ArgSet::masked(mask, prefix)];
    }
    if width == 0 {
        return Vec::new();
    }
    let halves = [prefix, prefix | 1 << (width - 1)];
    halves.into_iter().flat_map(|half| all_but(values, (half, width - 1))).collect()
}

#[test]
fn all_but_two_values_written_as_masks_are_two_comparisons() {
    let sets = all_but(&[0x5412, 0x541c], (0, 32));
    assert!(sets.len() > 30);
    let clause = |set: ArgSet| Clause { args: ArgBox::any().with(1, set), action: Action::Allow };
    let calls = BTreeMap::from([(16, sets.into_iter().map(clause).collect())]);
    let rules = Rules { calls, ..Rules::new(Action::Errno(38)) };
    let meaning = Meaning { arches: BTreeMap::from([(Arch::X86_64, rules)]), bad_arch: Action::KillThread };
    let program = emit(&meaning).expect("fits");
    assert_eq!(prove(&program, &meaning), Proof::Equal);
    // Architecture 2, number 1 and 3 comparisons, x32 and -1 among them; a load, two values; three returns.
    assert!(program.0.len() <= 12, "{:?}", program.0);
}

#[test]
fn nothing_to_filter_is_an_error() {
    assert_eq!(emit(&Meaning { arches: BTreeMap::new(), bad_arch: Action::Allow }), Err(EmitError::Empty));
}

#[test]
fn errnos_the_kernel_would_cut_are_refused_wherever_they_stand() {
    let good = || Meaning::uniform([Arch::X86_64], Action::Allow, Action::Allow);
    let bad = Action::Errno(4096);
    let mut in_clause = good();
    if let Some(rules) = in_clause.arches.get_mut(&Arch::X86_64) {
        rules.calls.insert(1, vec![Clause::any(bad)]);
    }
    let everywhere = [
        Meaning { bad_arch: bad, ..good() },
        Meaning::uniform([Arch::X86_64], bad, Action::Allow),
        in_clause,
    ];
    for meaning in everywhere {
        assert_eq!(emit(&meaning), Err(EmitError::Errno(4096)));
    }
}

#[test]
fn numbers_that_are_always_allowed_never_look_at_arguments() {
    let meaning = large(1);
    let program = emit(&meaning).expect("fits");
    for arch in [Arch::X86_64, Arch::X86] {
        for nr in (1..450).step_by(3) {
            let data = callgate_core::Call::new(arch, nr, [0; 6]).to_data();
            let path = callgate_bpf::path(&program, &data).expect("checked");
            assert!(path.executed.iter().all(|i| {
                let insn = program.insns()[*i];
                insn.code != callgate_bpf::insn::op::LD_W_ABS || insn.k < 8
            }));
        }
    }
}

#[test]
fn conditions_of_every_operator_survive_compilation() {
    for (op, _) in Op::ALL {
        let clauses = ArgBox::from_conditions(&[(2, op, 0x1_0000_0003, 0x1_0000_0001)])
            .into_iter()
            .map(|args| Clause { args, action: Action::Allow })
            .collect();
        let rules = Rules { calls: BTreeMap::from([(1, clauses)]), ..Rules::new(Action::Errno(1)) };
        for arch in Arch::ALL {
            let arches = BTreeMap::from([(arch, rules.clone())]);
            let meaning = Meaning { arches, bad_arch: Action::KillThread };
            let program = emit(&meaning).expect("fits");
            compare(&meaning, &program, &[0x1_0000_0001; 6]);
            for value in [0, 1, 3, 0x1_0000_0000, 0x1_0000_0001, 0x1_0000_0003, 0x2_0000_0003, u64::MAX] {
                let call = callgate_core::Call::new(arch, 1, [value; 6]);
                let expected =
                    if op.holds(call.args[2], 0x1_0000_0003, 0x1_0000_0001) { 0x7fff_0000 } else { 0x5_0001 };
                assert_eq!(run(&program, &call.to_data()), Ok(expected), "{op:?} {arch} {value:#x}");
            }
        }
    }
}
