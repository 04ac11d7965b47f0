//! Whether a program does what a meaning says, or what another program does: for every input, with a counter-example where
//! it does not.
//!
//! ```text
//!   Program ──walk──► per path: the inputs that take it, what it returns ──against a meaning, or along another program──► Proof
//! ```
//!
//! The inputs are all there can be: any architecture and number, any arguments (on 32-bit ABIs with empty upper halves, as the
//! kernel passes them), any instruction pointer. Nothing here is shared with the compiler but the instructions.

mod expected;
mod region;
mod walk;

use callgate_core::set::ArgSet;
use callgate_core::{Action, Arch, Meaning, SeccompData};

use crate::check::{CheckError, check};
use crate::insn::{Insn, Program};
use crate::simulate::run;
use expected::Expected;
use region::{Region, Values};
use walk::{Budget, walk, walk_and_tell};

/// What was found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Both do the same with every input.
    Equal,
    /// They do not, and here is one; it was replayed on both.
    Differs(Difference),
    /// It could not be found out.
    Undecided(Undecided),
}

/// An input and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The input.
    pub data: SeccompData,
    /// What the program does with it, the first of two.
    pub left: Action,
    /// What the meaning says, or the second program does.
    pub right: Action,
}

/// Why nothing could be found out. Instructions count from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undecided {
    /// A program the kernel would not load.
    #[error("the kernel would not load it: {0}")]
    Check(#[from] CheckError),
    /// An instruction the kernel would not load, or a division by a register.
    #[error("instruction {0} is not followed")]
    Insn(usize),
    /// A decision about something computed from the input.
    #[error("instruction {0} decides about a value that is computed from the input")]
    Computed(usize),
    /// Too many ways through the program.
    #[error("there are too many ways through the program to follow each")]
    TooManyPaths,
    /// A counter-example that both sides agree about: the prover is wrong. Please report this.
    #[error("the counter-example found does not show a difference; please report this")]
    Replay,
}

/// A difference found on the way, or why there is no answer.
enum Stop {
    At(Box<Region>),
    Undecided(Undecided),
}

impl From<Undecided> for Stop {
    fn from(undecided: Undecided) -> Self {
        Self::Undecided(undecided)
    }
}

/// Whether `program` does with every input what `meaning` says.
pub fn prove(program: &Program, meaning: &Meaning) -> Proof {
    let right = |data: &SeccompData| Some(meaning.action_of_data(data));
    let budget = Budget::new();
    let expected = Expected { meaning, budget: &budget };
    decide(program, right, |inputs| {
        walk(program, inputs, &budget, |region, ret| {
            match expected.differing(region, Action::from_ret(ret))? {
                Some(found) => Err(Stop::At(Box::new(found))),
                None => Ok(()),
            }
        })
    })
}

/// Whether two programs do the same with every input.
pub fn equal(left: &Program, right: &Program) -> Proof {
    if let Err(error) = check(right) {
        return Proof::Undecided(error.into());
    }
    if left == right {
        return Proof::Equal;
    }
    let replayed = |data: &SeccompData| run(right, data).ok().map(Action::from_ret);
    let budget = Budget::new();
    decide(left, replayed, |inputs| {
        walk(left, inputs, &budget, |taken, first| {
            walk(right, taken, &budget, |region, second| {
                if Action::from_ret(first) == Action::from_ret(second) {
                    Ok(())
                } else {
                    Err(Stop::At(Box::new(region.clone())))
                }
            })
        })
    })
}

/// Of every conditional jump whether an input takes it, and whether one goes on behind it by `jf`; `None` where the program
/// cannot be followed.
pub(crate) fn taken(program: &Program) -> Option<Vec<[bool; 2]>> {
    let insns = program.insns();
    let mut taken = vec![[false; 2]; insns.len()];
    let budget = Budget::new();
    for inputs in inputs() {
        let passed = |from: usize, to: usize| {
            let Insn { jt, jf, .. } = insns[from];
            let [yes, no] = &mut taken[from];
            *yes |= to == from + 1 + usize::from(jt);
            *no |= to == from + 1 + usize::from(jf);
        };
        walk_and_tell::<Undecided>((program, &budget), &inputs, passed, |_, _| Ok(())).ok()?;
    }
    Some(taken)
}

/// Asks about the inputs of every architecture and replays what is found.
fn decide(
    program: &Program,
    right: impl Fn(&SeccompData) -> Option<Action>,
    ask: impl Fn(&Region) -> Result<(), Stop>,
) -> Proof {
    if let Err(error) = check(program) {
        return Proof::Undecided(error.into());
    }
    for inputs in inputs() {
        match ask(&inputs) {
            Ok(()) => {}
            Err(Stop::Undecided(why)) => return Proof::Undecided(why),
            Err(Stop::At(region)) => {
                let Some(data) = region.witness() else { return Proof::Undecided(Undecided::Replay) };
                let both = run(program, &data).ok().map(Action::from_ret).zip(right(&data));
                return match both.filter(|(left, right)| left != right) {
                    Some((left, right)) => Proof::Differs(Difference { data, left, right }),
                    None => Proof::Undecided(Undecided::Replay),
                };
            }
        }
    }
    Proof::Equal
}

/// All inputs: those of each architecture that has a table, most used first, and those of all others.
fn inputs() -> Vec<Region> {
    let mut tokens: Vec<u32> = Vec::new();
    for token in Arch::ALL.into_iter().map(Arch::token) {
        if !tokens.contains(&token) {
            tokens.push(token);
        }
    }
    let exactly = |value: u32| ArgSet::exactly(value.into());
    let others = tokens.iter().fold(Values::all(), |left, token| left.without(&exactly(*token)));
    let mut found = Vec::new();
    for token in tokens {
        let mut region = Region::all().within(&[(1, exactly(token))]);
        if let Some((arch, _)) = Arch::split(token, 0).filter(|(arch, _)| arch.arg_bits() == 32) {
            for index in 0..6 {
                region = region.within(&[(expected::word(arch, index, true), exactly(0))]);
            }
        }
        found.push(region);
    }
    found.push(Region::all().with(1, others));
    found
}

#[cfg(test)]
mod tests;
