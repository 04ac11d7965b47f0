//! `callgate compile`: a profile to the filter the kernel loads.

use std::io::IsTerminal as _;
use std::path::Path;

use callgate_linux::file::Output as File;

use crate::cli::{Compile, Emit};
use crate::exit::{Exit, Failure, Outcome};
use crate::input;
use crate::output::{Output, foreign};
use crate::recording::program;

/// Compiles.
pub(crate) fn run(args: &Compile, output: &Output) -> Outcome {
    let loaded = input::profile(&args.profile)?;
    loaded.tell_notes(output);
    let program = program(&loaded.meaning()?)?;
    let bytes = match args.emit {
        Emit::Raw => program.to_bytes(),
    };
    if args.output == Path::new("-") && std::io::stdout().is_terminal() {
        let failure = Failure::new("the filter is binary, and standard output is a terminal");
        return Err(failure.hint("name a file: -o FILE"));
    }
    if args.output == Path::new("-") {
        output.bytes(&bytes).map_err(|e| Failure::new(format!("cannot write to standard output: {e}")))?;
    } else {
        File::prepare(&args.output, args.force, 0o644)?.write(&bytes)?;
        let name = foreign(&args.output.display().to_string());
        output.say(&format!("wrote {name}: {} instructions", program.0.len()));
    }
    Ok(Exit::Ok)
}
