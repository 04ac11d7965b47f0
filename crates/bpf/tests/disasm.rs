//! Filters as text.

mod meanings;

use callgate_bpf::insn::op;
use callgate_bpf::{Insn, Program, disasm, disassemble, emit};
use callgate_core::meaning::{Clause, Meaning, Rules};
use callgate_core::set::{ArgBox, ArgSet, Op};
use callgate_core::{Action, Arch};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn nr(arch: Arch, name: &str) -> u32 {
    callgate_core::sysno::number(arch, name).expect("the tables have it")
}

/// Two ABIs, an argument check, several outcomes.
fn small() -> Program {
    let rules = |arch| {
        let allow = |name: &str| (nr(arch, name), vec![Clause::any(Action::Allow)]);
        let inet = ArgBox::any().with(0, ArgSet::exactly(2));
        let mut calls: BTreeMap<u32, Vec<Clause>> =
            ["read", "write", "close", "mmap", "exit_group", "getrandom"].map(allow).into();
        calls.insert(nr(arch, "socket"), vec![Clause { args: inet, action: Action::Allow }]);
        calls.insert(nr(arch, "ptrace"), vec![Clause::any(Action::KillProcess)]);
        (arch, Rules { calls, ..Rules::new(Action::Errno(38)) })
    };
    let arches = [Arch::X86_64, Arch::S390x].map(rules).into();
    emit(&Meaning { arches, bad_arch: Action::KillThread }).expect("fits")
}

#[test]
fn a_tree_of_ranges_has_names_of_calls_and_arguments() {
    insta::assert_snapshot!(disassemble(&small()));
}

#[test]
fn a_filter_is_told_by_what_it_does_to_which_calls() {
    insta::assert_snapshot!(disasm::readable(&small(), &[Arch::X86_64, Arch::X32, Arch::S390x]));
}

/// What the readable form says of one call whose clauses these are.
fn told(name: &str, clauses: Vec<Clause>) -> String {
    let rules =
        Rules { calls: BTreeMap::from([(nr(Arch::X86_64, name), clauses)]), ..Rules::new(Action::Errno(1)) };
    let meaning = Meaning { arches: BTreeMap::from([(Arch::X86_64, rules)]), bad_arch: Action::KillThread };
    let text = disasm::readable(&emit(&meaning).expect("fits"), &[Arch::X86_64]);
    let lines = text.lines().skip_while(|line| !line.starts_with(&format!("  {name}:")));
    let of_call = lines.skip(1).take_while(|line| line.starts_with("    "));
    of_call.map(str::trim).collect::<Vec<_>>().join("; ")
}

#[test]
fn checks_of_arguments_are_told_as_expressions() {
    let clause = |conditions: &[(usize, Op, u64, u64)]| {
        let boxes = ArgBox::from_conditions(conditions).into_iter();
        boxes.map(|args| Clause { args, action: Action::Allow }).collect::<Vec<_>>()
    };
    let cases = [
        (told("socket", clause(&[(0, Op::Eq, 2, 0)])), "ALLOW if domain == AF_INET; otherwise ERRNO(1)"),
        (told("socket", clause(&[(0, Op::Ne, 2, 0)])), "ERRNO(1) if domain == AF_INET; otherwise ALLOW"),
        (
            told("socket", clause(&[(0, Op::Eq, 1, 0), (1, Op::MaskedEq, 0xf, 1)])),
            "ALLOW if domain == AF_UNIX and type & 0xf == SOCK_STREAM; otherwise ERRNO(1)",
        ),
        (
            told("clone", clause(&[(0, Op::MaskedEq, 0x7e02_0000, 0)])),
            "ALLOW if flags & 0x7e020000 == 0; otherwise ERRNO(1)",
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
}

#[test]
fn what_the_kernel_would_refuse_is_marked() {
    let program = Program(vec![
        Insn::stmt(op::LD_W_ABS, 2),
        Insn::stmt(op::LD_W_ABS, 64),
        Insn::jump(op::JEQ_K, 7, 200, 0),
        Insn::stmt(op::DIV_K, 0),
        Insn::stmt(op::LSH_K, 32),
        Insn::stmt(op::ST, 16),
        Insn::stmt(op::JA, u32::MAX),
        Insn::stmt(op::RET_K, 0x1234_0000),
        Insn::stmt(0xffff, 1),
    ]);
    insta::assert_snapshot!(disassemble(&program));
    assert_eq!(disassemble(&Program(Vec::new())).lines().count(), 2);
}

#[test]
fn every_instruction_has_words() {
    let mut insns: Vec<Insn> = [
        op::LD_IMM,
        op::LDX_IMM,
        op::LD_W_LEN,
        op::LDX_W_LEN,
        op::ST,
        op::STX,
        op::LD_MEM,
        op::LDX_MEM,
        op::TAX,
        op::TXA,
        op::ADD_K,
        op::ADD_X,
        op::SUB_K,
        op::MUL_X,
        op::DIV_K,
        op::OR_K,
        op::AND_X,
        op::LSH_K,
        op::RSH_X,
        op::NEG,
        op::XOR_K,
        op::JA,
    ]
    .map(|code| Insn::stmt(code, 3))
    .into();
    insns.truncate(21);
    insns.extend([
        Insn::stmt(op::JA, 0),
        Insn::jump(op::JEQ_X, 0, 0, 1),
        Insn::jump(op::JSET_K, 0x4000_0000, 1, 0),
        Insn::jump(op::JGT_K, 9, 0, 1),
        Insn::jump(op::JGE_K, 9, 1, 2),
        Insn::stmt(op::RET_A, 0),
    ]);
    insns.extend(
        [0, 0x8000_0000, 0x3_0007, 0x5_0001, 0x7fc0_0000, 0x7ff0_0001, 0x7ffc_0000, 0x7fff_0000]
            .map(|k| Insn::stmt(op::RET_K, k)),
    );
    insta::assert_snapshot!(disassemble(&Program(insns)));
}

#[test]
fn names_of_a_filter_that_checks_no_architecture_are_those_of_the_one_assumed() {
    let program = Program(vec![
        Insn::stmt(op::LD_W_ABS, 0),
        Insn::jump(op::JEQ_K, nr(Arch::X86_64, "mkdir"), 0, 1),
        Insn::stmt(op::RET_K, 0x5_0001),
        Insn::stmt(op::RET_K, 0x7fff_0000),
    ]);
    assert!(disasm::disassemble_for(&program, Some(Arch::X86_64)).contains("0x53 (mkdir)"));
    assert!(!disassemble(&program).contains("mkdir"));
    assert!(disassemble(&program).contains("any architecture: 83"));
    assert_eq!(disasm::checked_arches(&program), []);
    assert_eq!(disasm::checked_arches(&small()), [Arch::X86_64, Arch::X32, Arch::S390x]);
}

/// Programs of any instructions, valid ones more often.
fn insns() -> impl Strategy<Value = Vec<Insn>> {
    let code = prop_oneof![
        proptest::sample::select(vec![
            op::LD_W_ABS,
            op::JEQ_K,
            op::JGE_K,
            op::JGT_K,
            op::JSET_K,
            op::JA,
            op::RET_K,
            op::AND_K,
            op::ST,
            op::LD_MEM,
            op::TAX,
            op::JEQ_X,
            op::DIV_K,
            op::LD_IMM
        ]),
        any::<u16>(),
    ];
    let k = prop_oneof![0u32..80, any::<u32>(), Just(0xc000_003e), Just(0x4000_0000)];
    proptest::collection::vec((code, any::<u8>(), 0u8..9, k), 0..200)
        .prop_map(|insns| insns.into_iter().map(|(code, jt, jf, k)| Insn { code, jt, jf, k }).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_program_is_shown_line_by_line(insns in insns()) {
        let program = Program(insns);
        for arch in [None, Some(Arch::X86_64), Some(Arch::X32), Some(Arch::S390x)] {
            prop_assert_eq!(disasm::disassemble_for(&program, arch).lines().count(), program.insns().len() + 2);
        }
        prop_assert!(disasm::readable(&program, &[Arch::X32]).starts_with("x32:\n"));
    }

    #[test]
    fn a_call_gets_only_to_instructions_that_are_said_to_be_reached(
        meaning in meanings::meaning(&Arch::ALL), extra in proptest::array::uniform6(meanings::word()),
    ) {
        let program = emit(&meaning).expect("small meanings fit");
        let lines = disasm::lines(&program, None);
        for data in meanings::probes(&meaning, &extra) {
            for index in callgate_bpf::path(&program, &data).expect("checked").executed {
                prop_assert_ne!(lines[index].note.as_deref(), Some("no call gets here"));
            }
        }
    }
}
