//! The table in docs/benchmarks.md.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};

use super::figures::Figure;

/// Between these lines the document is ours.
fn markers(verb: &str) -> [String; 2] {
    ["begin", "end"].map(|which| format!("<!-- cargo xtask bench {verb}: {which} -->\n"))
}

/// The figures as Markdown.
pub(super) fn render(figures: &[Figure], pairs: usize) -> String {
    let mut out =
        String::from("| what | bar | median | 95 % interval | |\n| --- | ---: | ---: | ---: | --- |\n");
    for figure in figures {
        let verdict = if figure.holds() { "met" } else { "**missed**" };
        let ratio = figure.ratio;
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "| {} | ≤ {:.2} | {} | {} – {} | {verdict} |",
            figure.what,
            figure.bar,
            short(ratio.median),
            short(ratio.low),
            short(ratio.high)
        );
    }
    let _ = write!(
        out,
        "\nMedians of {pairs} pairs, run in turns. {}. Absolute times, not judged:\n\n",
        machine()
    );
    for figure in figures.iter().filter(|figure| !figure.times.is_empty()) {
        let times: Vec<String> =
            figure.times.iter().map(|(name, t)| format!("{name} {}", seconds(*t))).collect();
        let _ = writeln!(out, "- {}: {}", figure.what, times.join(", "));
    }
    out
}

/// Two digits that say something, also of what is very small.
fn short(ratio: f64) -> String {
    if ratio.abs() < 0.1 { format!("{ratio:.4}") } else { format!("{ratio:.2}") }
}

/// Replaces what stands between the markers.
pub(super) fn write(path: &Path, verb: &str, table: &str) -> anyhow::Result<()> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let text = replace(&text, verb, table).with_context(|| format!("cannot write to {}", path.display()))?;
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn replace(text: &str, verb: &str, table: &str) -> anyhow::Result<String> {
    let [begin, end] = markers(verb);
    let (before, rest) = text.split_once(&begin).context("it has no line that begins the table")?;
    let (_, after) = rest.split_once(&end).context("it has no line that ends the table")?;
    ensure!(!table.contains(&end), "the table ends itself");
    Ok(format!("{before}{begin}\n{table}\n{end}{after}"))
}

/// The kernel and the number of processors: enough to tell tables apart.
fn machine() -> String {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let release: String = kernel.trim().split('-').next().unwrap_or("unknown").to_owned();
    format!("Linux {release}, {processors} processors")
}

fn seconds(time: f64) -> String {
    match time {
        t if t < 1e-3 => format!("{:.2} µs", t * 1e6),
        t if t < 1.0 => format!("{:.2} ms", t * 1e3),
        t => format!("{t:.2} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_between_the_markers_changes() {
        let [begin, end] = markers("record");
        let text = format!("before\n{begin}old\n{end}after\n");
        let new = format!("before\n{begin}\nnew\n\n{end}after\n");
        assert_eq!(replace(&text, "record", "new\n").unwrap(), new);
        assert!(replace(&text, "import", "new\n").is_err());
    }

    #[test]
    fn times_have_units() {
        assert_eq!([seconds(1.5), seconds(0.0021), seconds(3.2e-6)], ["1.50 s", "2.10 ms", "3.20 µs"]);
    }
}
