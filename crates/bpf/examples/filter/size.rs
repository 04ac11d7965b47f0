//! How long a program is, and how long it would have to be.

use std::collections::BTreeSet;

use callgate_bpf::insn::{OFFSET_ARCH, op};
use callgate_bpf::{Insn, Program, fewest_comparisons};
use callgate_core::Meaning;

/// The fewest instructions for a meaning, of which the part for arguments is taken from the program as it is.
///
/// Architecture and number are loaded, the architecture compared once per token, numbers told apart by the fewest
/// comparisons, and every value has one return. Jumps that only lead on, and second copies of a return, are nobody's need.
pub(crate) fn optimum(meaning: &Meaning, program: &Program) -> usize {
    let loads_and_comparisons = |comparisons: usize| 1 + usize::from(comparisons > 0) + comparisons;
    let dispatch: usize = fewest_comparisons(meaning)
        .into_iter()
        .map(|(_, comparisons)| loads_and_comparisons(comparisons))
        .sum();
    1 + dispatch + returns(program) + arguments(program)
}

/// Jumps that only lead on, and returns beside the first of each value: what conditional jumps that reach 255 instructions cost.
pub(crate) fn hops(program: &Program) -> usize {
    let counted = |insn: &&Insn| insn.code == op::JA || insn.code == op::RET_K;
    program.insns().iter().filter(counted).count() - returns(program)
}

/// Values returned, each once.
fn returns(program: &Program) -> usize {
    let values = program.insns().iter().filter(|insn| insn.code == op::RET_K).map(|insn| insn.k);
    values.collect::<BTreeSet<_>>().len()
}

/// Instructions that look at arguments: the loads and what they lead to.
fn arguments(program: &Program) -> usize {
    let insns = program.insns();
    let mut inside = vec![false; insns.len()];
    for (i, insn) in insns.iter().enumerate() {
        let loads = insn.code == op::LD_W_ABS && insn.k > OFFSET_ARCH;
        inside[i] |= loads;
        if inside[i] {
            for next in successors(i, *insn) {
                inside[next] = true;
            }
        }
    }
    let counts = |(insn, inside): &(&Insn, bool)| *inside && insn.code != op::RET_K && insn.code != op::JA;
    insns.iter().zip(inside).filter(counts).count()
}

/// The most instructions on any way through the program, whether there is an input for it or not.
pub(crate) fn longest(program: &Program) -> usize {
    let insns = program.insns();
    let mut lengths = vec![0; insns.len()];
    for (i, insn) in insns.iter().enumerate().rev() {
        lengths[i] = 1 + successors(i, *insn).into_iter().map(|next| lengths[next]).max().unwrap_or(0);
    }
    lengths.first().copied().unwrap_or(0)
}

fn successors(at: usize, insn: Insn) -> Vec<usize> {
    match insn.code {
        op::RET_K | op::RET_A => Vec::new(),
        op::JA => vec![at + 1 + insn.k as usize],
        op::JEQ_K | op::JGT_K | op::JGE_K | op::JSET_K => {
            vec![at + 1 + usize::from(insn.jt), at + 1 + usize::from(insn.jf)]
        }
        _ => vec![at + 1],
    }
}

/// Stretches of numbers that are treated alike, of the first architecture, below 1024.
pub(crate) fn intervals(meaning: &Meaning) -> usize {
    let Some(rules) = meaning.arches.values().next() else { return 0 };
    let plain = |nr: u32| match rules.calls.get(&nr).map(Vec::as_slice) {
        None => (rules.otherwise(nr), None),
        Some([only]) if only.args.is_any() => (only.action, None),
        Some(clauses) => (rules.otherwise(nr), Some(clauses)),
    };
    1 + (1..1024).filter(|nr| plain(*nr) != plain(nr - 1)).count()
}

#[cfg(test)]
mod tests {
    use callgate_bpf::emit;
    use callgate_core::meaning::{Clause, Rules};
    use callgate_core::set::{ArgBox, Op};
    use callgate_core::{Action, Arch};

    use super::*;

    fn allowing(numbers: &[u32]) -> Meaning {
        let mut meaning = Meaning::uniform([Arch::Aarch64], Action::Errno(1), Action::KillThread);
        let rules: &mut Rules = meaning.arches.values_mut().next().unwrap();
        rules.calls = numbers.iter().map(|nr| (*nr, vec![Clause::any(Action::Allow)])).collect();
        meaning
    }

    #[test]
    fn a_small_filter_is_as_short_as_can_be() {
        // Load, compare the architecture; load, compare 5 and 7; return three values.
        let meaning = allowing(&[5, 7]);
        let program = emit(&meaning).unwrap();
        assert_eq!((optimum(&meaning, &program), program.insns().len()), (8, 8));
        assert_eq!((longest(&program), intervals(&meaning)), (6, 5));
        // A filter that asks for no number loads none.
        let meaning = allowing(&[]);
        let program = emit(&meaning).unwrap();
        assert_eq!((optimum(&meaning, &program), program.insns().len()), (4, 4));
    }

    #[test]
    fn arguments_are_counted_as_they_are() {
        let mut meaning = allowing(&[5]);
        let checked = ArgBox::from_conditions(&[(0, Op::MaskedEq, 0xff, 3)]).remove(0);
        let rules = meaning.arches.values_mut().next().unwrap();
        rules.calls.insert(9, vec![Clause { args: checked, action: Action::Allow }]);
        let program = emit(&meaning).unwrap();
        // A load, a mask and a comparison beside what numbers need.
        assert_eq!(arguments(&program), 3);
        assert_eq!((optimum(&meaning, &program), program.insns().len()), (11, 11));
        assert_eq!(intervals(&meaning), 5);
    }

    #[test]
    fn a_second_return_and_a_jump_that_leads_on_are_not_needed() {
        let meaning = allowing(&[]);
        let mut program = emit(&meaning).unwrap();
        program.0.push(Insn::stmt(op::RET_K, Action::Errno(1).to_ret()));
        program.0.insert(0, Insn::stmt(op::JA, 0));
        assert_eq!((optimum(&meaning, &program), longest(&program), hops(&program)), (4, 4, 2));
    }
}
