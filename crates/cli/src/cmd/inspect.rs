//! `callgate inspect`: the filters that are really loaded.

use std::collections::BTreeSet;

use callgate_bpf::{Program, Proof, disassemble};
use callgate_linux::inspect::{self, Layer, Mode, Obstacle, Process, Reader};
use callgate_linux::proc;
use serde::Serialize;

use super::{print, print_json};
use crate::chains::{self, Found, Group, Judge, Verdict};
use crate::cli::{Format, Inspect};
use crate::exit::{Exit, Failure, Outcome};
use crate::input::{self, Loaded};
use crate::output::{Output, counted, foreign};
use crate::table::{Align, columns_within};
use crate::{target, witness};

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    processes: Vec<ProcessDoc>,
}

#[derive(Serialize)]
struct ProcessDoc {
    pid: i32,
    comm: String,
    mode: &'static str,
    no_new_privs: bool,
    /// How many filters /proc says its first thread has; null before Linux 5.11.
    filter_count: Option<u32>,
    /// Why the filters were not read; null: they were.
    obstacle: Option<String>,
    /// Null: they were not read.
    chains: Option<Vec<ChainDoc>>,
}

/// Threads with equal filters.
#[derive(Serialize)]
struct ChainDoc {
    threads: Vec<i32>,
    mode: &'static str,
    /// Newest first.
    filters: Vec<FilterDoc>,
}

/// One filter.
#[derive(Serialize)]
struct FilterDoc {
    /// As the kernel numbers them: 0 is the oldest.
    layer: usize,
    /// Null, as `hash` and `program`: not classic BPF, which the kernel does not hand out.
    instructions: Option<usize>,
    hash: Option<String>,
    /// code, jt, jf, k.
    program: Option<Vec<(u16, u8, u8, u32)>>,
    /// `equal`, `different` or `undecided`; null: no profile was named.
    profile: Option<&'static str>,
    witness: Option<WitnessDoc>,
}

/// A call that filter and profile treat differently.
#[derive(Serialize)]
struct WitnessDoc {
    call: String,
    arch: u32,
    nr: u32,
    args: [u64; 6],
    /// Where it is made; 0 where that does not matter.
    instruction_pointer: u64,
    filter: String,
    profile: String,
}

/// Inspects.
pub(crate) fn run(args: &Inspect, output: &Output) -> Outcome {
    let loaded = args.profile.as_deref().map(input::profile).transpose()?;
    if let Some(loaded) = &loaded {
        if !args.place.is_named() {
            loaded.tell_notes(output);
        }
        loaded.tell_if_foreign(output)?;
    }
    let mut judge = loaded.as_ref().map(|loaded| judge(loaded, args, output)).transpose()?;
    let found = match args.pid {
        Some(pid) => vec![one(inspect::look(pid).map_err(|o| failure(&o))?, &mut Reader::default())],
        None => all(),
    };
    match args.format {
        Format::Json => {
            let processes = found.iter().map(|f| document(f, judge.as_mut())).collect();
            print_json(output, &Document { schema: "callgate.dev/inspect/v1", processes })?;
        }
        Format::Human => {
            let judge = judge.as_mut();
            let text = if args.all {
                all_of_them(&found, judge, args.disasm, output.width())
            } else {
                found.iter().zip([judge]).map(|(f, judge)| process(f, judge, args.disasm)).collect()
            };
            print(output, &text)?;
        }
    }
    let verdict = found.iter().filter_map(|f| Some(judge.as_mut()?.verdict(f))).max();
    let exit = if verdict == Some(Verdict::Different) { Exit::Findings } else { Exit::Ok };
    if let Some(failure) = unread(args, &found, output) {
        return Err(Failure { exit: if exit == Exit::Ok { failure.exit } else { exit }, ..failure });
    }
    Ok(if verdict == Some(Verdict::Undecided) { Exit::Failed } else { exit })
}

/// The profile as it is used: by a runtime that is named, or as raw OCI meaning.
fn judge(loaded: &Loaded, args: &Inspect, output: &Output) -> Result<Judge, Failure> {
    if !args.place.is_named() {
        return Judge::new(loaded);
    }
    let resolved = target::resolved(loaded, &args.place.target(input::native()?)?)?;
    target::tell(loaded, &resolved, output);
    Ok(Judge::of(loaded, target::meaning(loaded, &resolved)?))
}

fn failure(obstacle: &Obstacle) -> Failure {
    let hint = obstacle.hint();
    Failure { hint, ..Failure::new(obstacle.to_string()) }
}

fn one(process: Process, reader: &mut Reader) -> Found {
    let groups = reader.read(process.pid).map(chains::groups);
    Found { process, groups }
}

/// Every process that seccomp does something to, without this one. One that ends meanwhile is none.
fn all() -> Vec<Found> {
    let mut reader = Reader::default();
    let own = std::process::id() as i32;
    let mut pids: Vec<i32> = proc::processes().into_iter().filter(|pid| *pid != own).collect();
    pids.sort_unstable();
    let filtered = |p: &Process| p.threads.iter().any(|t| matches!(t.mode, Mode::Strict | Mode::Filter));
    let found = pids.into_iter().filter_map(|pid| inspect::look(pid).ok()).filter(filtered);
    let gone = |f: &Found| matches!(f.groups, Err(Obstacle::Gone(_) | Obstacle::Ended(_)));
    found.map(|process| one(process, &mut reader)).filter(|f| !gone(f)).collect()
}

/// What was not read: an error, but among all processes one that only some cannot be read for is a warning.
fn unread(args: &Inspect, found: &[Found], output: &Output) -> Option<Failure> {
    let obstacles = found.iter().filter_map(|f| f.groups.as_ref().err());
    let (fatal, others): (Vec<_>, Vec<_>) = obstacles.partition(|o| !args.all || o.is_ours());
    for obstacle in others {
        output.warn(&obstacle.to_string());
    }
    fatal.first().map(|obstacle| failure(obstacle))
}

fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Off => "off",
        Mode::Strict => "strict",
        Mode::Filter => "filter",
        Mode::Unknown => "unknown",
    }
}

fn document(found: &Found, mut judge: Option<&mut Judge>) -> ProcessDoc {
    let Found { process, groups } = found;
    let chains = groups.as_ref().ok().map(|groups| {
        let chain = |group: &Group| ChainDoc {
            threads: group.tids.clone(),
            mode: mode_name(group.mode),
            filters: group
                .layers
                .iter()
                .zip((0..group.layers.len()).rev())
                .map(|(l, n)| filter(n, l, judge.as_deref_mut()))
                .collect(),
        };
        groups.iter().map(chain).collect()
    });
    ProcessDoc {
        pid: process.pid,
        comm: process.comm.clone(),
        mode: mode_name(process.threads.first().map_or(Mode::Unknown, |t| t.mode)),
        no_new_privs: process.no_new_privs,
        filter_count: process.threads.first().and_then(|t| t.filters),
        obstacle: groups.as_ref().err().map(ToString::to_string),
        chains,
    }
}

fn filter(layer: usize, what: &Layer, judge: Option<&mut Judge>) -> FilterDoc {
    let Layer::Classic(program) = what else {
        let profile = judge.map(|_| Verdict::Undecided.name());
        return FilterDoc { layer, instructions: None, hash: None, program: None, profile, witness: None };
    };
    let proof = judge.map(|judge| judge.proof(program));
    let witness = match &proof {
        Some(Proof::Differs(d)) => Some(WitnessDoc {
            call: witness::call(&d.data),
            arch: d.data.arch,
            nr: d.data.nr,
            args: d.data.args,
            instruction_pointer: d.data.instruction_pointer,
            filter: d.left.to_string(),
            profile: d.right.to_string(),
        }),
        _ => None,
    };
    FilterDoc {
        layer,
        instructions: Some(program.insns().len()),
        hash: Some(format!("sha256:{}", chains::hash(program))),
        program: Some(program.insns().iter().map(|i| (i.code, i.jt, i.jf, i.k)).collect()),
        profile: proof.map(|proof| chains::outcome(&proof).name()),
        witness,
    }
}

/// `nginx[12]`.
fn named(process: &Process) -> String {
    format!("{}[{}]", foreign(&process.comm), process.pid)
}

/// One process for a person.
fn process(found: &Found, mut judge: Option<&mut Judge>, disasm: bool) -> String {
    let process = &found.process;
    let privileges = if process.no_new_privs { ", no_new_privs" } else { "" };
    let mode = process.threads.first().map_or(Mode::Unknown, |t| t.mode);
    let mut text = format!("{}: {}{privileges}\n", named(process), mode_words(mode));
    let Ok(groups) = &found.groups else {
        for thread in process.threads.iter().take(1) {
            text += &thread
                .filters
                .map_or_else(String::new, |n| format!("  {}, not read\n", counted(n.into(), "filter")));
        }
        return text;
    };
    for group in groups {
        text += &format!("  {}", threads(&group.tids));
        if group.layers.is_empty() {
            text += &format!(": {}\n", mode_words(group.mode));
            continue;
        }
        text += &format!(": {}, newest first\n", counted(group.layers.len() as u64, "filter"));
        for (layer, number) in group.layers.iter().zip((0..group.layers.len()).rev()) {
            text += &layer_line(number, layer, judge.as_deref_mut());
            if let (true, Layer::Classic(program)) = (disasm, layer) {
                text += &indented(&disassemble(program));
            }
        }
    }
    text
}

fn mode_words(mode: Mode) -> &'static str {
    match mode {
        Mode::Off => "no filter",
        Mode::Strict => "strict mode: only read, write, exit and sigreturn are left",
        Mode::Filter => "filtered",
        Mode::Unknown => "/proc does not say whether it is filtered",
    }
}

fn layer_line(number: usize, layer: &Layer, judge: Option<&mut Judge>) -> String {
    let Layer::Classic(program) = layer else {
        return format!("    {number}: not classic BPF: the kernel does not hand it out\n");
    };
    let line = format!(
        "    {number}: {}  {}",
        chains::short_hash(program),
        counted(program.insns().len() as u64, "instruction")
    );
    match judge {
        Some(judge) => format!("{line}, {}\n", proof_words(program, judge)),
        None => line + "\n",
    }
}

fn proof_words(program: &Program, judge: &mut Judge) -> String {
    let name = foreign(&judge.name);
    match judge.proof(program) {
        Proof::Equal => format!("equal to {name}"),
        Proof::Differs(d) => {
            format!(
                "differs from {name}: {}: {} here, {} by the profile",
                foreign(&witness::call(&d.data)),
                d.left,
                d.right
            )
        }
        Proof::Undecided(why) => format!("undecided whether equal to {name}: {why}"),
    }
}

/// `threads 12, 13 and 4 more`.
fn threads(tids: &[i32]) -> String {
    match tids {
        [one] => format!("thread {one}"),
        [one, two] => format!("threads {one} and {two}"),
        [one, two, rest @ ..] => format!("threads {one}, {two} and {} more", rest.len()),
        [] => "no thread".to_owned(),
    }
}

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |text, line| text + "       " + line + "\n")
}

/// Every process, then what is to be said of every filter.
fn all_of_them(found: &[Found], mut judge: Option<&mut Judge>, disasm: bool, width: usize) -> String {
    table(found, judge.as_deref_mut(), width) + &each(found, judge, disasm)
}

/// Processes by their filters, equal ones together.
fn table(found: &[Found], mut judge: Option<&mut Judge>, width: usize) -> String {
    let mut rows: Vec<([String; 3], Vec<String>)> = Vec::new();
    let mut add = |key: [String; 3], who: String| match rows.iter_mut().find(|(k, _)| *k == key) {
        Some((_, whose)) => whose.push(who),
        None => rows.push((key, vec![who])),
    };
    for Found { process, groups } in found {
        let of = process.threads.len();
        let Ok(groups) = groups else {
            let [first, ..] = process.threads.as_slice() else { continue };
            let count = first.filters.map_or_else(|| "some".to_owned(), |n| n.to_string());
            add([format!("{count}, not read"), String::new(), String::new()], named(process));
            continue;
        };
        for group in groups {
            let part = if groups.len() > 1 {
                format!(" ({} of {of} threads)", group.tids.len())
            } else {
                String::new()
            };
            let verdict = judge.as_mut().map_or("", |judge| judge.among(group).name());
            add(cells(group, verdict), named(process) + &part);
        }
    }
    if rows.is_empty() {
        return "no process has a filter\n".to_owned();
    }
    let title = if judge.is_some() { "profile" } else { "" };
    let mut lines =
        vec![["filters, newest first", "instructions", title, "processes"].map(str::to_owned).to_vec()];
    lines.extend(rows.into_iter().map(|(cells, who)| {
        let many = if who.len() > 1 { format!("{} processes: ", who.len()) } else { String::new() };
        cells.into_iter().chain([many + &who.join(", ")]).collect()
    }));
    if judge.is_none() {
        for line in &mut lines {
            line.remove(2);
        }
    }
    let align = vec![Align::Left; lines[0].len()];
    columns_within(&lines, &align, width)
}

fn cells(group: &Group, verdict: &str) -> [String; 3] {
    let hash = |layer: &Layer| match layer {
        Layer::Classic(program) => chains::short_hash(program),
        Layer::Other => "other".to_owned(),
    };
    let size = |layer: &Layer| match layer {
        Layer::Classic(program) => program.insns().len().to_string(),
        Layer::Other => "?".to_owned(),
    };
    let joined =
        |cell: &dyn Fn(&Layer) -> String| group.layers.iter().map(cell).collect::<Vec<_>>().join(" ");
    let filters = match group.mode {
        Mode::Filter => joined(&hash),
        Mode::Strict => "strict mode".to_owned(),
        Mode::Off | Mode::Unknown => "none".to_owned(),
    };
    [filters, joined(&size), verdict.to_owned()]
}

/// What is to be said of every filter, once: its instructions, and where it differs from the profile.
fn each(found: &[Found], mut judge: Option<&mut Judge>, disasm: bool) -> String {
    let groups = found.iter().filter_map(|f| f.groups.as_ref().ok()).flatten();
    let mut told = BTreeSet::new();
    let mut text = String::new();
    for layer in groups.flat_map(|g| &g.layers) {
        let Layer::Classic(program) = layer else { continue };
        if (judge.is_none() && !disasm) || !told.insert(chains::hash(program)) {
            continue;
        }
        let proof = judge.as_mut().map_or_else(String::new, |j| " ".to_owned() + &proof_words(program, j));
        text += &format!("\n{}{proof}\n", chains::short_hash(program));
        if disasm {
            text += &indented(&disassemble(program));
        }
    }
    text
}
