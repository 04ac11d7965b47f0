//! `callgate compile`: a profile to the filter the kernel loads.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::Path;

use callgate_bpf::{Program, Weights, figures};
use callgate_core::Arch;
use callgate_linux::file::Output as File;

use crate::cli::{Compile, Emit};
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Output, counted, foreign};
use crate::table::{Align, columns};
use crate::{filter, input, source};

/// Compiles.
pub(crate) fn run(args: &Compile, output: &Output) -> Outcome {
    if args.profile == Path::new("-") && args.weights == "-" {
        return Err(Failure::new("PROFILE and --weights cannot both be standard input")
            .hint("name a file for one of them"));
    }
    let loaded = input::profile(&args.profile)?;
    loaded.tell_notes(output);
    let meaning = filter::meaning(&loaded, &args.arch)?;
    let program = filter::weighted(&meaning, &weights(&args.weights)?)?;
    if args.output == Path::new("-") && args.emit == Emit::Raw && std::io::stdout().is_terminal() {
        let failure = Failure::new("the filter is binary, and standard output is a terminal");
        return Err(failure.hint("name a file: -o FILE"));
    }
    let bytes = written(&program, args.emit)?;
    if args.output == Path::new("-") {
        output.bytes(&bytes).map_err(|e| Failure::new(format!("cannot write to standard output: {e}")))?;
    } else {
        File::prepare(&args.output, args.force, 0o644)?.write(&bytes)?;
        let name = foreign(&args.output.display().to_string());
        output.say(&format!("wrote {name}: {} instructions", program.0.len()));
    }
    if args.stats {
        let arches: Vec<Arch> = meaning.arches.keys().copied().collect();
        output.line(stats(&program, &arches).trim_end());
    }
    Ok(Exit::Ok)
}

/// Which paths are to be short: a word, or a trace with counts.
fn weights(text: &str) -> Result<Weights, Failure> {
    match text {
        "default" => return Ok(Weights::BuiltIn),
        "uniform" => return Ok(Weights::Uniform),
        _ => {}
    }
    let trace = input::trace(Path::new(text))?;
    let mut counts = BTreeMap::new();
    for ((arch, nr, _), call) in &trace.calls {
        let count: &mut u64 = counts.entry((*arch, *nr)).or_default();
        *count = count.saturating_add(call.count.unwrap_or(1));
    }
    Ok(Weights::Counted(counts))
}

fn written(program: &Program, form: Emit) -> Result<Vec<u8>, Failure> {
    Ok(match form {
        Emit::Raw => program.to_bytes(),
        Emit::C => source::c(program).into_bytes(),
        Emit::Rust => source::rust(program).into_bytes(),
        Emit::Json => {
            let text = serde_json::to_string_pretty(&source::document(program, None));
            (text.map_err(|e| Failure::new(format!("cannot write JSON: {e}")))? + "\n").into_bytes()
        }
    })
}

/// What a filter consists of, and what it costs.
fn stats(program: &Program, arches: &[Arch]) -> String {
    let figures = figures(program, arches);
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row = |count: usize, what: String| rows.push(vec![count.to_string(), what]);
    row(figures.prologue, "architecture".to_owned());
    for (arch, count) in &figures.numbers {
        row(*count, format!("numbers of {arch}"));
    }
    if figures.shared > 0 {
        row(figures.shared, "numbers, shared".to_owned());
    }
    row(figures.arguments, "arguments".to_owned());
    row(figures.returns, "returns".to_owned());
    row(program.insns().len(), "in all".to_owned());
    let mut out = "instructions:\n".to_owned() + &columns(&rows, &[Align::Right, Align::Left]);
    for (arch, costs) in &figures.calls {
        // One decimal is more than anybody measures.
        let tenths = (costs.executed * 10).checked_div(costs.count).unwrap_or(0);
        out += &format!(
            "{arch}: {}; mean {}.{}, worst {} instructions; the allow bitmap answers {}\n",
            counted(costs.count as u64, "call"),
            tenths / 10,
            tenths % 10,
            costs.worst,
            costs.answered
        );
    }
    out
}
