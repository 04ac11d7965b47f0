//! The shortest ways there can be: what telling numbers apart by `JGE` and `JEQ` costs at least, however long the program.
//!
//! A node of such a tree sees an interval of numbers without those that were peeled off above it. The dynamic program knows
//! of these only how many they are, and takes them for the heaviest, and for the ones that would leave the interval all
//! alike: each tree has its image in it, which costs no more, so that its minimum is a bound. Cuts lie where numbers begin to
//! be treated otherwise; masks of numbers are not in it.

use std::collections::{BTreeMap, BTreeSet};

use callgate_bpf::prove::equal;
use callgate_bpf::{Program, Proof, emit};
use callgate_core::meaning::{Clause, Rules};
use callgate_core::{Action, Arch, Meaning, sysno};

use super::paths;

/// Numbers below this are told apart. What those above cost is left out, which makes the bound no larger.
const NUMBERS: u32 = 600;
/// Whoever peels off more numbers than this on one way gets the rest for nothing.
const PEELS: usize = 12;
/// The load of the architecture, the load of the number and the return, or the load at which the kernel stops.
const AROUND: usize = 3;

/// Numbers in a row that are treated alike, with their weights.
struct Alike {
    target: usize,
    weights: Vec<f64>,
}

/// What telling numbers apart costs at least, by weight.
fn least(line: &[Alike]) -> f64 {
    let n = line.len();
    let mut table = Table { costs: vec![vec![vec![0.0; PEELS + 2]; n + 1]; n + 1] };
    for length in 2..=n {
        for first in 0..=n - length {
            table.fill(line, first, first + length);
        }
    }
    table.costs[0][n][0]
}

/// By first interval, one behind the last, and numbers peeled off: the least cost.
struct Table {
    costs: Vec<Vec<Vec<f64>>>,
}

impl Table {
    fn fill(&mut self, line: &[Alike], first: usize, end: usize) {
        let exceptions = exceptions(&line[first..end]);
        let weights = left(&line[first..end]);
        for peeled in (0..=PEELS).rev() {
            if exceptions <= peeled {
                continue;
            }
            let peel = self.costs[first][end][peeled + 1];
            let cut = (first + 1..end).flat_map(|at| (0..=peeled).map(move |below| (at, below)));
            let halves = |(at, below): (usize, usize)| {
                self.costs[first][at][below] + self.costs[at][end][peeled - below]
            };
            self.costs[first][end][peeled] = weights[peeled] + cut.map(halves).fold(peel, f64::min);
        }
    }
}

/// How many numbers have to be peeled off until all others are treated alike.
fn exceptions(line: &[Alike]) -> usize {
    let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
    for alike in line {
        *sizes.entry(alike.target).or_default() += alike.weights.len();
    }
    sizes.values().sum::<usize>() - sizes.values().max().copied().unwrap_or(0)
}

/// The weight that is left without the heaviest number, the two heaviest, and so on.
fn left(line: &[Alike]) -> Vec<f64> {
    let mut weights: Vec<f64> = line.iter().flat_map(|alike| &alike.weights).copied().collect();
    weights.sort_by(|a, b| b.total_cmp(a));
    (0..=PEELS).map(|peeled| weights.iter().skip(peeled).sum()).collect()
}

/// What is done to each number: two are alike where they are proven to be, however their rules are written.
fn targets(arch: Arch, rules: &Rules) -> Vec<usize> {
    let (mut known, mut plain) = (Vec::<Program>::new(), BTreeMap::<u32, usize>::new());
    let target = |nr: u32| {
        let action = paths::always(rules, nr).map(Action::to_ret);
        let found = action.and_then(|ret| plain.get(&ret).copied());
        let target = found.unwrap_or_else(|| place(&mut known, alone(arch, rules, nr)));
        plain.extend(action.map(|ret| (ret, target)));
        target
    };
    (0..NUMBERS).map(target).collect()
}

fn line(targets: &[usize], weight: impl Fn(u32) -> f64) -> Vec<Alike> {
    let mut line = Vec::<Alike>::new();
    for (nr, target) in (0..).zip(targets.iter().copied()) {
        match line.last_mut() {
            Some(last) if last.target == target => last.weights.push(weight(nr)),
            _ => line.push(Alike { target, weights: vec![weight(nr)] }),
        }
    }
    line
}

/// A filter that does to number 0 what the rules do to this one, and nothing else.
fn alone(arch: Arch, rules: &Rules, nr: u32) -> Option<Program> {
    let mut meaning = Meaning::uniform([arch], Action::KillThread, Action::KillThread);
    let mut clauses = rules.calls.get(&nr).cloned().unwrap_or_default();
    clauses.push(Clause::any(rules.otherwise(nr)));
    meaning.arches.get_mut(&arch)?.calls.insert(0, clauses);
    emit(&meaning).ok()
}

/// Which of the known ones it is, or a new one. Whatever cannot be told apart is taken for the same: so the bound is none too
/// large.
fn place(known: &mut Vec<Program>, program: Option<Program>) -> usize {
    let Some(program) = program else { return 0 };
    let same = |other: &Program| !matches!(equal(other, &program), Proof::Differs(_));
    known.iter().position(same).unwrap_or_else(|| {
        known.push(program);
        known.len() - 1
    })
}

/// The least the kernel goes through when it installs a filter, see [`paths::emulated`]: the architecture with most numbers is
/// told by one comparison, the next by two.
pub(crate) fn emulated(meaning: &Meaning, arches: &[Arch]) -> usize {
    let size = |arch: &Arch| sysno::table(*arch).iter().map(|entry| entry.nr + 1).max().unwrap_or(0);
    let mut arches: Vec<Arch> = arches.to_vec();
    arches.sort_by_key(|arch| std::cmp::Reverse(size(arch)));
    let of = |(before, arch): (usize, &Arch)| {
        let rules = meaning.arches.get(arch)?;
        let size = size(arch);
        let line = line(&targets(*arch, rules), |nr| f64::from(u8::from(nr < size)));
        // Where all are treated alike, no number is loaded.
        let around = AROUND - usize::from(line.len() == 1);
        Some((around + before + 1) * size as usize + least(&line).ceil() as usize)
    };
    arches.iter().enumerate().filter_map(of).sum()
}

/// The least mean over calls decided by arguments that any tree has: whatever it does to other calls; and if denied ones may
/// take `denied` on average. `arguments` is the mean from the first load of an argument on.
pub(crate) fn checked(meaning: &Meaning, arch: Arch, arguments: f64, denied: f64) -> Option<(f64, f64)> {
    let rules = meaning.arches.get(&arch)?;
    let is_checked =
        |nr: &u32| rules.calls.get(nr).is_some_and(|clauses| clauses.iter().any(|c| !c.args.is_any()));
    let numbers = sysno::table(arch).iter().map(|entry| entry.nr);
    let refused: BTreeSet<u32> =
        numbers.filter(|nr| paths::always(rules, *nr).is_some_and(|action| !action.permits())).collect();
    let asked = rules.calls.keys().filter(|nr| is_checked(nr)).count();
    let targets = targets(arch, rules);
    // By weights: of all trees, what the one loses the other may win.
    let with = |share: f64| {
        let part = |holds: bool, share: f64, count: usize| if holds { share / count as f64 } else { 0.0 };
        let weight = |nr: u32| {
            part(is_checked(&nr), share, asked) + part(refused.contains(&nr), 1.0 - share, refused.len())
        };
        (least(&line(&targets, weight)) - (1.0 - share) * (denied - AROUND as f64 - 1.0)) / share
    };
    // Two loads and the comparison of the architecture come first.
    let around = AROUND as f64 + arguments;
    let both = || (1..=20).map(|part| with(f64::from(part) / 20.0)).fold(f64::MIN, f64::max);
    (asked > 0 && !refused.is_empty()).then(|| (around + with(1.0), around + both()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Dice, meaning};

    fn alike(target: usize, weights: &[f64]) -> Alike {
        Alike { target, weights: weights.to_vec() }
    }

    #[test]
    fn a_hole_costs_one_comparison_and_four_targets_two_each() {
        let hole = [alike(0, &[1.0; 5]), alike(1, &[1.0]), alike(0, &[1.0; 5])];
        assert_eq!(least(&hole) as usize, 11);
        let four: Vec<_> = (0..4).map(|target| alike(target, &[1.0; 20])).collect();
        assert_eq!(least(&four) as usize, 160);
        // The heavy one first, which costs all others one more.
        let heavy = [alike(0, &[1.0; 20]), alike(1, &[1.0; 20]), alike(2, &[100.0]), alike(3, &[1.0; 20])];
        assert_eq!(least(&heavy) as usize, 100 + 60 + 60 + 40);
    }

    #[test]
    fn no_program_is_below_its_bound() {
        let mut dice = Dice::new(7);
        let small = |meaning: &Meaning| meaning.arches.values().all(|rules| rules.calls.len() < 50);
        for meaning in std::iter::repeat_with(|| meaning(&mut dice)).filter(small).take(20) {
            let arches: Vec<Arch> =
                meaning.arches.keys().copied().filter(|arch| *arch != Arch::X32).take(2).collect();
            let program = emit(&meaning).unwrap();
            let (found, bound) = (paths::emulated(&program, &arches), emulated(&meaning, &arches));
            assert!(bound <= found, "{bound} and {found}");
            let Some(denied) = paths::denied(&program, &meaning, arches[0]) else { continue };
            let Some(found) = paths::checked(&program, &meaning, arches[0]) else { continue };
            let arguments = paths::arguments(&program, &meaning, arches[0]).unwrap();
            if let Some((alone, beside)) = checked(&meaning, arches[0], arguments, denied) {
                assert!(alone <= found + 1e-9 && beside <= found + 1e-9, "{alone} {beside} {found}");
            }
        }
    }
}
