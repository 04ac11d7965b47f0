//! Meanings nobody would write: whatever the compiler promises has to hold for these, too.

use callgate_core::meaning::{Clause, Rules};
use callgate_core::set::{ArgBox, Op};
use callgate_core::{Action, Arch, Meaning};

/// Numbers with rules lie below this.
const NUMBERS: u64 = 480;
const ACTIONS: [Action; 6] =
    [Action::Allow, Action::Errno(1), Action::Errno(38), Action::Log, Action::Trap(0), Action::KillProcess];
const ARCHES: [&[Arch]; 5] = [
    &[Arch::X86_64],
    &[Arch::X86_64, Arch::X86],
    &[Arch::X86_64, Arch::X86, Arch::X32],
    &[Arch::Aarch64],
    &[Arch::Aarch64, Arch::Arm],
];
const OPS: [Op; 7] = [Op::Ne, Op::Lt, Op::Le, Op::Eq, Op::Ge, Op::Gt, Op::MaskedEq];

/// Numbers in a row that say nothing about each other; the same each time.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64 (Steele, Lea, Flood: OOPSLA 2014).
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}

/// Some architectures, a part of their numbers, one to three actions, some calls decided by arguments.
pub(crate) fn meaning(dice: &mut Dice) -> Meaning {
    let default = dice.of(&ACTIONS);
    let mut meaning = Meaning::uniform(dice.of(&ARCHES).iter().copied(), default, Action::KillThread);
    let actions: Vec<Action> = (0..=dice.below(3)).map(|_| dice.of(&ACTIONS)).collect();
    let (calls, stay) = (dice.below(NUMBERS), dice.below(100));
    for rules in meaning.arches.values_mut() {
        *rules = some(dice, (calls, stay), &actions, default);
    }
    meaning
}

/// So many numbers; with a chance of `stay` percent the next one is treated like the one before.
fn some(dice: &mut Dice, (calls, stay): (u64, u64), actions: &[Action], default: Action) -> Rules {
    let mut rules = Rules::new(default);
    let (mut nr, mut action) = (dice.below(NUMBERS), dice.of(actions));
    for _ in 0..calls {
        if dice.below(100) < stay {
            nr = (nr + 1) % NUMBERS;
        } else {
            (nr, action) = (dice.below(NUMBERS), dice.of(actions));
        }
        let clauses = match dice.below(25) {
            0 => (0..=dice.below(4)).flat_map(|_| clause(dice, actions)).collect(),
            _ => vec![Clause::any(action)],
        };
        rules.calls.insert(nr as u32, clauses);
    }
    rules
}

fn clause(dice: &mut Dice, actions: &[Action]) -> Vec<Clause> {
    let conditions: Vec<_> = (0..=dice.below(2))
        .map(|_| (dice.below(3) as usize, dice.of(&OPS), dice.below(64), dice.below(64)))
        .collect();
    let action = dice.of(actions);
    ArgBox::from_conditions(&conditions).into_iter().map(|args| Clause { args, action }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meanings_differ_and_are_the_same_each_time() {
        let mut dice = Dice::new(1);
        let first = meaning(&mut dice);
        assert_ne!(first, meaning(&mut dice));
        assert_eq!(first, meaning(&mut Dice::new(1)));
        assert!((0..1000).all(|_| dice.below(7) < 7));
    }
}
