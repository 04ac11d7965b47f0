//! Measures what profiles mean for `cargo xtask bench semantics`, which knows the bars: JSON to standard output.
//!
//! `semantics PAIRS`: everything is measured in turn, so many times; with `CALLGATE_SHARED` Docker's own default is measured,
//! too. Not a part of the library: here files are read and clocks asked.
#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::error::Error;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;
use std::{env, fs};

use callgate_check::Subject;
use callgate_check::diff::diff;
use callgate_check::resolve::resolve;
use callgate_check::target::{Loader, Target};
use callgate_core::baseline::{self, Kernel, Machine};
use callgate_core::profile;
use callgate_core::{Action, Arch, Meaning};
use serde_json::{Value, json};

/// Each sample is so many calls in a row.
const ROUND: u32 = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let pairs: usize = env::args().nth(1).ok_or("usage: semantics PAIRS")?.parse()?;
    // One name per line, as Docker writes its own.
    let docker = baseline::find("docker").ok_or("there is no default of Docker")?;
    let machine = docker.machine(Arch::X86_64, Kernel::new(6, 18));
    let flat = docker.newest().rules(&machine).profile();
    let spread: Value = serde_json::from_str(&profile::write(&flat, false))?;
    let mut texts = vec![("docker".to_owned(), serde_json::to_string_pretty(&spread)?)];
    if let Some(shared) = env::var_os("CALLGATE_SHARED") {
        let path = PathBuf::from(shared).join("data/profiles/moby-default.json");
        texts.push(("docker, as Docker writes it".to_owned(), fs::read_to_string(path)?));
    }
    let rows: Vec<Value> = texts.iter().map(|(name, text)| row((name, text), &machine, pairs)).collect();
    println!("{}", json!({ "profiles": rows }));
    Ok(())
}

fn row((name, text): (&str, &str), machine: &Machine, pairs: usize) -> Value {
    let runtime = "runc".parse().ok();
    let target = Target {
        loader: Loader::Moby,
        runtime,
        machine: machine.clone(),
        libseccomp: None,
        no_new_privs: false,
    };
    // Something is newly allowed, something newly refused, and one call for other arguments.
    let resolved = resolve(text, &target).ok();
    let meaning = resolved.as_ref().and_then(|resolved| resolved.meaning().cloned()).unwrap_or_else(none);
    let other = changed(&meaning);
    let subject = |meaning| Subject { meaning, profile: None, native: Arch::X86_64 };
    let (before, after) = (subject(&meaning), subject(&other));
    let mut samples = Vec::new();
    for _ in 0..pairs {
        let parse = time(|| drop(black_box(serde_json::from_str::<Value>(black_box(text)))));
        let resolved = time(|| drop(black_box(resolve(black_box(text), &target))));
        let differences = time(|| drop(black_box(diff(black_box(&before), &after))));
        samples.push(json!({ "parse": parse, "resolve": resolved, "diff": differences }));
    }
    json!({ "name": name, "bytes": text.len(), "samples": samples })
}

/// What would be measured of a profile that nobody takes, which Docker's is not.
fn none() -> Meaning {
    Meaning::uniform([Arch::X86_64], Action::Allow, Action::KillThread)
}

/// Every third call treated in another way.
fn changed(meaning: &Meaning) -> Meaning {
    let mut other = meaning.clone();
    let lists = other.arches.values_mut().flat_map(|rules| rules.calls.values_mut());
    for clause in lists.flatten().step_by(3) {
        clause.action = if clause.action == Action::Allow { Action::Errno(1) } else { Action::Allow };
    }
    other
}

/// Seconds per call.
fn time(mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..ROUND).for_each(|_| work());
    start.elapsed().as_secs_f64() / f64::from(ROUND)
}
