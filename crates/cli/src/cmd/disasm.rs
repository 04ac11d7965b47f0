//! `callgate disasm`: a filter as text.

use callgate_bpf::disasm;

use super::{print, print_json};
use crate::cli::{Disasm, Format};
use crate::exit::Outcome;
use crate::output::Output;
use crate::{filter, parse, source};

/// Shows a filter, and then says if the kernel would refuse it: whoever asks why wants to see it.
pub(crate) fn run(args: &Disasm, output: &Output) -> Outcome {
    let arch = args.arch.as_deref().map(parse::arch).transpose()?;
    let program = filter::raw(&args.filter)?;
    let shown = match args.format {
        Format::Human => print(output, &disasm::disassemble_for(&program, arch))?,
        Format::Json => print_json(output, &source::document(&program, arch))?,
    };
    filter::accepted(&args.filter, &program).map(|()| shown)
}
