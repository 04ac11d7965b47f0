//! `callgate expand`: a profile as its loader hands it to the container runtime.

use std::path::Path;

use callgate_core::profile;
use callgate_linux::file::Output as File;

use super::print;
use crate::cli::Expand;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Output, counted, foreign};
use crate::{input, parse, target};

/// Expands.
pub(crate) fn run(args: &Expand, output: &Output) -> Outcome {
    if args.place.loader() == "oci" {
        return Err(Failure::new("name the loader that is to expand it")
            .hint("--loader docker, podman, cri-o or containerd"));
    }
    if !args.place.runtime.is_empty() {
        return Err(Failure::new(
            "`expand` is about loaders: what a runtime makes of it is no profile any more",
        )
        .hint("`callgate explain` says what a runtime makes of it"));
    }
    let arch = args.arch.as_deref().map_or_else(input::native, parse::arch)?;
    let place = args.place.target(arch)?;
    let loaded = input::profile(&args.profile)?;
    let resolved = target::resolved(&loaded, &place)?;
    target::tell(&loaded, &resolved, output);
    let flat = target::flat(&loaded, &resolved)?;
    let text = profile::write(&flat, false);
    if args.output == Path::new("-") {
        return print(output, &text);
    }
    File::prepare(&args.output, args.force, 0o644)?.write(text.as_bytes())?;
    let (name, rules) =
        (foreign(&args.output.display().to_string()), counted(flat.rules.len() as u64, "rule"));
    output.say(&format!("wrote {name}: {rules}, for {arch}, kernel {}", place.machine.kernel));
    Ok(Exit::Ok)
}
