//! `callgate default`: what container runtimes apply where nobody names a profile.

use std::collections::BTreeMap;
use std::path::Path;

use callgate_check::{Blocked, Contrast, blocked, contrast};
use callgate_core::baseline::{self, Edition, Machine};
use callgate_core::{Action, Arch, errno, group, profile, sysno};
use callgate_linux::file::Output as File;
use serde::Serialize;

use super::{print, print_json};
use crate::cli::{Defaults, Format};
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Output, foreign, wrap};
use crate::table::{Align, columns_within};
use crate::{input, parse, target, witness};

#[derive(Serialize)]
struct List {
    schema: &'static str,
    defaults: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    name: &'static str,
    aliases: &'static [&'static str],
    about: &'static str,
    /// How it is known.
    source: &'static str,
    /// The first and the last release it is known of; null where there is one without a number.
    oldest: Option<String>,
    newest: Option<String>,
    /// What a container has that nobody asked anything for.
    caps: &'static [&'static str],
}

/// One default on one machine.
#[derive(Serialize)]
struct Subject {
    name: &'static str,
    /// As it was asked for, or the newest known.
    release: Option<String>,
    source: &'static str,
    arch: &'static str,
    kernel: String,
    caps: Vec<String>,
}

#[derive(Serialize)]
struct BlockedDocument {
    schema: &'static str,
    profile: Subject,
    /// How many calls the architecture has.
    calls: usize,
    blocked: Vec<BlockedRow>,
}

#[derive(Serialize)]
struct BlockedRow {
    call: &'static str,
    group: &'static str,
    /// `SCMP_ACT_*`
    action: &'static str,
    errno: Option<u16>,
    /// Whether some arguments are allowed.
    in_part: bool,
    /// A call that is refused.
    witness: String,
    opened_by: Vec<&'static str>,
    /// Why it is dangerous; null where it is not.
    danger: Option<&'static str>,
}

#[derive(Serialize)]
struct DiffDocument {
    schema: &'static str,
    /// `equal` or `different`.
    result: &'static str,
    first: Subject,
    second: Subject,
    differences: Vec<DiffRow>,
}

#[derive(Serialize)]
struct DiffRow {
    call: &'static str,
    arch: &'static str,
    group: &'static str,
    first: Side,
    second: Side,
    /// Whether other arguments are treated alike, or in another way.
    in_part: bool,
    witness: String,
}

#[derive(Serialize)]
struct Side {
    /// `SCMP_ACT_*`
    action: &'static str,
    errno: Option<u16>,
}

/// Lists, writes, or answers.
pub(crate) fn run(args: &Defaults, output: &Output) -> Outcome {
    match (args.diff.as_slice(), &args.name) {
        ([first, second], _) => diff(args, [first, second], output),
        (_, None) => list(args, output),
        (_, Some(name)) if args.blocked => show_blocked(args, name, output),
        (_, Some(name)) => write(args, name, output),
    }
}

fn list(args: &Defaults, output: &Output) -> Outcome {
    let entry = |b: &'static baseline::Baseline| Entry {
        name: b.name,
        aliases: b.aliases,
        about: b.about,
        source: b.source,
        oldest: b.known.map(|(oldest, _)| oldest.to_string()),
        newest: b.known.map(|(_, newest)| newest.to_string()),
        caps: b.caps,
    };
    let defaults: Vec<Entry> = baseline::all().iter().map(entry).collect();
    if args.format == Format::Json {
        return print_json(output, &List { schema: "callgate.dev/defaults/v1", defaults });
    }
    let line = |e: &Entry| {
        let releases = e.oldest.as_ref().zip(e.newest.as_ref());
        let releases = releases.map_or_else(String::new, |(from, to)| format!("{from} to {to}"));
        vec![e.name.to_owned(), releases, format!("{}; {}", e.about, e.source)]
    };
    let rows: Vec<Vec<String>> = defaults.iter().map(line).collect();
    print(output, &columns_within(&rows, &[Align::Left; 3], output.width()))
}

/// A default by name, and the machine and container it is asked for.
fn subject(args: &Defaults, name: &str, output: &Output) -> Result<(Edition, Machine), Failure> {
    let edition = baseline::named(name).map_err(|error| {
        Failure::new(error.to_string())
            .hint("`callgate default` lists them, and the releases they are known of")
    })?;
    if let Some(note) = edition.note() {
        output.warn(&note);
    }
    let arch = args.arch.as_deref().map_or_else(input::native, parse::arch)?;
    let kernel = target::kernel(args.kernel.as_deref())?;
    let caps = target::caps(&args.caps, edition.baseline.caps)?;
    Ok((edition, Machine { arch, kernel, caps }))
}

fn write(args: &Defaults, name: &str, output: &Output) -> Outcome {
    let (edition, machine) = subject(args, name, output)?;
    let profile = edition.rules(&machine).profile();
    let text = profile::write(&profile, args.with_comments);
    let what = format!("{} ({})", on(&edition, &machine), edition.baseline.source);
    if args.output == Path::new("-") {
        print(output, &text)?;
        output.say(&format!("default: {what}"));
    } else {
        File::prepare(&args.output, args.force, 0o644)?.write(text.as_bytes())?;
        output.say(&format!("wrote {}: {what}", foreign(&args.output.display().to_string())));
    }
    Ok(Exit::Ok)
}

/// `containerd 2.4 on x86_64, Linux 6.1, 14 capabilities`.
fn on(edition: &Edition, machine: &Machine) -> String {
    let caps = match machine.caps.len() {
        1 => "1 capability".to_owned(),
        n => format!("{n} capabilities"),
    };
    format!("{} on {}, Linux {}, {caps}", foreign(&edition.name()), machine.arch, machine.kernel)
}

fn described(edition: &Edition, machine: &Machine) -> Subject {
    let newest = edition.baseline.known.map(|(_, newest)| newest.to_string());
    Subject {
        name: edition.baseline.name,
        release: edition.asked.clone().or(newest),
        source: edition.baseline.source,
        arch: machine.arch.name(),
        kernel: machine.kernel.to_string(),
        caps: machine.caps.iter().cloned().collect(),
    }
}

fn show_blocked(args: &Defaults, name: &str, output: &Output) -> Outcome {
    let (edition, machine) = subject(args, name, output)?;
    let found = blocked(&edition, &machine);
    let calls = sysno::table(machine.arch).len();
    if args.format == Format::Human {
        let head = format!(
            "{} blocks {} of {} calls{}\n",
            on(&edition, &machine),
            found.iter().filter(|b| b.wholly).count(),
            calls,
            match found.iter().filter(|b| !b.wholly).count() {
                0 => String::new(),
                part => format!(", and {part} in part"),
            }
        );
        return print(output, &(wrap(&head, output.width(), "  ") + &blocked_text(&found, output.width())));
    }
    let row = |b: &Blocked| BlockedRow {
        call: b.call,
        group: b.group,
        action: b.action.oci(),
        errno: b.action.errno(),
        in_part: !b.wholly,
        witness: witness::call_on(Some(b.witness.arch), &b.witness.to_data()),
        opened_by: b.opened_by.clone(),
        danger: group::danger(b.call),
    };
    let profile = described(&edition, &machine);
    let blocked = found.iter().map(row).collect();
    print_json(
        output,
        &BlockedDocument { schema: "callgate.dev/default-blocked/v1", profile, calls, blocked },
    )
}

/// By topic: what happens, what would open it, to which calls; then why the dangerous ones are.
fn blocked_text(found: &[Blocked], width: usize) -> String {
    let mut out = String::new();
    for part in found.chunk_by(|a, b| a.group == b.group) {
        let group = part.first().map_or("", |b| b.group);
        let about = group::find(group).map_or("", |g| g.about);
        out += &format!("\n{}\n", wrap(&format!("{group}: {about}"), width, "  "));
        let mut alike: BTreeMap<(bool, String, String), Vec<String>> = BTreeMap::new();
        for one in part {
            let (action, call) = if one.wholly {
                (outcome(one.action), one.call.to_owned())
            } else {
                (
                    outcome(one.action) + " in part",
                    witness::call_on(Some(one.witness.arch), &one.witness.to_data()),
                )
            };
            let opened = match one.opened_by.as_slice() {
                [] => "opened by no capability".to_owned(),
                caps => format!("opened by {}", caps.join(" or ")),
            };
            alike.entry((one.opened_by.is_empty(), opened, action)).or_default().push(call);
        }
        for ((_, opened, action), calls) in alike {
            let line = format!("  {action}, {opened}: {}", calls.join(" "));
            out += &(wrap(&line, width, "    ") + "\n");
        }
        for (call, why) in part.iter().filter_map(|b| group::danger(b.call).map(|why| (b.call, why))) {
            out += &(wrap(&format!("    {call} {why}"), width, "      ") + "\n");
        }
    }
    out
}

/// `EPERM`, or the action where there is no errno.
fn outcome(action: Action) -> String {
    match action.errno().and_then(errno::name) {
        Some(name) => name.to_owned(),
        None => action.to_string(),
    }
}

fn diff(args: &Defaults, [first, second]: [&String; 2], output: &Output) -> Outcome {
    let ((one, its), (other, theirs)) = (subject(args, first, output)?, subject(args, second, output)?);
    let found = contrast(&one.meaning(&its), &other.meaning(&theirs))
        .map_err(|e| Failure::new(format!("undecided: {e}")))?;
    let exit = if found.is_empty() { Exit::Ok } else { Exit::Findings };
    if args.format == Format::Json {
        let side = |action: Action| Side { action: action.oci(), errno: action.errno() };
        let row = |c: &Contrast| DiffRow {
            call: c.call,
            arch: c.witness.arch.name(),
            group: group::primary(c.call).unwrap_or("@other"),
            first: side(c.first),
            second: side(c.second),
            in_part: !c.wholly,
            witness: witness::call_on(Some(its.arch), &c.witness.to_data()),
        };
        let result = if found.is_empty() { "equal" } else { "different" };
        let (first, second) = (described(&one, &its), described(&other, &theirs));
        let differences = found.iter().map(row).collect();
        let schema = "callgate.dev/default-diff/v1";
        print_json(output, &DiffDocument { schema, result, first, second, differences })?;
        return Ok(exit);
    }
    let sides = format!("A: {}\nB: {}\n", on(&one, &its), on(&other, &theirs));
    let text = if found.is_empty() {
        "\nthey treat every call alike\n".to_owned()
    } else {
        diff_text(&found, its.arch, output.width())
    };
    print(output, &(sides + &text))?;
    Ok(exit)
}

/// What each allows alone, then what both refuse in other words; by topic. Calls through another architecture are shown
/// where they differ otherwise than the machine's own.
fn diff_text(found: &[Contrast], native: Arch, width: usize) -> String {
    let own = |c: &Contrast| {
        let same = |o: &&Contrast| {
            (o.witness.arch, o.call, o.first, o.second, o.wholly)
                == (native, c.call, c.first, c.second, c.wholly)
        };
        c.witness.arch == native || !found.iter().any(|o| same(&o))
    };
    let mut parts: BTreeMap<(u8, String), BTreeMap<&str, Vec<String>>> = BTreeMap::new();
    for c in found.iter().filter(|c| own(c)) {
        let (first, second) = (outcome(c.first), outcome(c.second));
        let head = match (c.first.permits(), c.second.permits()) {
            (true, false) => (0, format!("Only A allows (B: {second})")),
            (false, true) => (1, format!("Only B allows (A: {first})")),
            _ => (2, format!("A: {first}, B: {second}")),
        };
        let through =
            if c.witness.arch == native { String::new() } else { format!(" through {}", c.witness.arch) };
        let call = if c.wholly {
            format!("{}{through}", c.call)
        } else {
            witness::call_on(Some(native), &c.witness.to_data())
        };
        parts
            .entry(head)
            .or_default()
            .entry(group::primary(c.call).unwrap_or("@other"))
            .or_default()
            .push(call);
    }
    let mut out = String::new();
    for ((_, head), groups) in parts {
        out += &format!("\n{head}\n");
        let rows: Vec<Vec<String>> =
            groups.into_iter().map(|(group, calls)| vec![group.to_owned(), calls.join(", ")]).collect();
        out += &columns_within(&rows, &[Align::Left; 2], width);
    }
    out
}
