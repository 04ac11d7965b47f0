//! `callgate diff`: what changes from one profile to another, by meaning.

use callgate_check::diff::{Change, diff};
use serde::Serialize;

use super::{print, print_json};
use crate::changes::{self, Entry};
use crate::cli::{Diff, FailOn, Format};
use crate::exit::{Exit, Failure, Outcome};
use crate::output::Output;
use crate::subject::{self, Subject};

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    /// `equal` or `different`.
    result: &'static str,
    before: String,
    after: String,
    changes: Vec<Entry>,
    /// What differs beside the meaning.
    notes: Vec<String>,
}

/// Compares.
pub(crate) fn run(args: &Diff, output: &Output) -> Outcome {
    let both = subject::read(&[&args.before, &args.after], &args.on, output)?;
    let [before, after] = both.as_slice() else { return Err(Failure::new("two profiles are needed")) };
    let changes = diff(&before.as_check(), &after.as_check()).map_err(|e| {
        Failure::new(format!("undecided: {e}")).hint("simplify its conditions in either profile")
    })?;
    let notes = beside(before, after);
    let names = (before.name.as_str(), after.name.as_str());
    if args.as_review {
        print(output, &changes::review(&changes, names))?;
    } else if args.format == Format::Json {
        let document = Document {
            schema: "callgate.dev/diff/v1",
            result: if changes.is_empty() { "equal" } else { "different" },
            before: before.name.clone(),
            after: after.name.clone(),
            changes: changes.iter().map(Entry::from).collect(),
            notes: notes.clone(),
        };
        print_json(output, &document)?;
    } else {
        print(output, &changes::text(&changes, names, output.width()))?;
    }
    for note in &notes {
        output.warn(note);
    }
    let fails = match args.fail_on {
        FailOn::Any => !changes.is_empty(),
        FailOn::Widened => changes.iter().any(Change::widens),
    };
    Ok(if fails { Exit::Findings } else { Exit::Ok })
}

/// What is not the same although no call shows it: how the filter is loaded, and who answers it.
fn beside(before: &Subject, after: &Subject) -> Vec<String> {
    let (Some(a), Some(b)) = (before.profile(), after.profile()) else { return Vec::new() };
    let sorted = |list: &[String]| {
        let mut list = list.to_vec();
        list.sort();
        list
    };
    let unknown = |p: &callgate_core::Profile| {
        sorted(
            &p.architectures.iter().filter(|a| a.arch.is_none()).map(|a| a.name.clone()).collect::<Vec<_>>(),
        )
    };
    let differs = [
        ("flags", sorted(&a.flags) != sorted(&b.flags)),
        ("listenerPath", a.listener_path != b.listener_path),
        ("listenerMetadata", a.listener_metadata != b.listener_metadata),
        ("architectures that callgate has no calls of", unknown(a) != unknown(b)),
    ];
    let differs = differs.into_iter().filter(|(_, differs)| *differs);
    differs.map(|(what, _)| format!("not compared by calls, and different: {what}")).collect()
}
