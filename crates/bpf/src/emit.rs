//! Meaning to program.
//!
//! ```text
//!   Meaning ──lower──► intervals of numbers, chains of clauses ──arguments, line──► graph ──asm──► Program
//! ```
//!
//! Per architecture one weighted tree over intervals of numbers that are treated alike, and graphs of tests for those with
//! conditions. Neither arguments nor the instruction pointer are touched before the number is
//! known, so that numbers that are always allowed stay in the kernel's allow bitmap (`kernel/seccomp.c`,
//! `seccomp_is_const_allow`).

use std::collections::BTreeMap;
use std::fmt;

use callgate_core::meaning::{Meaning, Rules};
use callgate_core::{Action, Arch, errno};

use crate::dag::{Dag, Id};
use crate::insn::{MAX_INSNS, OFFSET_ARCH, OFFSET_NR, Program, is_big_endian, op};
use crate::line::{self, Segment};
use crate::lower::{Interval, Lowered, lower};
use crate::weights::Weights;
use crate::{arguments, asm, prove};

/// Why there is no program for a meaning.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmitError {
    /// No architecture is judged: such a filter would refuse, or allow, everything alike.
    #[error("the meaning lists no architecture; there is nothing to filter")]
    Empty,
    /// The kernel cuts larger errnos down to this (`MAX_ERRNO`, `__seccomp_filter` in `kernel/seccomp.c`).
    #[error("errno {0} is larger than {max}, the largest the kernel returns", max = errno::MAX)]
    Errno(u16),
    /// The kernel takes no program that long.
    #[error(
        "{insns} instructions, {} too many: the kernel takes at most {MAX_INSNS}; most are needed for the arguments of {}",
        insns - MAX_INSNS,
        Largest(calls)
    )]
    TooLong {
        /// How long it would be.
        insns: usize,
        /// The calls whose arguments need most: architecture, number, instructions; largest first. What calls share counts
        /// for each.
        calls: Vec<(Arch, u32, usize)>,
    },
}

/// How many calls [`EmitError::TooLong`] names.
const NAMED: usize = 5;

struct Largest<'a>(&'a [(Arch, u32, usize)]);

impl fmt::Display for Largest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (arch, nr, count)) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            match callgate_core::sysno::name(*arch, *nr) {
                Some(name) => write!(f, "{comma}{arch} {name} ({count})")?,
                None => write!(f, "{comma}{arch} number {nr} ({count})")?,
            }
        }
        Ok(())
    }
}

/// Compiles a meaning, for calls as they are asked about by default.
///
/// The program returns for every input what [`Meaning::action_of_data`] says, and passes [`check`](crate::check()).
/// Number 0xffffffff counts as an x86_64 number, all others with bit 30 as x32 numbers; see [`Arch::split`].
pub fn emit(meaning: &Meaning) -> Result<Program, EmitError> {
    emit_weighted(meaning, &Weights::BuiltIn)
}

/// As [`emit`], with short paths for what these weights name.
pub fn emit_weighted(meaning: &Meaning, weights: &Weights) -> Result<Program, EmitError> {
    if meaning.arches.is_empty() {
        return Err(EmitError::Empty);
    }
    check_errnos(meaning)?;
    let mut dag = Dag::default();
    let mut root = dag.ret(meaning.bad_arch.to_ret());
    let lowered = lower(meaning, weights);
    let (mut targets, mut asked) = (Vec::new(), Vec::new());
    // Backwards: the first architecture is made last and tested first.
    for numbers in lowered.iter().rev() {
        let segments = segments(&mut dag, numbers);
        targets.extend(segments.iter().map(|segment| segment.target));
        asked.extend(segments.iter().map(|segment| (numbers.token, segment.start, segment.target)));
        let tree = line::dispatch(&mut dag, &segments);
        let tree = dag.load(OFFSET_NR, tree);
        root = dag.jump(op::JEQ_K, numbers.token, (tree, root));
    }
    root = dag.load(OFFSET_ARCH, root);
    let (mut program, places) = asm::assemble(&dag, root, &targets);
    let repeats = lowered.iter().flat_map(|numbers| &numbers.chains).any(arguments::asks_twice);
    if repeats && program.0.len() <= MAX_INSNS {
        program = without_idle(&dag, (root, &targets), (program, &places));
    }
    if program.0.len() > MAX_INSNS {
        return Err(EmitError::TooLong { insns: program.0.len(), calls: dearest(&dag, &asked) });
    }
    Ok(program)
}

/// The program without branches that always go one way. Compilation of arguments leaves some where a mask and something else
/// are asked of one word: it does not follow from the one what is left of the other.
fn without_idle(
    dag: &Dag,
    (root, targets): (Id, &[Id]),
    (program, places): (Program, &[Option<usize>]),
) -> Program {
    let Some(taken) = prove::taken(&program) else { return program };
    let (pruned, became) = dag.without_idle(|id| places[id.0 as usize].map_or([true; 2], |at| taken[at]));
    let now = |id: &Id| became[id.0 as usize];
    let targets: Vec<Id> = targets.iter().map(now).collect();
    let (shorter, _) = asm::assemble(&pruned, now(&root), &targets);
    // Places change with the length, and so may the number of jumps that only lead on.
    if shorter.0.len() <= program.0.len() { shorter } else { program }
}

/// The fewest comparisons by which numbers can be told apart, per token: what the trees of [`emit`] are measured against.
/// Architecture and number have to be loaded, and the architecture compared, beside that.
pub fn fewest_comparisons(meaning: &Meaning) -> Vec<(u32, usize)> {
    let mut dag = Dag::default();
    let lowered = lower(meaning, &Weights::BuiltIn);
    lowered.iter().map(|numbers| (numbers.token, line::bound(&segments(&mut dag, numbers)))).collect()
}

fn segments(dag: &mut Dag, numbers: &Lowered) -> Vec<Segment> {
    let big_endian = is_big_endian(numbers.token);
    let targets: Vec<_> =
        numbers.chains.iter().map(|chain| arguments::decide(dag, chain, big_endian)).collect();
    let segment = |i: &Interval| Segment { start: i.start, target: targets[i.chain], weight: i.weight };
    numbers.intervals.iter().map(segment).collect()
}

fn check_errnos(meaning: &Meaning) -> Result<(), EmitError> {
    let clauses = |r: &Rules| r.calls.values().flatten().map(|c| c.action).collect::<Vec<_>>();
    let rules = meaning.arches.values().flat_map(|r| clauses(r).into_iter().chain(r.defaults()));
    for action in rules.chain([meaning.bad_arch]) {
        match action {
            Action::Errno(errno) if errno > errno::MAX => return Err(EmitError::Errno(errno)),
            _ => {}
        }
    }
    Ok(())
}

/// The calls that take most instructions, by token, raw number and graph.
fn dearest(dag: &Dag, asked: &[(u32, u32, Id)]) -> Vec<(Arch, u32, usize)> {
    let mut sizes: BTreeMap<Id, usize> = BTreeMap::new();
    let size = |id: Id| *sizes.entry(id).or_insert_with(|| dag.size(id));
    let sized: Vec<_> = asked.iter().map(|(_, _, id)| *id).map(size).collect();
    let calls = asked.iter().zip(sized).filter(|(_, size)| *size > 0);
    let mut calls: Vec<_> = calls
        .filter_map(|((token, raw, _), size)| Arch::split(*token, *raw).map(|(arch, nr)| (arch, nr, size)))
        .collect();
    calls.sort_by_key(|(arch, nr, size)| (std::cmp::Reverse(*size), *arch, *nr));
    calls.truncate(NAMED);
    calls
}

/// The calls with most alternatives, as a text: what a person can make simpler.
pub fn largest(meaning: &Meaning) -> String {
    let of = |(arch, rules): (&Arch, &Rules)| {
        let arch = *arch;
        rules.calls.iter().map(move |(nr, clauses)| (arch, *nr, clauses.len())).collect::<Vec<_>>()
    };
    let mut calls: Vec<_> = meaning.arches.iter().flat_map(of).collect();
    calls.sort_by_key(|(arch, nr, count)| (std::cmp::Reverse(*count), *arch, *nr));
    calls.truncate(NAMED);
    Largest(&calls).to_string()
}
