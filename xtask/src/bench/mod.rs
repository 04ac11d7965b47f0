//! `bench record`: what recording costs, against no recording and against strace. `bench import`: how fast logs are read.
//! `bench outside`: what recording by eBPF costs, which is part of `record`. `bench container`: what a container adds.
//! `bench filter`: what the filter compiler makes. `bench semantics`: what it takes to say what a profile means. `bench lint`:
//! what it takes to look at a repository.
//!
//! Every figure is a ratio of runs made one after the other on one machine, in turns, so that a slow minute slows both
//! sides. Absolute times are printed and never judged.

mod container;
mod figures;
mod filter;
mod import;
mod lint;
mod outside;
mod scratch;
mod semantics;
mod stats;
mod table;
mod workload;

use std::path::Path;

use anyhow::{Context as _, bail, ensure};

use figures::Figure;
use workload::Workload;

/// Pairs of runs per figure, unless told otherwise; fewer say little.
const PAIRS: usize = 20;

/// What the command line asked for.
#[derive(Debug, PartialEq, Eq)]
struct Flags {
    pairs: usize,
    write: bool,
}

impl Flags {
    fn parse(flags: &[&str]) -> anyhow::Result<Self> {
        let mut parsed = Self { pairs: PAIRS, write: false };
        let mut rest = flags.iter();
        while let Some(flag) = rest.next() {
            match *flag {
                "--write" => parsed.write = true,
                "--pairs" => {
                    let number = rest.next().context("--pairs needs a number")?;
                    parsed.pairs =
                        number.parse().with_context(|| format!("`{number}` is no number of pairs"))?;
                }
                other => {
                    bail!(
                        "unknown flag `{other}`\n\nhint: cargo xtask bench record|outside|import|container|filter|semantics|lint [--pairs N] [--write]"
                    )
                }
            }
        }
        ensure!(parsed.pairs > 0, "--pairs must be at least 1");
        Ok(parsed)
    }

    fn tell(&self) {
        if self.pairs < PAIRS {
            eprintln!("note: {} pairs are a quick look; the published table needs {PAIRS}", self.pairs);
        }
    }
}

/// Measures reading a log; `true` if every bar is met.
pub(crate) fn import(root: &Path, flags: &[&str]) -> anyhow::Result<bool> {
    let flags = Flags::parse(flags)?;
    flags.tell();
    let figures = import::measure(&workload::build(root)?, flags.pairs)?;
    publish(root, "import", &flags, &figures)
}

/// Measures learning in a container; `true` if every bar is met.
pub(crate) fn container(root: &Path, flags: &[&str]) -> anyhow::Result<bool> {
    let flags = Flags::parse(flags)?;
    flags.tell();
    let figures = container::measure(&workload::build(root)?, flags.pairs)?;
    publish(root, "container", &flags, &figures)
}

/// Measures the filter compiler; `true` if every bar is met.
pub(crate) fn filter(root: &Path, flags: &[&str]) -> anyhow::Result<bool> {
    let flags = Flags::parse(flags)?;
    flags.tell();
    let report = filter::measure(root, flags.pairs)?;
    print!("{}", report.table);
    if let Some(foreign) = &report.foreign {
        print!("\nOther people's profiles, not written:\n\n{foreign}");
    }
    if flags.write {
        table::write(&root.join("docs/benchmarks.md"), "filter", &report.table)?;
    }
    Ok(report.holds)
}

/// Measures what it takes to say what a profile means; `true` if every bar is met.
pub(crate) fn semantics(root: &Path, flags: &[&str]) -> anyhow::Result<bool> {
    let flags = Flags::parse(flags)?;
    flags.tell();
    let (figures, foreign) = semantics::measure(root, flags.pairs)?;
    for line in &foreign {
        eprintln!("other people's profiles, not written: {line}");
    }
    publish(root, "semantics", &flags, &figures)
}

/// Measures lint; `true` if every bar is met.
pub(crate) fn lint(root: &Path, flags: &[&str]) -> anyhow::Result<bool> {
    let flags = Flags::parse(flags)?;
    flags.tell();
    publish(root, "lint", &flags, &lint::measure(root, flags.pairs)?)
}

/// Measures recording; `true` if every bar is met.
pub(crate) fn record(root: &Path, flags: &[&str]) -> anyhow::Result<bool> {
    let flags = Flags::parse(flags)?;
    flags.tell();
    let workload = Workload::prepare(root)?;
    let mut figures: Vec<Figure> = Vec::new();
    for (name, measure) in figures::ALL {
        eprintln!("measuring: {name}");
        figures.push(measure(&workload, flags.pairs).with_context(|| format!("cannot measure {name}"))?);
    }
    let inside = publish(root, "record", &flags, &figures)?;
    Ok(from_outside(root, &workload, &flags)? && inside)
}

/// Measures recording by eBPF alone, which `record` does, too; `true` if every bar is met.
pub(crate) fn outside(root: &Path, flags: &[&str]) -> anyhow::Result<bool> {
    let flags = Flags::parse(flags)?;
    flags.tell();
    from_outside(root, &Workload::prepare(root)?, &flags)
}

fn from_outside(root: &Path, workload: &Workload, flags: &Flags) -> anyhow::Result<bool> {
    publish(root, "outside", flags, &outside::measure(workload, flags.pairs)?)
}

/// Prints the table, writes it where that was asked for, and judges.
fn publish(root: &Path, verb: &str, flags: &Flags, figures: &[Figure]) -> anyhow::Result<bool> {
    let text = table::render(figures, flags.pairs);
    print!("{text}");
    if flags.write {
        table::write(&root.join("docs/benchmarks.md"), verb, &text)?;
    }
    Ok(figures.iter().all(Figure::holds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_known_or_named() {
        assert_eq!(Flags::parse(&["--pairs", "5", "--write"]).unwrap(), Flags { pairs: 5, write: true });
        assert_eq!(Flags::parse(&[]).unwrap(), Flags { pairs: PAIRS, write: false });
        assert!(Flags::parse(&["--pairs", "x"]).is_err());
        assert!(Flags::parse(&["--pairs", "0"]).is_err());
        assert!(Flags::parse(&["--bars"]).unwrap_err().to_string().contains("`--bars`"));
    }
}
