//! `callgate sim`: what a filter does with one call.

use std::fmt::Write as _;

use callgate_bpf::{bitmap, disasm, path};
use callgate_core::{Action, args, sysno};
use serde::Serialize;

use super::{print, print_json};
use crate::cli::{Format, Sim};
use crate::exit::{Failure, Outcome};
use crate::output::Output;
use crate::{call, filter, parse};

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
    let call = call::read(arch, &args.call, &args.args)?;
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
