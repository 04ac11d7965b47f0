//! Meaning to program, plainly.
//!
//! Per architecture: one balanced tree over runs of numbers that are treated alike, and for numbers with conditions
//! their clauses one after the other. Neither arguments nor the instruction pointer are touched before the number is
//! known, so that numbers that are always allowed stay in the kernel's allow bitmap (`kernel/seccomp.c`,
//! `seccomp_is_const_allow`).

use std::collections::BTreeMap;
use std::fmt;

use callgate_core::arch::X32_BIT;
use callgate_core::meaning::{Clause, Meaning, Rules};
use callgate_core::set::{ArgBox, ArgSet};
use callgate_core::{Action, Arch, errno};

use crate::asm::{Argument, Asm, Label};
use crate::insn::{MAX_INSNS, OFFSET_ARCH, OFFSET_NR, Program, is_big_endian, op};

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
        "{insns} instructions; the kernel takes at most {MAX_INSNS}; the calls with most alternatives: {}",
        Largest(calls)
    )]
    TooLong {
        /// How long it would be.
        insns: usize,
        /// The calls with most clauses: architecture, number, count; largest first.
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

/// Compiles a meaning.
///
/// The program returns for every input what [`Meaning::action_of_data`] says, and passes [`check`](crate::check()).
/// Number 0xffffffff counts as an x86_64 number, all others with bit 30 as x32 numbers; see [`Arch::split`].
pub fn emit(meaning: &Meaning) -> Result<Program, EmitError> {
    if meaning.arches.is_empty() {
        return Err(EmitError::Empty);
    }
    check_errnos(meaning)?;
    let mut tokens: Vec<u32> = Vec::new();
    for arch in meaning.arches.keys() {
        if !tokens.contains(&arch.token()) {
            tokens.push(arch.token());
        }
    }
    let mut asm = Asm::default();
    let mut label = asm.ret(meaning.bad_arch.to_ret());
    // Backwards: the first architecture is written last and tested first.
    for token in tokens.into_iter().rev() {
        let numbers =
            Numbers { abi: Abi::of(token), chains: BTreeMap::new() }.emit(&mut asm, &runs(meaning, token));
        label = asm.jump(op::JEQ_K, token, numbers, label);
    }
    asm.load(OFFSET_ARCH, label);
    if asm.len() > MAX_INSNS {
        return Err(EmitError::TooLong { insns: asm.len(), calls: largest(meaning) });
    }
    Ok(asm.finish())
}

fn check_errnos(meaning: &Meaning) -> Result<(), EmitError> {
    let clauses = |r: &Rules| r.calls.values().flatten().map(|c| c.action).collect::<Vec<_>>();
    let rules = meaning.arches.values().flat_map(|r| clauses(r).into_iter().chain([r.default]));
    for action in rules.chain([meaning.bad_arch]) {
        match action {
            Action::Errno(errno) if errno > errno::MAX => return Err(EmitError::Errno(errno)),
            _ => {}
        }
    }
    Ok(())
}

fn largest(meaning: &Meaning) -> Vec<(Arch, u32, usize)> {
    let of = |(arch, rules): (&Arch, &Rules)| {
        let arch = *arch;
        rules.calls.iter().map(move |(nr, clauses)| (arch, *nr, clauses.len())).collect::<Vec<_>>()
    };
    let mut calls: Vec<_> = meaning.arches.iter().flat_map(of).collect();
    calls.sort_by_key(|(arch, nr, count)| (std::cmp::Reverse(*count), *arch, *nr));
    calls.truncate(NAMED);
    calls
}

/// What happens to a number: clauses in order, then the action for all other arguments.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Chain {
    clauses: Vec<(ArgBox, u32)>,
    otherwise: u32,
}

impl Chain {
    fn always(action: Action) -> Self {
        Self { clauses: Vec::new(), otherwise: action.to_ret() }
    }

    /// The clauses that can matter.
    fn new(clauses: &[Clause], default: Action) -> Self {
        let mut chain = Self::always(default);
        for clause in clauses {
            if clause.args.is_any() {
                chain.otherwise = clause.action.to_ret();
                break;
            }
            chain.clauses.push((clause.args, clause.action.to_ret()));
        }
        while chain.clauses.last().is_some_and(|(_, ret)| *ret == chain.otherwise) {
            chain.clauses.pop();
        }
        chain
    }
}

/// Numbers from `start` up to the next run, treated alike.
struct Run {
    start: u32,
    chain: Chain,
}

/// All raw numbers of one token, from 0 up, neighbours different.
fn runs(meaning: &Meaning, token: u32) -> Vec<Run> {
    let mut runs = Vec::new();
    if token == Arch::X86_64.token() {
        let (native, x32) = (meaning.arches.get(&Arch::X86_64), meaning.arches.get(&Arch::X32));
        stretch(&mut runs, native, meaning.bad_arch, (0, X32_BIT - 1, 0));
        stretch(&mut runs, x32, meaning.bad_arch, (X32_BIT, u32::MAX - 1, X32_BIT));
        stretch(&mut runs, native, meaning.bad_arch, (u32::MAX, u32::MAX, 0));
    } else {
        let rules = meaning.arches.iter().find(|(arch, _)| arch.token() == token).map(|(_, rules)| rules);
        stretch(&mut runs, rules, meaning.bad_arch, (0, u32::MAX, 0));
    }
    runs
}

/// Appends the runs of the raw numbers `first..=last`, of which `offset` is the number 0 of their rules.
fn stretch(
    runs: &mut Vec<Run>,
    rules: Option<&Rules>,
    bad_arch: Action,
    (first, last, offset): (u32, u32, u32),
) {
    let mut push = |start: u32, chain: Chain| {
        if runs.last().is_none_or(|run| run.chain != chain) {
            runs.push(Run { start, chain });
        }
    };
    let Some(rules) = rules else { return push(first, Chain::always(bad_arch)) };
    // The first number not yet spoken of.
    let mut next = Some(first);
    for (nr, clauses) in rules.calls.range(first - offset..=last - offset) {
        let raw = nr + offset;
        if let Some(gap) = next.filter(|n| *n < raw) {
            push(gap, Chain::always(rules.default));
        }
        push(raw, Chain::new(clauses, rules.default));
        next = raw.checked_add(1);
    }
    if let Some(gap) = next.filter(|n| *n <= last) {
        push(gap, Chain::always(rules.default));
    }
}

/// What of an ABI matters for its arguments.
#[derive(Clone, Copy)]
struct Abi {
    bits: u32,
    big_endian: bool,
}

impl Abi {
    fn of(token: u32) -> Self {
        // x32 shares its token and its register width with x86_64.
        let bits = Arch::split(token, 0).map_or(64, |(arch, _)| arch.arg_bits());
        Self { bits, big_endian: is_big_endian(token) }
    }
}

/// Writes the part of the program that knows the architecture.
struct Numbers<'r> {
    abi: Abi,
    /// Chains written already: equal ones are shared.
    chains: BTreeMap<&'r Chain, Label>,
}

impl<'r> Numbers<'r> {
    fn emit(mut self, asm: &mut Asm, runs: &'r [Run]) -> Label {
        let tree = self.tree(asm, runs);
        if runs.len() > 1 { asm.load(OFFSET_NR, tree) } else { tree }
    }

    /// Decides between runs; the accumulator holds the number. The depth is the logarithm of their count.
    fn tree(&mut self, asm: &mut Asm, runs: &'r [Run]) -> Label {
        match runs {
            // Never: runs cover all numbers, and halves of two or more are not empty.
            [] => asm.ret(Action::KillProcess.to_ret()),
            [only] => self.chain(asm, &only.chain),
            // One number that stands out.
            [before, one, after] if before.chain == after.chain && one.start + 1 == after.start => {
                let (others, this) = (self.chain(asm, &before.chain), self.chain(asm, &one.chain));
                asm.jump(op::JEQ_K, one.start, this, others)
            }
            _ => {
                let (left, right) = runs.split_at(runs.len() / 2);
                let above = self.tree(asm, right);
                let below = self.tree(asm, left);
                asm.jump(op::JGE_K, right[0].start, above, below)
            }
        }
    }

    fn chain(&mut self, asm: &mut Asm, chain: &'r Chain) -> Label {
        // Returns are shared, and copied when far, by the assembler itself.
        if chain.clauses.is_empty() {
            return asm.ret(chain.otherwise);
        }
        if let Some(label) = self.chains.get(chain) {
            return *label;
        }
        let mut label = asm.ret(chain.otherwise);
        for (args, ret) in chain.clauses.iter().rev() {
            label = self.clause(asm, args.args(), *ret, label);
        }
        self.chains.insert(chain, label);
        label
    }

    /// Returns `ret` for arguments in the box, otherwise goes to `no`.
    fn clause(&self, asm: &mut Asm, args: &[ArgSet; 6], ret: u32, no: Label) -> Label {
        let mut label = asm.ret(ret);
        for (index, set) in args.iter().enumerate().rev() {
            label = asm.test(&Argument::new(index, self.abi.bits, self.abi.big_endian), set, label, no);
        }
        label
    }
}
