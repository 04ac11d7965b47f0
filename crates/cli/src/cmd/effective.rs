//! `callgate effective`: what is left of a profile where others apply beside it.

use std::fmt::Write as _;

use callgate_check::Subject as Checked;
use callgate_check::merge::{How, Taken, merge, taken};
use callgate_core::set::ArgBox;
use callgate_core::{Arch, Call, Profile, profile, sysno};
use serde::Serialize;

use super::{print, print_json};
use crate::changes::{self, Entry};
use crate::cli::{Effective, Format};
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Output, foreign};
use crate::subject::{self, Subject};

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    /// The baselines in their order, then the profile.
    inputs: Vec<String>,
    rules: Vec<Rule>,
    taken_away: Vec<Loss>,
}

/// A rule of what is left, and where it is from.
#[derive(Serialize)]
struct Rule {
    names: Vec<String>,
    action: &'static str,
    errno: Option<u16>,
    /// Whether it holds for some arguments only.
    conditional: bool,
    /// Those of the inputs that do the same with the calls of the rule.
    from: Vec<String>,
}

#[derive(Serialize)]
struct Loss {
    #[serde(flatten)]
    change: Entry,
    /// The baselines that do what is done now.
    by: Vec<String>,
}

/// Intersects.
pub(crate) fn run(args: &Effective, output: &Output) -> Outcome {
    let names: Vec<&str> = args.baseline.iter().chain([&args.profile]).map(String::as_str).collect();
    let all = subject::read(&names, &args.on, output)?;
    let subjects: Vec<Checked<'_>> = all.iter().map(Subject::as_check).collect();
    let (made, notes) = merge(&subjects, How::Intersection).map_err(|e| subject::inexpressible(&e))?;
    let native = subjects[0].native;
    let meaning = profile::meaning(&made, native);
    let left = Checked { meaning: &meaning, profile: None, native };
    let lost = taken(&subjects, &left)
        .map_err(|e| Failure::new(format!("undecided: {e}")).hint("simplify its conditions"))?;
    subject::tell(&notes, output);
    let name_of = |at: &usize| all[*at].name.clone();
    if args.format == Format::Json {
        let document = Document {
            schema: "callgate.dev/effective/v1",
            inputs: all.iter().map(|s| s.name.clone()).collect(),
            rules: made.rules.iter().map(|rule| origin(rule, &subjects, &all)).collect(),
            taken_away: lost
                .iter()
                .map(|l| Loss { change: (&l.change).into(), by: l.by.iter().map(name_of).collect() })
                .collect(),
        };
        print_json(output, &document)?;
    } else {
        print(output, &text(&lost, &made, &all))?;
    }
    if let Some(path) = &args.output {
        subject::write(path, args.force, &made, output)?;
    }
    Ok(Exit::Ok)
}

fn origin(rule: &profile::Rule, subjects: &[Checked<'_>], all: &[Subject]) -> Rule {
    let conditions: Vec<_> =
        rule.conditions.iter().map(|c| (usize::from(c.index), c.op, c.value, c.value_two)).collect();
    let args = ArgBox::from_conditions(&conditions).first().and_then(ArgBox::witness).unwrap_or_default();
    // Calls that share a rule may owe it to different inputs: those count that say so of every one of them.
    let says = |subject: &&Checked<'_>| {
        let numbers = rule.names.iter().flat_map(|name| {
            let number = |arch: &Arch| Some((*arch, sysno::number(*arch, &name.text)?));
            subject.meaning.arches.keys().filter_map(number).collect::<Vec<_>>()
        });
        numbers
            .into_iter()
            .all(|(arch, nr)| subject.meaning.action(&Call { arch, nr, args }) == rule.action.action)
    };
    let from = subjects.iter().zip(all).filter(|(s, _)| says(s)).map(|(_, s)| s.name.clone()).collect();
    Rule {
        names: rule.names.iter().map(|n| n.text.clone()).collect(),
        action: rule.action.action.oci(),
        errno: rule.action.action.errno(),
        conditional: !rule.conditions.is_empty(),
        from,
    }
}

fn text(lost: &[Taken], made: &Profile, all: &[Subject]) -> String {
    let name = all.last().map(|s| foreign(&s.name)).unwrap_or_default();
    if lost.is_empty() {
        return format!("nothing of {name} is taken away: {} rules are left\n", made.rules.len());
    }
    let mut out = format!("of {name} is taken away\n");
    for Taken { change, by } in lost {
        let by: Vec<String> = by.iter().map(|at| foreign(&all[*at].name)).collect();
        let by = if by.is_empty() { "together".to_owned() } else { format!("by {}", by.join(", ")) };
        let some = if change.conditional { "some calls, as " } else { "" };
        let what = changes::example(change);
        let _ = writeln!(
            out,
            "  {some}{what} on {}: {} -> {}, {by}",
            change.witness.arch, change.before.action, change.after.action
        );
    }
    out
}
