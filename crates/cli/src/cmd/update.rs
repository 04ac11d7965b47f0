//! `callgate update`: the smallest patch to a profile that makes it allow what traces hold.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, IsTerminal as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use callgate_core::evidence::Evidence;
use callgate_core::generate::{ArgsMode, GenerateError, known_call};
use callgate_core::update::{Added, Update, UpdateError, Wanted, update};
use callgate_core::{Trace, profile};
use callgate_linux::file::Output as File;
use similar::TextDiff;

use super::generate::failure;
use super::print;
use crate::cli;
use crate::exit::{Exit, Failure, Outcome};
use crate::input::{self, Loaded};
use crate::output::{Output, foreign};

/// Updates, or shows what would be changed.
pub(crate) fn run(args: &cli::Update, output: &Output) -> Outcome {
    let loaded = input::profile(&args.profile)?;
    loaded.tell_if_foreign(output)?;
    let mut trace = Trace::default();
    for path in &args.from {
        trace.merge(&trace_or_log(path, output)?);
    }
    if trace.calls.is_empty() && trace.complete && !trace.recordings.is_empty() {
        output.say("the trace holds no call: nothing is to be done");
        return Ok(Exit::Ok);
    }
    if trace.calls.is_empty() {
        return Err(failure(&GenerateError::Empty));
    }
    if !trace.complete {
        output.warn("the trace is incomplete: what it lost is not in the patch");
    }
    let mut wanted = wanted(args)?;
    let mut done = made(&loaded, &trace, &wanted)?;
    if args.interactive {
        wanted.leave = ask(&done.added, output)?;
        done = made(&loaded, &trace, &wanted)?;
    }
    tell(&done, output);
    let withheld = !done.withheld.is_empty();
    if done.added.is_empty() {
        output.say(&format!("{} allows all of it already; nothing is to be done", foreign(&loaded.name)));
        return Ok(if withheld { Exit::Findings } else { Exit::Ok });
    }
    print(output, &difference(&loaded, &done.text))?;
    if args.dry_run {
        output.say("  nothing was written (--dry-run)");
        return Ok(Exit::Findings);
    }
    write(args, &done)?;
    let names: Vec<&str> = done.added.iter().map(|a| a.name.as_str()).collect();
    output.say(&format!("updated {}: {} allowed now", foreign(&loaded.name), names.join(", ")));
    Ok(if withheld { Exit::Findings } else { Exit::Ok })
}

/// A trace; or another recorder's log, which is read as `import` reads it.
fn trace_or_log(path: &Path, output: &Output) -> Result<Trace, Failure> {
    let named = input::text(path)?;
    match input::log(&named.text) {
        // Whatever filter refused them: that they are allowed is what is wanted of an update.
        Some((_, format)) => super::import::of_text(&named, format, output).map(Trace::with_refused_as_made),
        None => input::parse_trace(&named.name, &named.text),
    }
}

fn wanted(args: &cli::Update) -> Result<Wanted, Failure> {
    let names = args.allow.iter().flat_map(|list| list.split(',')).map(str::trim);
    let allow: BTreeSet<String> = names.filter(|n| !n.is_empty()).map(str::to_owned).collect();
    for name in &allow {
        known_call(name).map_err(|e| failure(&e))?;
    }
    let mode = match args.args {
        cli::ArgsChoice::Auto => ArgsMode::Auto,
        cli::ArgsChoice::Exact => ArgsMode::Exact,
        cli::ArgsChoice::Off => ArgsMode::Off,
    };
    Ok(Wanted { args: mode, allow, leave: BTreeSet::new(), native: input::native()? })
}

fn made(loaded: &Loaded, trace: &Trace, wanted: &Wanted) -> Result<Update, Failure> {
    update(&loaded.text, &loaded.profile, &loaded.evidence, trace, wanted).map_err(|error| {
        let name = &loaded.name;
        let hint = match &error {
            UpdateError::Trace(inner) => return failure(inner),
            UpdateError::Undecided(_) => "update the expanded profile, or add the calls by hand",
            UpdateError::NoRules => "make one: callgate generate TRACE -o PROFILE",
            UpdateError::Stubborn { .. } => "change that rule by hand, then update again",
        };
        Failure::new(format!("cannot update `{name}`: {error}")).hint(hint)
    })
}

fn tell(done: &Update, output: &Output) {
    for left in &done.withheld {
        output.line(&format!(
            "withheld: {}, first by {}: {} — allow it: --allow {}",
            left.name,
            foreign(&left.first_by),
            left.why,
            left.name
        ));
    }
    done.notes.iter().for_each(|note| output.warn(note));
}

/// The calls a person does not want.
fn ask(added: &[Added], output: &Output) -> Result<BTreeSet<String>, Failure> {
    if !std::io::stdin().is_terminal() {
        let message = "--interactive asks on a terminal, and standard input is none";
        return Err(Failure::new(message).hint("leave it out, or use --dry-run to see the patch"));
    }
    let mut left = BTreeSet::new();
    for call in added {
        let count = call.count.map_or_else(String::new, |n| format!(" {n}×,"));
        let question =
            format!("{}:{count} first by {}. Allow it? [y/N] ", call.name, foreign(&call.first_by));
        output.raw_stderr(question.as_bytes());
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        if !(read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")) {
            left.insert(call.name.clone());
        }
    }
    Ok(left)
}

/// A unified diff, to be read and to be given to patch(1).
fn difference(loaded: &Loaded, new: &str) -> String {
    let name = &loaded.name;
    let diff = TextDiff::from_lines(loaded.text.as_str(), new);
    diff.unified_diff().context_radius(2).header(&format!("a/{name}"), &format!("b/{name}")).to_string()
}

/// Writes the profile, with the permissions it had, and its evidence where there is one.
fn write(args: &cli::Update, done: &Update) -> Result<(), Failure> {
    if args.profile.as_os_str() == "-" {
        return Err(Failure::new("a profile from standard input cannot be written back")
            .hint("--dry-run shows the patch"));
    }
    let (patched, _) = profile::read(&done.text)
        .map_err(|e| Failure::new(format!("the patched profile is invalid: {}", e.message)))?;
    let mode = fs::metadata(&args.profile).map_or(0o644, |m| m.permissions().mode() & 0o7777);
    let beside = input::evidence_path(&args.profile);
    let mut file = File::prepare(&args.profile, true, mode)?;
    if fs::symlink_metadata(&beside).is_ok() {
        let evidence = Evidence { profile: Some(input::fingerprint(&patched)), ..done.evidence.clone() };
        File::prepare(&beside, true, 0o600)?.write(evidence.to_json().as_bytes())?;
    }
    file.write(done.text.as_bytes())?;
    Ok(())
}
