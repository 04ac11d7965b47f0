//! `callgate show P --starts-under RUNTIME`: whether a container starts under a profile.

use std::collections::BTreeMap;

use callgate_core::floor::{self, Class, Found, Missing, Refusal, Way};
use serde::Serialize;

use super::{print, print_json};
use crate::cli::{Format, Show};
use crate::exit::{Exit, Outcome};
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

/// Says whether it starts; exit 1 where it does not.
pub(super) fn run(args: &Show, loaded: &Loaded, runtime: &str, output: &Output) -> Outcome {
    let found = parse::runtime(runtime)?;
    // Not its result, but whether it has one: loaders would disagree about what the profile means.
    loaded.meaning()?;
    let native = input::native()?;
    let missing = Way::ALL.map(|way| floor::starts(&loaded.profile, native, &found, way, args.nnp));
    let [create, exec] = &missing;
    let starts = starts(create);
    match args.format {
        Format::Json => print_json(
            output,
            &Document {
                schema: "callgate.dev/starts/v1",
                runtime: found.runtime,
                version: found.version.as_deref(),
                nnp: args.nnp,
                note: found.note.as_deref(),
                create: way(create),
                exec: way(exec),
            },
        )?,
        Format::Human => {
            loaded.tell_notes(output);
            found.note.iter().for_each(|note| output.warn(note));
            let list = |missing: &[Missing]| list(missing, args.why, output.width());
            let mut text = headline(&loaded.name, &found, args.nnp, starts) + &list(create);
            // Who cannot start a container does not ask what can be executed in it.
            if starts && !self::starts(exec) {
                text += "but nothing can be executed in it, as probes and `exec` do\n";
                text += &list(exec);
            }
            if !starts {
                let add = format!("add the floor when the profile is made: --for {}", found.label());
                output.say(&add);
            }
            print(output, &text)?
        }
    };
    Ok(if starts { Exit::Ok } else { Exit::Findings })
}

fn starts(missing: &[Missing]) -> bool {
    !missing.iter().any(|m| m.fatal)
}

fn way(missing: &[Missing]) -> WayDoc<'_> {
    let partly = |m: &&Missing| matches!(m.refusal, Refusal::SomeArguments(_));
    WayDoc {
        starts: starts(missing),
        missing: missing.iter().map(|m| m.name).collect(),
        classes: missing.iter().map(|m| (m.name, m.need.class.name())).collect(),
        fatal: missing.iter().filter(|m| m.fatal).map(|m| m.name).collect(),
        some_arguments: missing.iter().filter(partly).map(|m| m.name).collect(),
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
