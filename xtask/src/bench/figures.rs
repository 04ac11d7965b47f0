//! The figures: what is compared with what, and the bar.

use std::path::Path;

use super::stats::{Estimate, median};
use super::workload::{Way, Workload};

/// Starts of a process per measurement: one alone is mostly noise.
pub(super) const STARTS: u32 = 40;

/// One line of the table.
#[derive(Debug)]
pub(super) struct Figure {
    pub(super) what: &'static str,
    pub(super) bar: f64,
    pub(super) judged: Judged,
    pub(super) ratio: Estimate,
    /// Name and median seconds of what was run; for reading, not for judging.
    pub(super) times: Vec<(&'static str, f64)>,
}

/// What a bar is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    /// The median.
    Median,
    /// The lower bound of the interval: where what is asked is whether there is a difference at all.
    Low,
}

impl Figure {
    /// Whether the bar is met.
    pub(super) fn holds(&self) -> bool {
        let judged = match self.judged {
            Judged::Median => self.ratio.median,
            Judged::Low => self.ratio.low,
        };
        judged <= self.bar
    }
}

/// Makes one figure of so many pairs.
type Measure = fn(&Workload, usize) -> anyhow::Result<Figure>;

/// All figures, in the order of the table.
pub(super) const ALL: &[(&str, Measure)] = &[
    ("gcc, cold", gcc_cold),
    ("gcc, trimmed", gcc_trimmed),
    ("getppid loop", getppid),
    ("getppid loop, traced", getppid_traced),
    ("callgate --version", version),
];

fn gcc_cold(workload: &Workload, pairs: usize) -> anyhow::Result<Figure> {
    let run = |way| workload.compile(way);
    let runs = in_turns([Way::Bare, Way::Cold, Way::Strace], pairs, run)?;
    Ok(Figure {
        what: "`gcc` over 30 small files: extra wall over no recording, notify cold, against `strace -f`'s extra",
        bar: 0.40,
        judged: Judged::Median,
        ratio: extra(&runs),
        times: vec![("bare", middle(&runs, 0)), ("callgate", middle(&runs, 1)), ("strace", middle(&runs, 2))],
    })
}

fn gcc_trimmed(workload: &Workload, pairs: usize) -> anyhow::Result<Figure> {
    // The trace that makes it trimmed.
    workload.compile(Way::Cold)?;
    let runs = in_turns([Way::Bare, Way::Trimmed], pairs, |way| workload.compile(way))?;
    let ratios: Vec<f64> = runs.iter().map(|[bare, trimmed]| trimmed / bare).collect();
    Ok(Figure {
        what: "same, trimmed run, against no recording",
        bar: 1.15,
        judged: Judged::Median,
        ratio: Estimate::of(&ratios),
        times: vec![("bare", middle(&runs, 0)), ("callgate", middle(&runs, 1))],
    })
}

fn getppid(workload: &Workload, pairs: usize) -> anyhow::Result<Figure> {
    let runs = in_turns([Way::Bare, Way::Cold, Way::Strace], pairs, |way| workload.call(way))?;
    Ok(Figure {
        what: "getppid loop: extra per call, notify against `strace -f -o /dev/null`",
        bar: 0.40,
        judged: Judged::Median,
        ratio: extra(&runs),
        times: vec![("bare", middle(&runs, 0)), ("callgate", middle(&runs, 1)), ("strace", middle(&runs, 2))],
    })
}

fn getppid_traced(workload: &Workload, pairs: usize) -> anyhow::Result<Figure> {
    let runs = in_turns([Way::Bare, Way::Traced, Way::Strace], pairs, |way| workload.call(way))?;
    Ok(Figure {
        what: "getppid loop: extra per call, `--backend trace` against `strace -f -o /dev/null`",
        bar: 0.70,
        judged: Judged::Median,
        ratio: extra(&runs),
        times: vec![("bare", middle(&runs, 0)), ("callgate", middle(&runs, 1)), ("strace", middle(&runs, 2))],
    })
}

fn version(workload: &Workload, pairs: usize) -> anyhow::Result<Figure> {
    let programs = [(Path::new("/bin/true"), &[][..]), (&workload.callgate, &["--version"][..])];
    let runs = in_turns(programs, pairs, |(program, args)| Workload::start(program, args, STARTS))?;
    let ratios: Vec<f64> = runs.iter().map(|[them, us]| us / them).collect();
    Ok(Figure {
        what: "`callgate --version`, whole process, against `/bin/true`",
        bar: 3.0,
        judged: Judged::Median,
        ratio: Estimate::of(&ratios),
        times: vec![("/bin/true", middle(&runs, 0)), ("callgate", middle(&runs, 1))],
    })
}

/// Runs all ways `pairs` times, each round starting with another one; one round before that is thrown away.
pub(super) fn in_turns<const N: usize, W: Copy>(
    ways: [W; N],
    pairs: usize,
    mut run: impl FnMut(W) -> anyhow::Result<f64>,
) -> anyhow::Result<Vec<[f64; N]>> {
    let mut rounds = Vec::with_capacity(pairs);
    for round in 0..=pairs {
        let mut times = [0.0; N];
        for turn in 0..N {
            let way = (round + turn) % N;
            times[way] = run(ways[way])?;
        }
        if round > 0 {
            rounds.push(times);
        }
    }
    Ok(rounds)
}

/// What we add over nothing, as a part of what they add over nothing.
pub(super) fn extra(rounds: &[[f64; 3]]) -> Estimate {
    let ratios: Vec<f64> = rounds.iter().map(|[bare, us, them]| (us - bare) / (them - bare)).collect();
    Estimate::of(&ratios)
}

pub(super) fn middle<const N: usize>(rounds: &[[f64; N]], way: usize) -> f64 {
    median(&rounds.iter().map(|round| round[way]).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_has_its_turn_in_every_round() {
        let mut order = String::new();
        let rounds = in_turns(['a', 'b', 'c'], 2, |way| {
            order.push(way);
            Ok(f64::from(way as u32 - 'a' as u32))
        });
        assert_eq!(rounds.unwrap(), [[0.0, 1.0, 2.0], [0.0, 1.0, 2.0]]);
        assert_eq!(order, "abcbcacab");
    }

    #[test]
    fn extras_are_counted_over_nothing() {
        assert!((extra(&[[1.0, 2.0, 5.0], [1.0, 2.0, 5.0]]).median - 0.25).abs() < 1e-9);
    }
}
