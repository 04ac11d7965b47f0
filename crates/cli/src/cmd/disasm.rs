//! `callgate disasm`: a filter as text.

use callgate_bpf::{Program, disasm};
use callgate_core::Arch;

use super::{print, print_json};
use crate::cli::{Disasm, Format};
use crate::exit::{Failure, Outcome};
use crate::output::{Output, wrap};
use crate::{filter, parse, source};

/// Shows a filter, and then says if the kernel would refuse it: whoever asks why wants to see it.
pub(crate) fn run(args: &Disasm, output: &Output) -> Outcome {
    let arch = args.arch.as_deref().map(parse::arch).transpose()?;
    let program = filter::raw(&args.filter)?;
    let shown = match args.format {
        Format::Human if args.calls => print(output, &calls(&program, arch, output.width())?)?,
        Format::Human => print(output, &disasm::disassemble_for(&program, arch))?,
        Format::Json => print_json(output, &source::document(&program, arch))?,
    };
    filter::accepted(&args.filter, &program).map(|()| shown)
}

/// Which calls have which outcome, on the architecture named or on those the filter checks.
fn calls(program: &Program, arch: Option<Arch>, width: usize) -> Result<String, Failure> {
    let arches = arch.map_or_else(|| disasm::checked_arches(program), |arch| vec![arch]);
    if arches.is_empty() {
        let failure = Failure::new("the filter checks no architecture, so that its numbers have no names");
        return Err(failure.hint("name the architecture: --arch x86_64"));
    }
    let told = disasm::readable(program, &arches);
    Ok(told.lines().map(|line| wrap(line, width, "      ") + "\n").collect())
}
