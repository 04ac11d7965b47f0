//! From a meaning to intervals of numbers that are treated alike, per `AUDIT_ARCH_*` token.
//!
//! x32 numbers, which share a token with x86_64, and the number 0xffffffff, by which tracers skip a call, are intervals
//! like any others.

use std::ops::Bound;

use callgate_core::arch::X32_BIT;
use callgate_core::meaning::{Clause, Meaning, Rules};
use callgate_core::{Action, Arch, sysno};
use rustc_hash::FxHashMap;

use crate::arguments::{Chain, simplify};
use crate::weights::{Kind, Weights};

/// Each call decided by arguments weighs one in so many of all refused ones together.
const CHECKED_SHARE: u64 = 7;

/// What happens to the numbers from `start` up to the next interval: an index into [`Lowered::chains`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) start: u32,
    pub(crate) chain: usize,
    pub(crate) weight: u64,
}

/// One token's numbers.
pub(crate) struct Lowered {
    pub(crate) token: u32,
    /// In order, from 0; neighbours differ.
    pub(crate) intervals: Vec<Interval>,
    /// Each once, simplified.
    pub(crate) chains: Vec<Chain>,
}

/// The tokens of a meaning, in the order of its architectures.
pub(crate) fn lower(meaning: &Meaning, weights: &Weights) -> Vec<Lowered> {
    let mut tokens: Vec<u32> = Vec::new();
    for arch in meaning.arches.keys().filter(|arch| **arch != Arch::X32) {
        tokens.push(arch.token());
    }
    if meaning.arches.contains_key(&Arch::X32) && !meaning.arches.contains_key(&Arch::X86_64) {
        tokens.push(Arch::X32.token());
    }
    tokens.into_iter().map(|token| Numbers::new(meaning, weights, token).all()).collect()
}

struct Numbers<'m> {
    meaning: &'m Meaning,
    weights: &'m Weights,
    bits: u32,
    lowered: Lowered,
    /// Chains without clauses, by value: by far the most.
    plain: Vec<(u32, usize)>,
    known: FxHashMap<Chain, usize>,
}

impl<'m> Numbers<'m> {
    fn new(meaning: &'m Meaning, weights: &'m Weights, token: u32) -> Self {
        // x32 shares its token and its register width with x86_64.
        let bits = Arch::split(token, 0).map_or(64, |(arch, _)| arch.arg_bits());
        let lowered = Lowered { token, intervals: Vec::new(), chains: Vec::new() };
        Self { meaning, weights, bits, lowered, plain: Vec::new(), known: FxHashMap::default() }
    }

    fn all(mut self) -> Lowered {
        let token = self.lowered.token;
        if token == Arch::X86_64.token() {
            self.stretch(Arch::X86_64, (0, X32_BIT - 1, 0));
            self.stretch(Arch::X32, (X32_BIT, u32::MAX - 1, X32_BIT));
            self.stretch(Arch::X86_64, (u32::MAX, u32::MAX, 0));
        } else if let Some((arch, _)) = Arch::split(token, 0) {
            self.stretch(arch, (0, u32::MAX, 0));
        }
        self.weigh_checked();
        self.lowered
    }

    /// The filter is asked about calls decided by arguments as long as the program runs, and about refused ones while it
    /// finds out that they are: each of the former weighs a share of all the latter.
    fn weigh_checked(&mut self) {
        let chains = &self.lowered.chains;
        let refused = |i: &&Interval| chains[i.chain].clauses.is_empty();
        let all: u64 =
            self.lowered.intervals.iter().filter(refused).map(|i| i.weight).fold(0, u64::saturating_add);
        for interval in self.lowered.intervals.iter_mut().filter(|i| !chains[i.chain].clauses.is_empty()) {
            interval.weight = interval.weight.max(all / CHECKED_SHARE);
        }
    }

    /// Appends the raw numbers `first..=last` of an architecture, of which `offset` is the number 0.
    fn stretch(&mut self, arch: Arch, (first, last, offset): (u32, u32, u32)) {
        let Some(rules) = self.meaning.arches.get(&arch) else {
            let chain = self.always(self.meaning.bad_arch);
            return self.push(first, chain, 1);
        };
        let mut table = sysno::table(arch).iter().map(|entry| entry.nr).peekable();
        let mut next = Some(first);
        for (nr, clauses) in rules.calls.range(first - offset..=last - offset) {
            let raw = nr + offset;
            if let Some(gap) = next.filter(|gap| *gap < raw) {
                self.gap(arch, rules, (gap, raw - 1, offset), &mut table);
            }
            while table.next_if(|known| known <= nr).is_some() {}
            let (chain, kind) = self.call(clauses, rules.otherwise(*nr));
            let weight = self.weights.of(arch, *nr, kind);
            self.push(raw, chain, weight);
            next = raw.checked_add(1);
        }
        if let Some(gap) = next.filter(|gap| *gap <= last) {
            self.gap(arch, rules, (gap, last, offset), &mut table);
        }
    }

    /// Numbers that no rule speaks of, cut where another default begins.
    fn gap(
        &mut self,
        arch: Arch,
        rules: &Rules,
        (first, last, offset): (u32, u32, u32),
        table: &mut std::iter::Peekable<impl Iterator<Item = u32>>,
    ) {
        let mut start = first;
        let within = (Bound::Excluded(first - offset), Bound::Included(last - offset));
        for (from, _) in rules.beyond.range(within) {
            self.alike(arch, rules, (start, from + offset - 1, offset), table);
            start = from + offset;
        }
        self.alike(arch, rules, (start, last, offset), table);
    }

    /// Numbers that no rule speaks of and that have one default.
    fn alike(
        &mut self,
        arch: Arch,
        rules: &Rules,
        (first, last, offset): (u32, u32, u32),
        table: &mut std::iter::Peekable<impl Iterator<Item = u32>>,
    ) {
        let action = rules.otherwise(first - offset);
        let (chain, kind) = (self.always(action), kind(action));
        let mut weight = 1_u64;
        while let Some(nr) = table.next_if(|nr| *nr <= last - offset) {
            if nr >= first - offset {
                weight = weight.saturating_add(self.weights.of(arch, nr, kind));
            }
        }
        self.push(first, chain, weight);
    }

    fn push(&mut self, start: u32, chain: usize, weight: u64) {
        match self.lowered.intervals.last_mut() {
            Some(last) if last.chain == chain => last.weight = last.weight.saturating_add(weight),
            _ => self.lowered.intervals.push(Interval { start, chain, weight }),
        }
    }

    fn call(&mut self, clauses: &[Clause], default: Action) -> (usize, Kind) {
        if let [only] = clauses
            && only.args.is_any()
        {
            return (self.always(only.action), kind(only.action));
        }
        let clauses = clauses.iter().map(|clause| (clause.args, clause.action.to_ret())).collect();
        let mut chain = Chain { clauses, otherwise: default.to_ret(), bits: self.bits };
        simplify(&mut chain);
        if chain.clauses.is_empty() {
            let action = Action::from_ret(chain.otherwise);
            return (self.plainly(chain.otherwise), kind(action));
        }
        let chains = &mut self.lowered.chains;
        let index = *self.known.entry(chain).or_insert_with_key(|chain| {
            chains.push(chain.clone());
            chains.len() - 1
        });
        (index, Kind::Checked)
    }

    fn always(&mut self, action: Action) -> usize {
        self.plainly(action.to_ret())
    }

    fn plainly(&mut self, ret: u32) -> usize {
        if let Some((_, index)) = self.plain.iter().find(|(value, _)| *value == ret) {
            return *index;
        }
        self.lowered.chains.push(Chain { clauses: Vec::new(), otherwise: ret, bits: self.bits });
        let index = self.lowered.chains.len() - 1;
        self.plain.push((ret, index));
        index
    }
}

fn kind(action: Action) -> Kind {
    match action {
        Action::Allow => Kind::Allowed,
        Action::KillProcess | Action::KillThread => Kind::Fatal,
        _ => Kind::Refused,
    }
}
