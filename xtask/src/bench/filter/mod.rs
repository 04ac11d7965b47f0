//! `bench filter`: how short, quick to run, quick to make and quick to install our filters are.
//!
//! What is measured is an example of `callgate-bpf`, built as it is released, since this crate stands apart; it prints
//! numbers, and here are the bars. Two small programs in C lie beside: libseccomp, and one that installs filters.

mod report;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use super::scratch::Scratch;
use super::workload;
use report::Measured;

/// Program, source, libraries.
const PROGRAMS: [(&str, &str, &[&str]); 2] = [
    ("libseccomp", include_str!("libseccomp.c"), &["-lseccomp"]),
    ("install", include_str!("install.c"), &[]),
];

/// The table, what was measured of other people's profiles, and whether every bar is met.
pub(super) struct Report {
    /// For the document.
    pub(super) table: String,
    /// With `CALLGATE_SHARED`: to be looked at, not to be written.
    pub(super) foreign: Option<String>,
    /// Whether all of both holds.
    pub(super) holds: bool,
}

/// Measures everything.
pub(super) fn measure(root: &Path, pairs: usize) -> anyhow::Result<Report> {
    let dir = Scratch::new()?;
    let mut skipped = Vec::new();
    for (name, source, libraries) in PROGRAMS {
        if !compiled(&dir, name, source, libraries)? {
            skipped.push(format!("what needs `{name}.c`: gcc, libc6-dev or libseccomp-dev is not installed"));
        }
    }
    let out = Command::new(workload::example(root, "callgate-bpf", "filter")?)
        .arg(dir.path())
        .arg(pairs.to_string())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start the example")?;
    ensure!(out.status.success(), "the example failed: {}", out.status);
    let measured: Measured = serde_json::from_slice(&out.stdout).context("the example printed no figures")?;
    for line in &skipped {
        eprintln!("skipped: {line}");
    }
    Ok(report::judge(&measured, pairs, &skipped))
}

/// Whether gcc made it.
fn compiled(dir: &Scratch, name: &str, source: &str, libraries: &[&str]) -> anyhow::Result<bool> {
    let file = dir.join(format!("{name}.c"));
    fs::write(&file, source).with_context(|| format!("cannot write {}", file.display()))?;
    let mut gcc = Command::new("gcc");
    gcc.args(["-O2", "-o", name]).arg(&file).args(libraries).current_dir(dir.path());
    Ok(gcc.status().is_ok_and(|status| status.success()))
}
