//! The compiler against seccompiler, which others wrote: random allowlists with all of its operators.

mod meanings;

use std::collections::BTreeMap;

use callgate_bpf::prove::equal;
use callgate_bpf::{Insn, Program, Proof, emit, prove, run};
use callgate_core::meaning::{Clause, Meaning, Rules};
use callgate_core::set::{ArgBox, ArgSet, Op};
use callgate_core::{Action, Arch};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

/// A comparison of one argument, of its lower half or of all of it.
#[derive(Clone, Copy, Debug)]
struct Comparison {
    index: usize,
    is_whole: bool,
    op: Op,
    value: u64,
    mask: u64,
}

/// Number → alternatives, each a list of comparisons that must all hold; none at all means always.
type Allowlist = BTreeMap<u32, Vec<Vec<Comparison>>>;

/// More alternatives than this per rule are as good as few.
const MAX_BOXES: usize = 12;

fn comparison() -> impl Strategy<Value = Comparison> {
    (0usize..6, any::<bool>(), select(Op::ALL.map(|(op, _)| op).to_vec()), meanings::word(), meanings::word())
        .prop_map(|(index, is_whole, op, value, mask)| Comparison { index, is_whole, op, value, mask })
}

fn allowlist() -> impl Strategy<Value = Allowlist> {
    let rule = prop_oneof![3 => vec(comparison(), 1..4), 1 => vec(comparison(), 4..8)]
        .prop_filter("few boxes", |rule| rule.iter().map(|c| sets(c).len()).product::<usize>() <= MAX_BOXES);
    let number = prop_oneof![3 => 0u32..12, 2 => 0u32..500, 1 => Just(0x3fff_ffff)];
    btree_map(number, vec(rule, 0..4), 0..8)
}

/// The values that satisfy it, as a union.
fn sets(comparison: &Comparison) -> Vec<ArgSet> {
    let Comparison { op, value, mask, .. } = *comparison;
    if comparison.is_whole {
        return match op {
            Op::MaskedEq => ArgSet::from_op(op, mask, value),
            _ => ArgSet::from_op(op, value, 0),
        };
    }
    let value = value & 0xffff_ffff;
    match op {
        Op::Eq => vec![ArgSet::masked(0xffff_ffff, value)],
        Op::MaskedEq => vec![ArgSet::masked(mask & 0xffff_ffff, value & mask)],
        Op::Lt => below(value),
        Op::Le => below(value + 1),
        Op::Ge => from(value),
        Op::Gt => from(value + 1),
        Op::Ne => [below(value), from(value + 1)].concat(),
    }
}

/// Lower halves below `end`: one mask per bit that is set.
fn below(end: u64) -> Vec<ArgSet> {
    let bits = (0..=32).filter(|bit| end >> bit & 1 == 1);
    bits.map(|bit| masked_half(bit, (end >> bit & !1) << bit)).collect()
}

/// Lower halves from `start` on: one mask per bit that is not set, and `start` itself.
fn from(start: u64) -> Vec<ArgSet> {
    if start > 0xffff_ffff {
        return Vec::new();
    }
    let bits = (0..32).filter(|bit| start >> bit & 1 == 0);
    let above = bits.map(|bit| masked_half(bit, (start >> bit | 1) << bit));
    above.chain([masked_half(0, start)]).collect()
}

/// Lower halves whose bits from `bit` on are those of `bits`.
fn masked_half(bit: u32, bits: u64) -> ArgSet {
    ArgSet::masked(0xffff_ffff << bit & 0xffff_ffff, bits)
}

/// What the allowlist says. An architecture that is not the filter's own is killed; numbers of x32 are not told apart from
/// others, so that they get what numbers get that are not listed.
fn meaning(list: &Allowlist, arch: Arch, (matched, otherwise): (Action, Action)) -> Meaning {
    let boxes = |rule: &Vec<Comparison>| {
        rule.iter().fold(vec![ArgBox::any()], |boxes, c| {
            let met = |b: &ArgBox| {
                let narrowed = |set| Some(b.with(c.index, b.arg(c.index).intersect(&set)?));
                sets(c).into_iter().filter_map(narrowed).collect::<Vec<_>>()
            };
            boxes.iter().flat_map(met).collect()
        })
    };
    let clauses = |rules: &Vec<Vec<Comparison>>| {
        if rules.is_empty() {
            return vec![Clause::any(matched)];
        }
        rules.iter().flat_map(boxes).map(|args| Clause { args, action: matched }).collect()
    };
    let calls = list.iter().map(|(nr, rules)| (*nr, clauses(rules))).collect();
    let mut arches = BTreeMap::from([(arch, Rules { calls, ..Rules::new(otherwise) })]);
    if arch == Arch::X86_64 {
        arches.insert(Arch::X32, Rules::new(otherwise));
    }
    Meaning { arches, bad_arch: Action::KillProcess }
}

fn condition(comparison: &Comparison) -> SeccompCondition {
    let Comparison { op, value, mask, .. } = *comparison;
    let operator = match op {
        Op::Eq => SeccompCmpOp::Eq,
        Op::Ne => SeccompCmpOp::Ne,
        Op::Lt => SeccompCmpOp::Lt,
        Op::Le => SeccompCmpOp::Le,
        Op::Gt => SeccompCmpOp::Gt,
        Op::Ge => SeccompCmpOp::Ge,
        Op::MaskedEq => SeccompCmpOp::MaskedEq(mask),
    };
    let length = if comparison.is_whole { SeccompCmpArgLen::Qword } else { SeccompCmpArgLen::Dword };
    SeccompCondition::new(comparison.index as u8, length, operator, value).expect("six arguments")
}

fn theirs(action: Action) -> SeccompAction {
    match action {
        Action::Allow => SeccompAction::Allow,
        Action::Errno(errno) => SeccompAction::Errno(errno.into()),
        Action::Trace(data) => SeccompAction::Trace(data.into()),
        Action::Log => SeccompAction::Log,
        Action::Trap(_) => SeccompAction::Trap,
        Action::KillThread => SeccompAction::KillThread,
        _ => SeccompAction::KillProcess,
    }
}

/// What seccompiler makes of it.
fn compiled(list: &Allowlist, arch: TargetArch, (matched, otherwise): (Action, Action)) -> Program {
    let rule = |rule: &Vec<Comparison>| {
        SeccompRule::new(rule.iter().map(condition).collect()).expect("a rule has conditions")
    };
    let rules = list.iter().map(|(nr, rules)| (i64::from(*nr), rules.iter().map(rule).collect())).collect();
    let filter = SeccompFilter::new(rules, theirs(otherwise), theirs(matched), arch).expect("two actions");
    let program = BpfProgram::try_from(filter).expect("small filters fit");
    Program(program.iter().map(|i| Insn { code: i.code, jt: i.jt, jf: i.jf, k: i.k }).collect())
}

/// Its actions: it has no listeners, and traps without data.
fn actions() -> impl Strategy<Value = (Action, Action)> {
    let action = || {
        meanings::action().prop_map(|action| match action {
            Action::Trap(_) => Action::Trap(0),
            Action::Notify => Action::Errno(7),
            other => other,
        })
    };
    (action(), action()).prop_filter("two actions", |(a, b)| a != b)
}

fn cases() -> u32 {
    if std::env::var_os("CALLGATE_FULL").is_some_and(|v| v == "1") { 20_000 } else { 400 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn seccompiler_makes_a_program_that_is_equal_to_ours(
        list in allowlist(), actions in actions(), is_arm in any::<bool>(), extra in proptest::array::uniform6(meanings::word()),
    ) {
        let (arch, target) =
            if is_arm { (Arch::Aarch64, TargetArch::aarch64) } else { (Arch::X86_64, TargetArch::x86_64) };
        let meaning = meaning(&list, arch, actions);
        let (ours, other) = (emit(&meaning).expect("small meanings fit"), compiled(&list, target, actions));
        prop_assert_eq!(prove(&ours, &meaning), Proof::Equal);
        prop_assert_eq!(equal(&other, &ours), Proof::Equal, "{:?}", list);
        for data in meanings::probes(&meaning, &extra) {
            prop_assert_eq!(run(&other, &data), run(&ours, &data), "{:x?} {:?}", data, list);
        }
    }
}
