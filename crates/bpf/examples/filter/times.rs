//! What is timed, in turns: reading, compiling, proving, building with libseccomp, installing.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use callgate_bpf::{Program, Proof, emit, prove};
use callgate_core::profile;
use serde_json::{Value, json};

use crate::Result;
use crate::peers::{Libseccomp, install};
use crate::profiles::{NATIVE, Named};

/// Repetitions of what takes microseconds, per measurement.
const REPEATS: u32 = 50;
/// Filters installed per pair, of which the median counts: a fork beside each makes single ones jump.
const INSTALLS: usize = 25;

/// Seconds, one list per way, one entry per pair.
pub(crate) fn measure(dir: &Path, pairs: usize, given: &Named) -> Result<Value> {
    let program = compile(&given.text)?;
    let meaning = profile::meaning(&given.profile, NATIVE);
    if prove(&program, &meaning) != Proof::Equal {
        return Err("the program does not do what the profile says".into());
    }
    let mut libseccomp = Libseccomp::start(dir, &given.profile)?;
    let names = ["parse", "compile", "prove", "libseccomp"];
    let mut times: [Vec<f64>; 4] = Default::default();
    for round in 0..=pairs {
        for turn in 0..names.len() {
            let way = (round + turn) % names.len();
            let took = match way {
                0 => repeated(|| serde_json::from_str::<Value>(&given.text).is_ok()),
                1 => repeated(|| compile(&given.text).is_ok()),
                2 => repeated(|| prove(&program, &meaning) == Proof::Equal),
                _ => match &mut libseccomp {
                    Some(libseccomp) => libseccomp.build(2)?,
                    None => continue,
                },
            };
            // The first round warms up.
            if round > 0 {
                times[way].push(took);
            }
        }
    }
    let mut measured = json!({});
    for (name, times) in names.into_iter().zip(times).filter(|(_, times)| !times.is_empty()) {
        measured[name] = json!(times);
    }
    if let Some(libseccomp) = &mut libseccomp
        && cfg!(target_arch = "x86_64")
        && let Some(rounds) = install(dir, pairs * INSTALLS, &[&program, &libseccomp.program(2)?])?
    {
        let times = |rounds: &[Vec<f64>], way: usize| rounds.iter().map(|times| times[way]).collect();
        let medians =
            |way| rounds.chunks(INSTALLS).map(|rounds| median(times(rounds, way))).collect::<Vec<_>>();
        measured["install"] = json!(medians(0));
        measured["install libseccomp"] = json!(medians(1));
    }
    Ok(measured)
}

fn compile(text: &str) -> Result<Program> {
    let (profile, _) = profile::read(text)?;
    Ok(emit(&profile::meaning(&profile, NATIVE))?)
}

/// Seconds of a call: the median, which does not see that others had the processor in between.
fn repeated(mut act: impl FnMut() -> bool) -> f64 {
    let time = |_| {
        let started = Instant::now();
        black_box(act());
        started.elapsed().as_secs_f64()
    };
    median((0..REPEATS).map(time).collect())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
