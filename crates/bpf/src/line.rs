//! From a 32-bit word to what comes next: the fewest comparisons, the most asked for first.
//!
//! A word's values are cut into segments that go on alike. Two kinds of comparison take them apart:
//!
//! - `JGE` cuts the line at a boundary. Between neighbours that stay and differ there has to be one.
//! - `JEQ` peels a single value off. What lay to its left and right becomes one where it is alike, so that a hole costs one
//!   comparison instead of two.
//!
//! So with the peeled values chosen, the number of comparisons is known: the values peeled, and the boundaries left. A
//! dynamic program over the segments finds the choice with the fewest ([`fewest`]). What order they are asked in is free, and
//! decided by weight. Where many values are peeled off one stretch, cuts that are not necessary make short chains of a long
//! one; they are bought with a share of the fewest instructions ([`SPARE_PERCENT`]).

use crate::dag::{Dag, Id};
use crate::insn::op;

/// How many instructions more than the fewest may be spent on shorter paths, in percent.
const SPARE_PERCENT: usize = 12;
/// A chain of so few values is never cut.
const SHORT_CHAIN: usize = 2;
/// Values between two that stay, as far as it is looked. Of longer runs one instruction in so many may be wasted.
const LOOK_BACK: usize = 64;

/// Values from `start` up to the next segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    /// The first value.
    pub(crate) start: u32,
    /// Where they go.
    pub(crate) target: Id,
    /// How often they are asked for, in no unit.
    pub(crate) weight: u64,
}

/// A node that takes a loaded word to its segment's target. Segments are in order, the first starts at 0; neighbours
/// may be alike.
pub(crate) fn dispatch(dag: &mut Dag, segments: &[Segment]) -> Id {
    let segments = &joined(segments);
    let peeled = fewest(segments);
    let mut line = Line { segments, peeled, pieces: Vec::new() };
    line.cut();
    line.cut_chains();
    line.tree(dag)
}

/// The fewest comparisons that take these segments apart: the bound that is reached but for the spare.
pub(crate) fn bound(segments: &[Segment]) -> usize {
    let segments = joined(segments);
    let peeled = fewest(&segments);
    let kept: Vec<_> = segments.iter().zip(&peeled).filter(|(_, peeled)| !**peeled).collect();
    let boundaries = kept.windows(2).filter(|pair| pair[0].0.target != pair[1].0.target).count();
    boundaries + segments.len() - kept.len()
}

/// Neighbours that are alike made one.
fn joined(segments: &[Segment]) -> Vec<Segment> {
    let mut joined: Vec<Segment> = Vec::with_capacity(segments.len());
    for segment in segments {
        match joined.last_mut() {
            Some(last) if last.target == segment.target => {
                last.weight = last.weight.saturating_add(segment.weight);
            }
            _ => joined.push(*segment),
        }
    }
    joined
}

/// Whether a segment is one value.
fn is_single(segments: &[Segment], i: usize) -> bool {
    let next = segments.get(i + 1).map_or(1 << 32, |next| u64::from(next.start));
    next == u64::from(segments[i].start) + 1
}

/// Which segments to peel, for the fewest comparisons.
fn fewest(segments: &[Segment]) -> Vec<bool> {
    let n = segments.len();
    // Per segment, were it kept: the fewest comparisons up to it, and the last one kept before it.
    let mut best: Vec<(usize, Option<usize>)> = Vec::with_capacity(n);
    let mut singles_before = 0;
    for (i, segment) in segments.iter().enumerate() {
        let first = if singles_before == i { (i, None) } else { (usize::MAX, None) };
        let mut found = first;
        for j in (0..i).rev().take(singles_before.min(LOOK_BACK) + 1) {
            let cost =
                best[j].0.saturating_add(i - j - 1 + usize::from(segments[j].target != segment.target));
            if cost < found.0 {
                found = (cost, Some(j));
            }
        }
        best.push(found);
        singles_before = if is_single(segments, i) { singles_before + 1 } else { 0 };
    }
    // All behind the last one kept are peeled.
    let last = (0..n)
        .rev()
        .take(singles_before.min(LOOK_BACK) + 1)
        .min_by_key(|i| best[*i].0.saturating_add(n - 1 - i));
    let mut peeled = vec![true; n];
    let mut kept = last;
    while let Some(i) = kept {
        peeled[i] = false;
        kept = best[i].1;
    }
    peeled
}

/// Segments with one target once their peeled values are gone.
#[derive(Clone, Copy)]
struct Piece {
    first: usize,
    /// One behind the last.
    end: usize,
    peels: usize,
    weight: u64,
}

struct Line<'s> {
    segments: &'s [Segment],
    peeled: Vec<bool>,
    pieces: Vec<Piece>,
}

impl Line<'_> {
    fn piece(&self, first: usize, end: usize) -> Piece {
        let peels = self.peeled[first..end].iter().filter(|p| **p).count();
        let weight = self.segments[first..end].iter().map(|s| s.weight).fold(0, u64::saturating_add);
        Piece { first, end, peels, weight }
    }

    /// Cuts at every boundary between segments that stay and differ. Peeled values between them go to the shorter chain.
    fn cut(&mut self) {
        let n = self.segments.len();
        let kept: Vec<_> = (0..n).filter(|i| !self.peeled[*i]).collect();
        let mut first = 0;
        for pair in
            kept.windows(2).filter(|pair| self.segments[pair[0]].target != self.segments[pair[1]].target)
        {
            let left = self.piece(first, pair[0] + 1).peels;
            let end = if left == 0 { pair[1] } else { pair[0] + 1 };
            self.pieces.push(self.piece(first, end));
            first = end;
        }
        self.pieces.push(self.piece(first, n));
    }

    /// Cuts chains so that none is longer than another one has to be, as far as the spare goes.
    fn cut_chains(&mut self) {
        let peels: usize = self.pieces.iter().map(|p| p.peels).sum();
        let spare = (self.pieces.len() - 1 + peels) * SPARE_PERCENT / 100;
        let cuts =
            |length: usize| self.pieces.iter().map(|p| p.peels.div_ceil(length).max(1) - 1).sum::<usize>();
        let Some(length) = (SHORT_CHAIN..=peels).find(|length| cuts(*length) <= spare) else { return };
        let pieces = std::mem::take(&mut self.pieces);
        for piece in pieces {
            let mut first = piece.first;
            let mut left = piece.peels;
            for parts in (2..=piece.peels.div_ceil(length)).rev() {
                let share = left.div_ceil(parts);
                let Some(at) = self.behind(first, piece.end, share) else { break };
                self.pieces.push(self.piece(first, at));
                (first, left) = (at, left - share);
            }
            self.pieces.push(self.piece(first, piece.end));
        }
    }

    /// The place behind so many peeled values where a piece can be cut: both sides keep a segment that stays.
    fn behind(&self, first: usize, end: usize, peels: usize) -> Option<usize> {
        let mut seen = 0;
        let stays = |mut range: std::ops::Range<usize>| range.any(|i| !self.peeled[i]);
        (first..end).map(|at| at + 1).find(|at| {
            seen += usize::from(self.peeled[*at - 1]);
            seen >= peels && stays(first..*at) && stays(*at..end)
        })
    }

    /// The tree whose paths, by weight, are shortest.
    fn tree(&self, dag: &mut Dag) -> Id {
        let roots = Roots::new(&self.pieces.iter().map(|p| p.weight).collect::<Vec<_>>());
        self.subtree(dag, &roots, (0, self.pieces.len()), &mut Vec::new())
    }

    /// The tree of these pieces. A peeled value that is asked for much is asked for before the pieces are taken apart, if
    /// what that saves it is more than the one comparison it costs all others.
    fn subtree(
        &self,
        dag: &mut Dag,
        roots: &Roots,
        (from, to): (usize, usize),
        taken: &mut Vec<usize>,
    ) -> Id {
        if let Some(i) = self.worth_asking_first(roots, (from, to), taken) {
            taken.push(i);
            let others = self.subtree(dag, roots, (from, to), taken);
            return dag.jump(op::JEQ_K, self.segments[i].start, (self.segments[i].target, others));
        }
        if to - from == 1 {
            return self.chain(dag, self.pieces[from], taken);
        }
        let at = roots.of(from, to);
        let above = self.subtree(dag, roots, (at, to), taken);
        let below = self.subtree(dag, roots, (from, at), taken);
        dag.jump(op::JGE_K, self.segments[self.pieces[at].first].start, (above, below))
    }

    /// The heaviest peeled value of these pieces, if it gains by being asked for first.
    fn worth_asking_first(
        &self,
        roots: &Roots,
        (from, to): (usize, usize),
        taken: &[usize],
    ) -> Option<usize> {
        if to - from == 1 {
            return None;
        }
        let (first, end) = (self.pieces[from].first, self.pieces[to - 1].end);
        let left = |i: &usize| self.peeled[*i] && !taken.contains(i);
        let heaviest =
            (first..end).filter(left).max_by_key(|i| (self.segments[*i].weight, std::cmp::Reverse(*i)))?;
        let taken_here = taken.iter().filter(|i| (first..end).contains(i));
        let gone = taken_here.map(|i| self.segments[*i].weight).fold(0, u64::saturating_add);
        let all =
            self.pieces[from..to].iter().map(|p| p.weight).fold(0, u64::saturating_add).saturating_sub(gone);
        let weight = self.segments[heaviest].weight;
        // Comparisons to its piece; there it is the first of its chain.
        let (mut depth, mut range) = (0_u64, (from, to));
        while range.1 - range.0 > 1 {
            let at = roots.of(range.0, range.1);
            range = if self.pieces[at].first <= heaviest { (at, range.1) } else { (range.0, at) };
            depth += 1;
        }
        (weight.saturating_mul(depth) > all.saturating_sub(weight)).then_some(heaviest)
    }

    /// Peeled values one after the other, heaviest first, and what is left.
    fn chain(&self, dag: &mut Dag, piece: Piece, taken: &[usize]) -> Id {
        let range = piece.first..piece.end;
        let mut peels: Vec<_> = range.clone().filter(|i| self.peeled[*i] && !taken.contains(i)).collect();
        peels.sort_by_key(|i| (std::cmp::Reverse(self.segments[*i].weight), *i));
        let kept = range.into_iter().find(|i| !self.peeled[*i]).unwrap_or(piece.first);
        let mut label = self.segments[kept].target;
        for i in peels.into_iter().rev() {
            label = dag.jump(op::JEQ_K, self.segments[i].start, (self.segments[i].target, label));
        }
        label
    }
}

/// Where the tree with the least weighted path over each stretch of leaves is cut.
///
/// The dynamic program of Gilbert and Moore, with Knuth's bound on where to look: the cut of a stretch lies between those of
/// the stretches that are shorter by one (Acta Informatica 1, 1971), so that it takes n² steps.
struct Roots {
    leaves: usize,
    /// By length of the stretch less one, then by its first leaf.
    cuts: Vec<Vec<u32>>,
}

/// With more leaves the tree is made by halves instead.
const MAX_LEAVES: usize = 1024;

impl Roots {
    fn new(weights: &[u64]) -> Self {
        let leaves = weights.len();
        if leaves > MAX_LEAVES {
            return Self { leaves, cuts: Vec::new() };
        }
        let mut sums = vec![0_u64];
        for weight in weights {
            // Every leaf weighs something, so that a tree of nothing is balanced, too.
            sums.push(sums.last().copied().unwrap_or(0).saturating_add((*weight).max(1)));
        }
        let mut cuts: Vec<Vec<u32>> = vec![(0..leaves as u32).collect()];
        let mut costs: Vec<Vec<u64>> = vec![vec![0; leaves]];
        for length in 2..=leaves {
            let (mut row, mut cost) = (Vec::new(), Vec::new());
            for first in 0..=leaves - length {
                let shorter = &cuts[length - 2];
                let from = (shorter[first] as usize).max(first + 1);
                let to = (shorter[first + 1] as usize).min(first + length - 1).max(from);
                let halves = |at: usize| {
                    costs[at - first - 1][first].saturating_add(costs[first + length - at - 1][at])
                };
                let best = (from..=to).map(|at| (halves(at), at)).min().unwrap_or((0, from));
                row.push(best.1 as u32);
                cost.push(best.0.saturating_add(sums[first + length] - sums[first]));
            }
            cuts.push(row);
            costs.push(cost);
        }
        Self { leaves, cuts }
    }

    /// The first leaf of the upper half of `from..to`.
    fn of(&self, from: usize, to: usize) -> usize {
        let found = self.cuts.get(to - from - 1).and_then(|row| row.get(from)).map(|at| *at as usize);
        debug_assert!(to <= self.leaves, "no such leaves");
        found.unwrap_or(usize::midpoint(from, to)).clamp(from + 1, to - 1)
    }
}
