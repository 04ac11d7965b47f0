//! The figures of filters, their bars, and the tables they stand in.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

use super::super::figures::{Figure, Judged};
use super::super::stats::{Estimate, median};
use super::super::table;
use super::Report;

/// What the example prints.
#[derive(Debug, Deserialize)]
pub(super) struct Measured {
    /// Our own profiles, and then those of others.
    sets: Vec<Set>,
    random: Random,
}

#[derive(Debug, Deserialize)]
struct Set {
    profiles: Vec<Row>,
    /// Way → seconds per pair.
    times: Option<BTreeMap<String, Vec<f64>>>,
}

/// One profile; all in instructions.
#[derive(Debug, Default, Deserialize)]
struct Row {
    name: String,
    intervals: usize,
    insns: usize,
    optimum: usize,
    longest: usize,
    worst: usize,
    checked: Option<f64>,
    denied: Option<f64>,
    uniform: Option<f64>,
    emulated: usize,
    /// The least that any tree of comparisons makes of that.
    emulated_bound: usize,
    /// Likewise of `checked`, whatever becomes of denied numbers; and where those keep their bar.
    checked_bound: Option<[f64; 2]>,
    libseccomp: Option<Theirs>,
}

/// libseccomp's programs, without and with its tree.
#[derive(Debug, Deserialize)]
struct Theirs {
    insns: [usize; 2],
    emulated: [usize; 2],
}

#[derive(Debug, Deserialize)]
struct Random {
    meanings: usize,
    ratio: f64,
    insns: usize,
    optimum: usize,
    /// Of the instructions, those that only lead on or return again.
    hops: usize,
    /// The worst ratio of all without them.
    direct: f64,
}

/// How much longer than the optimum a program may be.
const NEAR: f64 = 1.10;

/// What a profile is held to: names in our set and in the shared one.
#[derive(Clone, Copy)]
struct Bars {
    names: [&'static str; 2],
    insns: usize,
    /// The most instructions executed.
    worst: Option<usize>,
    /// Means over calls decided by arguments, over denied ones, and over allowed ones in a uniform tree.
    means: Option<[f64; 3]>,
    /// Instructions of the kernel's emulation, against libseccomp's tree.
    emulated: Option<f64>,
}

impl Bars {
    const fn new(names: [&'static str; 2], insns: usize) -> Self {
        Self { names, insns, worst: None, means: None, emulated: None }
    }
}

const BARS: [Bars; 6] = [
    Bars {
        worst: Some(16),
        means: Some([10.0, 9.0, 9.5]),
        ..Bars::new(["docker, x86_64", "docker-x64"], 72)
    },
    Bars { emulated: Some(0.5), ..Bars::new(["docker, three architectures", "docker-3arch"], 240) },
    Bars::new(["service", "systemd-service"], 48),
    Bars::new(["server", "nginx104"], 72),
    Bars { worst: Some(24), ..Bars::new(["ioctl", "ioctl200"], 315) },
    Bars::new(["monitor", "fc-vmm"], 118),
];

/// Two ways, the first judged against the second.
const TIMES: [(&str, [&str; 2], f64); 4] = [
    (
        "JSON text to program, against libseccomp building its tree (`optimize=2`); the bar is 1/35",
        ["compile", "libseccomp"],
        1.0 / 35.0,
    ),
    ("same, against `serde_json` parsing the same text", ["compile", "parse"], 10.0),
    ("proof that the program does what the profile says, against that parse", ["prove", "parse"], 300.0),
    ("`seccomp(2)`: installing it, against libseccomp's program", ["install", "install libseccomp"], 0.6),
];

/// A line of the first table.
struct Count {
    what: String,
    bar: Option<f64>,
    value: f64,
    beside: String,
}

/// Tables of all sets.
pub(super) fn judge(measured: &Measured, pairs: usize, skipped: &[String]) -> Report {
    let mut report = Report { table: String::new(), foreign: None, holds: true };
    for (which, set) in measured.sets.iter().enumerate() {
        let mut counts: Vec<Count> = set.profiles.iter().flat_map(of_profile).collect();
        counts.extend(of_all(set));
        if which == 0 {
            counts.push(of_random(&measured.random));
        }
        let figures = figures(set);
        report.holds &= counts.iter().all(Count::holds) && figures.iter().all(Figure::holds);
        let mut text = render(&counts);
        text += "\n";
        text += &table::render(&figures, pairs);
        for line in skipped {
            let _ = writeln!(text, "- skipped: {line}");
        }
        match which {
            0 => report.table = text,
            _ => report.foreign = Some(text),
        }
    }
    report
}

fn of_profile(row: &Row) -> Vec<Count> {
    let bars = BARS.into_iter().find(|bars| bars.names.contains(&row.name.as_str()));
    let line = |what: &str, bar: Option<f64>, value: f64, beside: String| Count {
        what: format!("{}: {what}", row.name),
        bar,
        value,
        beside,
    };
    let mut beside = format!("{} intervals, optimum {}", row.intervals, row.optimum);
    if let Some(Theirs { insns: [flat, tree], .. }) = row.libseccomp {
        let _ = write!(beside, ", libseccomp {flat} and {tree}");
    }
    let mut lines = vec![line("instructions", bars.map(|b| b.insns as f64), row.insns as f64, beside)];
    let Some(bars) = bars else { return lines };
    if let Some([checked, denied, uniform]) = bars.means {
        let bound = row.checked_bound.map_or_else(String::new, |[alone, beside]| {
            format!("no tree is below {alone:.2}, nor below {beside:.2} with denied numbers at {denied}")
        });
        let means = [
            ("executed, mean over calls decided by arguments", checked, row.checked, bound),
            ("executed, mean over denied numbers", denied, row.denied, String::new()),
            ("executed, mean over allowed calls, uniform weights", uniform, row.uniform, String::new()),
        ];
        for (what, bar, value, beside) in means {
            lines.push(line(what, Some(bar), value.unwrap_or(f64::NAN), beside));
        }
    }
    if let Some(worst) = bars.worst {
        let beside = format!("longest way in the graph {}", row.longest);
        lines.push(line("executed, worst", Some(worst as f64), row.worst as f64, beside));
    }
    if let (Some(bar), Some(Theirs { emulated: [_, tree], .. })) = (bars.emulated, &row.libseccomp) {
        let least = row.emulated_bound as f64 / *tree as f64;
        let beside = format!(
            "{} and {tree} instructions; no tree is below {}, which is {least:.2}",
            row.emulated, row.emulated_bound
        );
        let ratio = row.emulated as f64 / *tree as f64;
        lines.push(line(
            "the kernel's emulation at install, against libseccomp's tree",
            Some(bar),
            ratio,
            beside,
        ));
    }
    lines
}

/// The profile that is furthest from its optimum.
fn of_all(set: &Set) -> Option<Count> {
    let ratio = |row: &Row| row.insns as f64 / row.optimum as f64;
    let worst = set.profiles.iter().max_by(|a, b| ratio(a).total_cmp(&ratio(b)))?;
    Some(Count {
        what: "all of them: instructions against the optimum, worst".to_owned(),
        bar: Some(NEAR),
        value: ratio(worst),
        beside: format!("{}: {} and {}", worst.name, worst.insns, worst.optimum),
    })
}

fn of_random(random: &Random) -> Count {
    Count {
        what: format!("{} random meanings: the same", random.meanings),
        bar: Some(NEAR),
        value: random.ratio,
        beside: format!(
            "{} and {}; {} only lead on or return again, without such the worst is {:.2}",
            random.insns, random.optimum, random.hops, random.direct
        ),
    }
}

fn figures(set: &Set) -> Vec<Figure> {
    let Some(times) = &set.times else { return Vec::new() };
    let figure = |(what, [ours, theirs], bar): (&'static str, [&'static str; 2], f64)| {
        let (a, b) = (times.get(ours)?, times.get(theirs)?);
        let ratios: Vec<f64> = a.iter().zip(b).map(|(a, b)| a / b).collect();
        let times = vec![(ours, median(a)), (theirs, median(b))];
        Some(Figure { what, bar, judged: Judged::Median, ratio: Estimate::of(&ratios), times })
    };
    TIMES.into_iter().filter_map(figure).collect()
}

impl Count {
    fn holds(&self) -> bool {
        // What should be there and is not is no success.
        self.bar.is_none_or(|bar| self.value <= bar)
    }
}

fn render(counts: &[Count]) -> String {
    let mut out = String::from("| what | bar | counted | beside | |\n| --- | ---: | ---: | --- | --- |\n");
    for count in counts {
        let bar = count.bar.map_or_else(String::new, |bar| format!("≤ {}", number(bar)));
        let verdict = match count.bar {
            None => "",
            Some(_) if count.holds() => "met",
            Some(_) => "**missed**",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "| {} | {bar} | {} | {} | {verdict} |",
            count.what,
            number(count.value),
            count.beside
        );
    }
    out
}

/// Whole numbers whole, all others with two digits.
fn number(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value}") } else { format!("{value:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row { name: "server".to_owned(), insns: 80, optimum: 70, ..Row::default() }
    }

    #[test]
    fn a_missed_bar_is_said_and_fails() {
        let random = Random { meanings: 1, ratio: 1.0, insns: 1, optimum: 1, hops: 0, direct: 1.0 };
        let sets = vec![Set { profiles: vec![row()], times: None }];
        let report = judge(&Measured { sets, random }, 20, &["the rest".to_owned()]);
        assert!(!report.holds && report.foreign.is_none());
        let lines: Vec<&str> = report.table.lines().collect();
        assert_eq!(lines[2], "| server: instructions | ≤ 72 | 80 | 0 intervals, optimum 70 | **missed** |");
        assert!(lines[3].ends_with("| ≤ 1.10 | 1.14 | server: 80 and 70 | **missed** |"), "{}", lines[3]);
        assert!(lines[4].ends_with("| met |"));
        assert_eq!(lines.last(), Some(&"- skipped: the rest"));
    }

    #[test]
    fn what_was_not_measured_does_not_hold() {
        let row = Row { name: "docker-x64".to_owned(), ..Row::default() };
        let lines = of_profile(&row);
        assert_eq!(lines.iter().map(Count::holds).collect::<Vec<_>>(), [true, false, false, false, true]);
    }

    #[test]
    fn times_are_compared_pair_by_pair() {
        let times = [("compile", [2.0, 9.0, 4.0]), ("parse", [1.0, 3.0, 1.0])];
        let times = times.map(|(way, times)| (way.to_owned(), times.to_vec())).into();
        let figures = figures(&Set { profiles: Vec::new(), times: Some(times) });
        assert_eq!(figures.iter().map(|f| f.ratio.median).collect::<Vec<_>>(), [3.0]);
    }
}
