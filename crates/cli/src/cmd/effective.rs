//! `callgate effective`: what is left of a profile where others apply beside it.

use std::fmt::Write as _;

use callgate_check::Subject as Checked;
use callgate_check::diff::Kind;
use callgate_check::merge::{How, Taken, merge, taken};
use callgate_core::set::ArgBox;
use callgate_core::{Arch, Call, Profile, profile, sysno};
use serde::Serialize;

use super::{print, print_json};
use crate::changes::{self, Entry};
use crate::cli::{Effective, Format};
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Output, counted, foreign};
use crate::subject::{self, Subject};

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    /// The baselines in their order, the bases, then the profile.
    inputs: Vec<String>,
    rules: Vec<Rule>,
    /// Calls that the profile allows and what is left does not.
    taken_away: Vec<Loss>,
    /// Calls that the profile refuses, too, in another way.
    otherwise: Vec<Loss>,
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
    /// The baselines and bases that do what is done now.
    by: Vec<String>,
}

/// Intersects.
pub(crate) fn run(args: &Effective, output: &Output) -> Outcome {
    let beside = args.baseline.iter().chain(&args.base);
    let names: Vec<&str> = beside.chain([&args.profile]).map(String::as_str).collect();
    let all = subject::read(&names, &args.on, output)?;
    let subjects: Vec<Checked<'_>> = all.iter().map(Subject::as_check).collect();
    let (made, notes) = merge(&subjects, How::Intersection).map_err(|e| subject::inexpressible(&e))?;
    let native = subjects[0].native;
    let meaning = profile::meaning(&made, native);
    let left = Checked { meaning: &meaning, profile: None, native };
    let lost = taken(&subjects, &left)
        .map_err(|e| Failure::new(format!("undecided: {e}")).hint("simplify its conditions"))?;
    subject::tell(&notes, output);
    if args.format == Format::Json {
        let (taken_away, otherwise): (Vec<&Taken>, Vec<&Taken>) = lost.iter().partition(|l| is_taken(l));
        let losses = |list: Vec<&Taken>| list.into_iter().map(|taken| loss(taken, &all)).collect();
        let document = Document {
            schema: "callgate.dev/effective/v1",
            inputs: all.iter().map(|s| s.name.clone()).collect(),
            rules: made.rules.iter().map(|rule| origin(rule, &subjects, &all)).collect(),
            taken_away: losses(taken_away),
            otherwise: losses(otherwise),
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

fn is_taken(taken: &Taken) -> bool {
    taken.change.kind == Kind::Refused
}

fn by(taken: &Taken, all: &[Subject]) -> Vec<String> {
    taken.by.iter().map(|at| all[*at].name.clone()).collect()
}

fn loss(taken: &Taken, all: &[Subject]) -> Loss {
    Loss { change: (&taken.change).into(), by: by(taken, all) }
}

fn text(lost: &[Taken], made: &Profile, all: &[Subject]) -> String {
    let name = all.last().map(|s| foreign(&s.name)).unwrap_or_default();
    let taken: Vec<&Taken> = lost.iter().filter(|l| is_taken(l)).collect();
    let mut out = match taken.as_slice() {
        [] => format!("nothing that {name} allows is taken away\n"),
        _ => format!("of what {name} allows is taken away\n"),
    };
    for taken in &taken {
        let change = &taken.change;
        let some = if change.conditional { "some calls, as " } else { "" };
        let what = changes::example(change);
        let by = foreign(&by(taken, all).join(", "));
        let _ = writeln!(out, "  {some}{what} on {}: {}, by {by}", change.witness.arch, change.after.action);
    }
    let otherwise = (lost.len() - taken.len()) as u64;
    if otherwise > 0 {
        let _ = writeln!(out, "refused by both, and now in another way: {}", counted(otherwise, "call"));
    }
    let _ = writeln!(out, "left: {}", counted(made.rules.len() as u64, "rule"));
    out
}
