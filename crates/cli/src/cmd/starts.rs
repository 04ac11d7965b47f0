//! `callgate show P --starts-under RUNTIME`: whether a container starts under a profile.

use std::collections::BTreeMap;

use callgate_core::floor::{self, Class, Found, Missing, Refusal, Way};
use callgate_core::{Arch, Profile, profile};
use serde::Serialize;

use super::{print, print_json};
use crate::cli::{Format, Show};
use crate::exit::{Exit, Failure, Outcome};
use crate::input::{self, Loaded};
use crate::output::{Output, foreign, wrap};
use crate::parse;

#[derive(Serialize)]
struct Document<'f> {
    schema: &'static str,
    runtime: &'static str,
    version: Option<&'f str>,
    nnp: Option<bool>,
    note: Option<&'f str>,
    #[serde(flatten)]
    create: WayDoc<'f>,
    exec: WayDoc<'f>,
}

#[derive(Serialize)]
struct WayDoc<'f> {
    starts: bool,
    missing: Vec<&'f str>,
    classes: BTreeMap<&'f str, &'static str>,
    fatal: Vec<&'f str>,
    some_arguments: Vec<&'f str>,
}

/// Says whether it starts; exit 1 where it does not, under one of them.
pub(super) fn run(args: &Show, loaded: &Loaded, runtimes: &str, output: &Output) -> Outcome {
    let runtimes = parse::runtimes("--starts-under", runtimes)?;
    // Not its result, but whether it has one: loaders would disagree about what the profile means.
    loaded.meaning()?;
    let native = input::native()?;
    let profile = &loaded.profile;
    // A profile of another machine is asked about that machine.
    let theirs = profile.architectures.iter().find_map(|a| a.arch);
    let arch = theirs.filter(|_| profile::is_foreign(profile, native)).unwrap_or(native);
    if args.format == Format::Json {
        let [found] = runtimes.as_slice() else {
            let failure = Failure::new("--starts-under with --format json takes one runtime");
            return Err(failure.hint("ask about each by itself"));
        };
        return json(args, profile, found, arch, output);
    }
    loaded.tell_notes(output);
    if let Some(note) = not_measured(arch) {
        output.warn(&note);
    }
    let mut exit = Exit::Ok;
    for found in &runtimes {
        if human(args, loaded, found, arch, output)? == Exit::Findings {
            exit = Exit::Findings;
        }
    }
    Ok(exit)
}

/// What is to be said where a floor is asked for on another architecture than it was measured on.
fn not_measured(arch: Arch) -> Option<String> {
    (arch != Arch::X86_64)
        .then(|| format!("floors were measured on x86_64: on {arch} a runtime may call others"))
}

fn json(args: &Show, profile: &Profile, found: &Found, arch: Arch, output: &Output) -> Outcome {
    let [create, exec] = &Way::ALL.map(|way| floor::starts(profile, arch, found, way, args.nnp));
    let notes: Vec<String> = [found.note.clone(), not_measured(arch)].into_iter().flatten().collect();
    let note = notes.join("; ");
    print_json(
        output,
        &Document {
            schema: "callgate.dev/starts/v1",
            runtime: found.runtime,
            version: found.version.as_deref(),
            nnp: args.nnp,
            note: Some(note.as_str()).filter(|note| !note.is_empty()),
            create: way(create),
            exec: way(exec),
        },
    )?;
    Ok(if starts(create) { Exit::Ok } else { Exit::Findings })
}

fn human(args: &Show, loaded: &Loaded, found: &Found, arch: Arch, output: &Output) -> Outcome {
    let [create, exec] = &Way::ALL.map(|way| floor::starts(&loaded.profile, arch, found, way, args.nnp));
    found.note.iter().for_each(|note| output.warn(note));
    let list = |missing: &[Missing]| list(missing, args.why, output.width());
    let mut text = headline(&loaded.name, found, args.nnp, starts(create)) + &list(create);
    // Who cannot start a container does not ask what can be executed in it.
    if starts(create) && !starts(exec) {
        text += "but nothing can be executed in it, as probes and `exec` do\n";
        text += &list(exec);
    }
    if !starts(create) {
        output.say(&format!("add the floor when the profile is made: --for {}", found.label()));
    }
    print(output, &text)?;
    Ok(if starts(create) { Exit::Ok } else { Exit::Findings })
}

fn starts(missing: &[Missing]) -> bool {
    !missing.iter().any(|m| m.fatal)
}

fn way(missing: &[Missing]) -> WayDoc<'_> {
    let partly = |m: &&Missing| matches!(m.refusal, Refusal::SomeArguments(_));
    WayDoc {
        starts: starts(missing),
        missing: missing.iter().map(|m| m.name).collect(),
        classes: missing.iter().map(|m| (m.name, class(m))).collect(),
        fatal: missing.iter().filter(|m| m.fatal).map(|m| m.name).collect(),
        some_arguments: missing.iter().filter(partly).map(|m| m.name).collect(),
    }
}

/// What a call is to the start, under this profile: a runtime lives with some refusals of it only.
fn class(missing: &Missing) -> &'static str {
    match missing.need.class {
        Class::Tolerated | Class::OnlyEperm if missing.fatal => Class::Required.name(),
        class => class.name(),
    }
}

fn headline(name: &str, found: &Found, nnp: Option<bool>, starts: bool) -> String {
    let setting = match nnp {
        Some(true) => "with no_new_privs",
        Some(false) => "without no_new_privs",
        None => "with and without no_new_privs",
    };
    let verb = if starts { "starts" } else { "does not start" };
    format!("{} {verb} under {}, {setting}\n", foreign(name), found.label())
}

/// Missing calls by what they mean for the start.
fn list(missing: &[Missing], why: bool, width: usize) -> String {
    let mut kinds: BTreeMap<(u8, &str), Vec<&Missing>> = BTreeMap::new();
    for m in missing {
        let kind = match (m.fatal, m.need.class) {
            (true, Class::Asynchronous) => (1, "missing, and needed in some runs"),
            (true, Class::OnlyEperm) => (2, "missing, and needed where the process is not root's"),
            (true, _) => (0, "missing, and needed"),
            (false, Class::Asynchronous) => (4, "missing, and never seen to be needed"),
            (false, _) => (3, "missing, and lived with"),
        };
        kinds.entry(kind).or_default().push(m);
    }
    let mut text = String::new();
    for ((_, title), calls) in kinds {
        let calls: Vec<String> = calls.iter().map(|m| call(m, why)).collect();
        if why {
            text += &format!("  {title}:\n");
            text.extend(calls.iter().map(|c| wrap(&format!("    {c}"), width, "        ") + "\n"));
        } else {
            text += &(wrap(&format!("  {title}: {}", calls.join(", ")), width, "      ") + "\n");
        }
    }
    text
}

fn call(missing: &Missing, why: bool) -> String {
    let how = match missing.refusal {
        Refusal::Whole(action) => action.to_string(),
        Refusal::SomeArguments(action) => format!("{action}, allowed only for some arguments"),
    };
    let why = if why { format!(" — {}", missing.need.why) } else { String::new() };
    format!("{} ({how}){why}", missing.name)
}
