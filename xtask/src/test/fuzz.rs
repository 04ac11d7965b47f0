//! Fuzz targets on the stable compiler: built with coverage feedback, run for a few seconds from our seeds.
//!
//! cargo-fuzz wants a nightly compiler; libfuzzer-sys and these flags are what it would use. The target is named so
//! that build scripts and macros stay without instrumentation.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::packages;
use super::step::Step;

/// The targets, one file each in `fuzz/fuzz_targets`.
const TARGETS: &[&str] = &[
    "filter_read",
    "import_read",
    "lint_json",
    "lint_yaml",
    "profile_read",
    "profile_resolve",
    "strace_read",
    "trace_read",
];
/// How long each runs here.
const SECONDS: u32 = 5;
/// How long each runs with `--full`.
const SECONDS_FULL: u32 = 120;
/// What makes libFuzzer see where an input leads.
const FLAGS: &[&str] = &[
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "-Cdebug-assertions=on",
    "-Coverflow-checks=on",
];

/// One step to build them all, one to run each.
pub(super) fn steps(root: &Path, target_directory: &Path, full: bool) -> anyhow::Result<Vec<Step>> {
    if packages::find("g++").is_none() {
        return Ok(vec![Step::new("fuzz", "cargo", &[]).absent("no g++, which libFuzzer is built with")]);
    }
    let host = host()?;
    let out = target_directory.join("fuzz");
    let args = ["build", "--release", "--locked", "--manifest-path", "fuzz/Cargo.toml", "--target", &host];
    let build = Step::cargo("fuzz targets build", &args)
        .env("RUSTFLAGS", FLAGS.join(" "))
        .env("CARGO_TARGET_DIR", &out);
    let mut steps = vec![build];
    let seconds = if full { SECONDS_FULL } else { SECONDS };
    for name in TARGETS {
        steps.push(run(root, &out.join(&host).join("release").join(name), name, seconds));
    }
    Ok(steps)
}

/// Runs one target; what it finds is kept beside its binary.
fn run(root: &Path, binary: &Path, name: &str, seconds: u32) -> Step {
    let artifacts = format!("-artifact_prefix={}-", binary.display());
    let time = format!("-max_total_time={seconds}");
    let seeds: PathBuf = root.join("fuzz/seeds").join(name);
    // No corpus directory of its own: libFuzzer keeps what it finds in memory and leaves the seeds alone only when
    // they are not the first directory.
    let corpus = env::temp_dir().join(format!("callgate-fuzz-{name}-{}", std::process::id()));
    let script = "mkdir -p \"$0\" && trap 'rm -rf \"$0\"' EXIT && \"$@\" \"$0\" \"$SEEDS\"";
    Step::new(format!("fuzz {name}, {seconds} s"), "sh", &["-c", script])
        .arg(corpus)
        .arg(binary)
        .arg(time)
        .arg(artifacts)
        .arg("-timeout=10")
        .arg("-rss_limit_mb=1024")
        .arg("-max_len=8192")
        .env("SEEDS", seeds)
}

/// The triple of this machine.
fn host() -> anyhow::Result<String> {
    let out = Command::new("rustc").arg("-vV").output().context("cannot start rustc")?;
    ensure!(out.status.success(), "rustc -vV failed: {}", out.status);
    let text = String::from_utf8(out.stdout)?;
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned).context("rustc -vV names no host")
}
