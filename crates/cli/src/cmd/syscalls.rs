//! `callgate syscalls`: the table of one architecture.

use callgate_core::{group, sysno};
use serde::Serialize;

use super::{print, print_json};
use crate::cli::{Format, Syscalls};
use crate::exit::Outcome;
use crate::input;
use crate::output::Output;
use crate::parse;
use crate::table::{Align, columns_within};

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    arch: &'static str,
    syscalls: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    nr: u32,
    since: String,
    groups: Vec<&'static str>,
}

/// Lists the calls.
pub(crate) fn run(args: &Syscalls, output: &Output) -> Outcome {
    let arch = match &args.arch {
        Some(name) => parse::arch(name)?,
        None => input::native()?,
    };
    let row = |entry: &sysno::Entry| Row {
        name: entry.name(),
        nr: entry.nr,
        since: entry.since.to_string(),
        groups: group::of(entry.name()),
    };
    let syscalls: Vec<Row> = sysno::table(arch).iter().map(row).collect();
    if args.format == Format::Json {
        return print_json(
            output,
            &Document { schema: "callgate.dev/syscalls/v1", arch: arch.name(), syscalls },
        );
    }
    let mut rows = vec![["nr", "name", "since", "groups"].map(str::to_owned).to_vec()];
    rows.extend(
        syscalls
            .iter()
            .map(|r| vec![r.nr.to_string(), r.name.to_owned(), r.since.clone(), r.groups.join(" ")]),
    );
    let align = [Align::Right, Align::Left, Align::Right, Align::Left];
    print(output, &columns_within(&rows, &align, output.width()))
}
