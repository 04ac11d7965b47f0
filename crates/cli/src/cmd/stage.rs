//! `callgate stage`: a profile for one step of its way from audit to enforce.

use callgate_check::diff::{Change, Kind, diff};
use callgate_check::merge::lost;
use callgate_core::stage::{LOG_FLAG, Stage, stage};

use crate::changes;
use crate::cli::{self, Staged};
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Output, counted, foreign, wrap};
use crate::subject::{self, Subject};

/// Stages.
pub(crate) fn run(args: &Staged, output: &Output) -> Outcome {
    let both = subject::read(&[&args.profile, &args.baseline], &args.on, output)?;
    let [candidate, baseline] = both.as_slice() else { return Err(Failure::new("two profiles are needed")) };
    let Some(profile) = candidate.profile() else {
        return Err(Failure::new(format!(
            "`{}` is a runtime's default, not a profile to stage",
            candidate.name
        ))
        .hint("name the file of a profile"));
    };
    let beyond = beyond(candidate, baseline)?;
    let dangerous = tell_beyond(&beyond, &baseline.name, output);
    if dangerous > 0 && !args.allow_beyond_baseline {
        output.line("nothing was written: leave them out, or use --allow-beyond-baseline");
        return Ok(Exit::Findings);
    }
    let at = match args.stage {
        cli::Stage::Audit => Stage::Audit,
        cli::Stage::Complain => Stage::Complain,
        cli::Stage::Enforce => Stage::Enforce,
    };
    let subject = candidate.as_check();
    let staged = stage(profile, (&candidate.meaning, &baseline.meaning), at, subject.native);
    let (mut made, mut notes) = staged.map_err(|e| subject::inexpressible(&e))?;
    if args.no_log_flag {
        made.flags.retain(|flag| flag != LOG_FLAG);
    }
    notes.extend(lost(profile, &candidate.meaning));
    subject::tell(&notes, output);
    subject::write(&args.output, args.force, &made, output)
}

/// What the candidate allows and the baseline does not.
fn beyond(candidate: &Subject, baseline: &Subject) -> Result<Vec<Change>, Failure> {
    let changes = diff(&baseline.as_check(), &candidate.as_check())
        .map_err(|e| Failure::new(format!("undecided: {e}")).hint("simplify its conditions"))?;
    Ok(changes.into_iter().filter(|c| c.kind == Kind::Allowed).collect())
}

/// Lists them, the dangerous ones with the reason, even when quiet; says how many those are.
fn tell_beyond(beyond: &[Change], baseline: &str, output: &Output) -> usize {
    let dangerous = beyond.iter().filter(|c| c.danger.is_some()).count();
    for change in beyond.iter().filter(|c| c.danger.is_some()) {
        let why = change.danger.as_deref().unwrap_or_default();
        output.line(&format!(
            "beyond {}: {} on {}: dangerous: {}",
            foreign(baseline),
            changes::example(change),
            change.witness.arch,
            foreign(why)
        ));
    }
    let mut names: Vec<&str> = beyond
        .iter()
        .filter(|c| c.danger.is_none())
        .map(|c| c.name.unwrap_or("numbers without a name"))
        .collect();
    names.sort_unstable();
    names.dedup();
    if !names.is_empty() {
        let count = counted(names.len() as u64, "more call");
        let text = format!("beyond {}, {count}: {}", foreign(baseline), names.join(", "));
        output.say(&wrap(&text, output.width(), "  "));
    }
    dangerous
}
