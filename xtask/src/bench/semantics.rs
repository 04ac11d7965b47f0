//! `bench semantics`: what it takes to say what a profile means.
//!
//! What is measured is an example of `callgate-check`, built as it is released, since this crate stands apart; it prints
//! times, and here are the bars.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use super::figures::{Figure, Judged, STARTS, in_turns, middle};
use super::scratch::Scratch;
use super::stats::{Estimate, median};
use super::workload::{self, Workload};

#[derive(Deserialize)]
struct Measured {
    profiles: Vec<Profile>,
}

#[derive(Deserialize)]
struct Profile {
    name: String,
    samples: Vec<Sample>,
}

/// Seconds.
#[derive(Deserialize)]
struct Sample {
    parse: f64,
    resolve: f64,
    diff: f64,
}

/// The figures of our own form of Docker's default, and what was measured of other people's, which is not written.
pub(super) fn measure(root: &Path, pairs: usize) -> anyhow::Result<(Vec<Figure>, Vec<String>)> {
    let callgate = workload::build(root)?;
    let example = workload::example(root, "callgate-check", "semantics")?;
    let out = Command::new(example)
        .arg(pairs.to_string())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start the example")?;
    ensure!(out.status.success(), "the example failed: {}", out.status);
    let measured: Measured = serde_json::from_slice(&out.stdout).context("the example printed no times")?;
    let mut figures = Vec::new();
    let mut foreign = Vec::new();
    for (at, profile) in measured.profiles.iter().enumerate() {
        let [resolve, diff] = of(profile);
        if at == 0 {
            figures.extend([resolve, diff]);
        } else {
            let (resolve, diff) = (resolve.ratio.median, diff.ratio.median);
            foreign.push(format!("{}: resolve {resolve:.2}, diff {diff:.1} parses", profile.name));
        }
    }
    figures.push(explain(&callgate, pairs)?);
    Ok((figures, foreign))
}

fn of(profile: &Profile) -> [Figure; 2] {
    let ratios = |time: fn(&Sample) -> f64| {
        Estimate::of(&profile.samples.iter().map(|s| time(s) / s.parse).collect::<Vec<_>>())
    };
    let middle = |time: fn(&Sample) -> f64| median(&profile.samples.iter().map(time).collect::<Vec<_>>());
    let parse = ("parse", middle(|s| s.parse));
    [
        Figure {
            what: "Docker's default: from its text to what Docker and runc make of it, against `serde_json` parsing the text",
            bar: 5.0,
            judged: Judged::Median,
            ratio: ratios(|s| s.resolve),
            times: vec![("resolve", middle(|s| s.resolve)), parse],
        },
        Figure {
            what: "every difference of two profiles of that size, against that parse",
            bar: 200.0,
            judged: Judged::Median,
            ratio: ratios(|s| s.diff),
            times: vec![("diff", middle(|s| s.diff)), parse],
        },
    ]
}

fn explain(callgate: &Path, pairs: usize) -> anyhow::Result<Figure> {
    let dir = Scratch::new()?;
    let profile = dir.join("docker.json").display().to_string();
    let made = Command::new(callgate).args(["default", "docker", "-o", &profile]).status()?;
    ensure!(made.success(), "callgate default failed: {made}");
    let words = ["explain", &profile, "ptrace", "--runtime", "runc"];
    let programs = [(Path::new("/bin/true"), &[][..]), (callgate, &words[..])];
    let runs = in_turns(programs, pairs, |(program, args)| Workload::start(program, args, STARTS))?;
    let ratios: Vec<f64> = runs.iter().map(|[them, us]| us / them).collect();
    Ok(Figure {
        what: "`callgate explain` of Docker's default under runc, whole process, against `/bin/true`",
        bar: 5.0,
        judged: Judged::Median,
        ratio: Estimate::of(&ratios),
        times: vec![("/bin/true", middle(&runs, 0)), ("explain", middle(&runs, 1))],
    })
}
