//! Measures the filter compiler for `cargo xtask bench filter`, which knows the bars: JSON to standard output.
//!
//! `filter DIR PAIRS`: in `DIR` may lie `libseccomp` and `install`, the programs that are measured against and with. With
//! `CALLGATE_SHARED` the profiles in its `data/profiles/bench` are measured, too. Not a part of the library: here files are
//! read and clocks asked.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what it prints is what it is for")]

mod bound;
mod paths;
mod peers;
mod profiles;
mod random;
mod size;
mod times;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use callgate_bpf::{Weights, emit, emit_weighted};
use callgate_core::profile;
use serde_json::{Value, json};

use peers::Libseccomp;
use profiles::{NATIVE, Named};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Random meanings per pair.
const MEANINGS: usize = 50;
/// What denied numbers may take on average beside short ways of calls decided by arguments: the bar.
const DENIED: f64 = 9.0;
/// Whose times are measured.
const TIMED: &[&str] = &["docker, three architectures", "docker-3arch"];

fn main() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [dir, pairs] = args.as_slice() else { return Err("usage: filter DIR PAIRS".into()) };
    let (dir, pairs) = (Path::new(dir), pairs.parse()?);
    let mut sets = vec![set(dir, pairs, profiles::ours())?];
    if let Some(shared) = env::var_os("CALLGATE_SHARED") {
        sets.push(set(dir, pairs, foreign(&PathBuf::from(shared).join("data/profiles/bench"))?)?);
    }
    println!("{}", json!({ "sets": sets, "random": random(pairs * MEANINGS)? }));
    Ok(())
}

/// Profiles that others made, by the names of their files.
fn foreign(dir: &Path) -> Result<Vec<Named>> {
    let mut paths = fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let named = |path: PathBuf| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path)?;
        let (profile, _) = profile::read(&text)?;
        Ok(Named { name, profile, text })
    };
    paths.into_iter().map(named).collect()
}

fn set(dir: &Path, pairs: usize, all: Vec<Named>) -> Result<Value> {
    let mut rows = Vec::new();
    let mut times = Value::Null;
    for named in all {
        eprintln!("measuring: {}", named.name);
        rows.push(row(dir, &named)?);
        if TIMED.contains(&named.name.as_str()) {
            times = times::measure(dir, pairs, &named)?;
        }
    }
    Ok(json!({ "profiles": rows, "times": times }))
}

/// Everything about a profile that is counted.
fn row(dir: &Path, named: &Named) -> Result<Value> {
    let meaning = profile::meaning(&named.profile, NATIVE);
    let program = emit(&meaning)?;
    let uniform = emit_weighted(&meaning, &Weights::Uniform)?;
    let native_and_compatible = [NATIVE, callgate_core::Arch::X86];
    let mut row = json!({
        "name": named.name,
        "intervals": size::intervals(&meaning),
        "insns": program.insns().len(),
        "optimum": size::optimum(&meaning, &program),
        "longest": size::longest(&program),
        "worst": paths::worst(&program, &meaning),
        "checked": paths::checked(&program, &meaning, NATIVE),
        "denied": paths::denied(&program, &meaning, NATIVE),
        "uniform": paths::allowed(&uniform, &meaning, NATIVE),
        "emulated": paths::emulated(&program, &native_and_compatible),
        "emulated_bound": bound::emulated(&meaning, &native_and_compatible),
    });
    let arguments = paths::arguments(&program, &meaning, NATIVE);
    row["checked_bound"] = json!(arguments.and_then(|mean| bound::checked(&meaning, NATIVE, mean, DENIED)));
    if let Some(mut libseccomp) = Libseccomp::start(dir, &named.profile)? {
        let theirs = [libseccomp.program(1)?, libseccomp.program(2)?];
        row["libseccomp"] = json!({
            "insns": theirs.each_ref().map(|program| program.insns().len()),
            "emulated": theirs.each_ref().map(|program| paths::emulated(program, &native_and_compatible)),
        });
    }
    Ok(row)
}

/// The longest of many, against what would have to be.
fn random(count: usize) -> Result<Value> {
    let mut dice = random::Dice::new(1);
    let (mut worst, mut at, mut direct) = (0.0, (0, 0, 0), 0.0_f64);
    for _ in 0..count {
        let meaning = random::meaning(&mut dice);
        let program = emit(&meaning)?;
        let (insns, optimum) = (program.insns().len(), size::optimum(&meaning, &program));
        let ratio = insns as f64 / optimum as f64;
        let hops = size::hops(&program);
        direct = direct.max((insns - hops) as f64 / optimum as f64);
        if ratio > worst {
            (worst, at) = (ratio, (insns, optimum, hops));
        }
    }
    Ok(
        json!({ "meanings": count, "ratio": worst, "insns": at.0, "optimum": at.1, "hops": at.2, "direct": direct }),
    )
}
