//! `callgate sim`: what a filter does with one call.

use std::fmt::Write as _;

use callgate_bpf::{bitmap, disasm, path};
use callgate_core::args::{self, ParseError};
use callgate_core::{Action, Arch, Call, suggest, sysno};
use serde::Serialize;

use super::{print, print_json};
use crate::cli::{Format, Sim};
use crate::exit::{Failure, Outcome};
use crate::output::Output;
use crate::{filter, parse};

/// What a filter does with one call.
#[derive(Serialize)]
struct Document {
    schema: &'static str,
    arch: &'static str,
    /// None: the number has no name.
    call: Option<&'static str>,
    nr: u32,
    args: [u64; 6],
    action: &'static str,
    /// None: the call does not fail by the filter.
    errno: Option<u16>,
    /// What the filter returns, `SECCOMP_RET_*` with its data.
    ret: String,
    /// How many instructions were executed.
    executed: usize,
    /// Which, in order.
    path: Vec<usize>,
    /// Whether the kernel's allow bitmap answers the call, so that none is.
    bitmap: bool,
}

/// Answers.
pub(crate) fn run(args: &Sim, output: &Output) -> Outcome {
    let arch = parse::arch(&args.arch)?;
    let call = call(arch, args)?;
    let program = filter::any(&args.file, output)?.program;
    let data = call.to_data();
    let run =
        path(&program, &data).map_err(|error| Failure::new(format!("the filter has no result: {error}")))?;
    let action = Action::from_ret(run.ret);
    let document = Document {
        schema: "callgate.dev/sim/v1",
        arch: arch.name(),
        call: sysno::name(arch, call.nr),
        nr: call.nr,
        args: call.args,
        action: action.oci(),
        errno: action.errno(),
        ret: format!("{:#010x}", run.ret),
        executed: run.executed.len(),
        bitmap: bitmap::always_allowed(&program, data.arch, data.nr),
        path: run.executed,
    };
    if args.format == Format::Json {
        return print_json(output, &document);
    }
    let lines = disasm::lines(&program, Some(arch));
    print(output, &text(&document, action, &lines))
}

fn text(document: &Document, action: Action, lines: &[disasm::Line]) -> String {
    let arch = document.arch;
    let called = match (document.call, arch.parse()) {
        (Some(name), Ok(arch)) => args::format_call(arch, name, &document.args),
        _ => format!("number {}", document.nr),
    };
    let mut out = format!("{called} on {arch}: {action} ({}, {})\n", document.action, document.ret);
    let bitmap =
        if document.bitmap { ", if it is executed: the kernel's allow bitmap answers first" } else { "" };
    let _ = writeln!(out, "{} of {} instructions{bitmap}:", document.executed, lines.len());
    for line in document.path.iter().filter_map(|index| lines.get(*index)) {
        let _ = writeln!(out, "  {:04}: {}", line.index, line.text);
    }
    out
}

/// The call that is asked about.
fn call(arch: Arch, sim: &Sim) -> Result<Call, Failure> {
    let (nr, name) = match args::number(&sim.call).map(u32::try_from) {
        Some(Ok(nr)) => (nr, sysno::name(arch, nr)),
        Some(Err(_)) => {
            return Err(Failure::new(format!("`{}` is no number of a call", sim.call)).hint("it has 32 bits"));
        }
        None => {
            let name = sysno::canonical(&sim.call);
            let nr =
                name.and_then(|name| sysno::number(arch, name)).ok_or_else(|| unknown(arch, &sim.call))?;
            (nr, name)
        }
    };
    let (token, raw) = arch.raw(nr);
    if Arch::split(token, raw) != Some((arch, nr)) {
        return Err(Failure::new(format!("no call of {arch} has the number {nr:#x}"))
            .hint("bit 30 tells numbers of x32 from those of x86_64; it is not part of either"));
    }
    let mut values = [0; 6];
    for (index, (value, text)) in values.iter_mut().zip(&sim.args).enumerate() {
        *value = argument(arch, name, index, text)?;
    }
    Ok(Call::new(arch, nr, values))
}

fn unknown(arch: Arch, name: &str) -> Failure {
    let failure = Failure::new(format!("`{name}` is no system call of {arch}"));
    match suggest::nearest(name, sysno::table(arch).iter().map(|entry| entry.name)) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.hint(format!("`callgate syscalls --arch {arch}` lists them")),
    }
}

/// One argument. A filter may look at registers the call does not use, so those take numbers, too.
fn argument(arch: Arch, name: Option<&str>, index: usize, text: &str) -> Result<u64, Failure> {
    let plain = args::number(text);
    match name.map(|name| args::parse_value(arch, name, index, text)) {
        Some(Ok(value)) => Ok(value),
        Some(Err(error @ ParseError::TooMany { .. })) => plain.ok_or_else(|| Failure::new(error.to_string())),
        Some(Err(error @ (ParseError::UnknownValue { .. } | ParseError::TooLarge { .. }))) => {
            Err(Failure::new(error.to_string()))
        }
        _ => plain.ok_or_else(|| {
            Failure::new(format!("`{text}` is no number"))
                .hint("names of values need a call whose arguments are known")
        }),
    }
}
