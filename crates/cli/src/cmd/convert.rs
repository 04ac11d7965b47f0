//! `callgate convert`: a profile in another form, and what that form cannot hold.

use std::path::Path;

use callgate_check::Subject;
use callgate_check::convert::{self, Lost, Otherwise, Written};
use callgate_check::diff::diff;
use callgate_core::{Arch, Profile, Severity, profile};
use callgate_linux::file::Output as File;

use super::print;
use crate::cli::{Convert, Form};
use crate::exit::{Exit, Failure, Outcome};
use crate::input::{self, Loaded};
use crate::output::{Output, foreign};
use crate::{parse, target};

/// So many things that are lost are named.
const MAX_LOST: usize = 20;

/// Converts.
pub(crate) fn run(args: &Convert, output: &Output) -> Outcome {
    let native = args.arch.as_deref().map_or_else(input::native, parse::arch)?;
    let (name, profile) = source(args, native, output)?;
    let Written { text, lost } = written(args, &profile, native)?;
    for one in lost.iter().filter(|lost| !lost.fatal).take(MAX_LOST) {
        output.warn(&format!("{}: lost: {}", place(&name, one), one.message));
    }
    if lost.len() > MAX_LOST {
        output.warn(&format!("{}: and {} more", foreign(&name), lost.len() - MAX_LOST));
    }
    if let Some(fatal) = lost.iter().find(|lost| lost.fatal) {
        let failure =
            Failure::new(format!("{}: this form cannot hold it: {}", place(&name, fatal), fatal.message));
        let hint = if fatal.message.ends_with("allowed for some arguments only") {
            "--narrow leaves such calls out, --widen allows them for all arguments"
        } else {
            "nothing was written: the result would allow more, or something else"
        };
        return Err(failure.hint(hint));
    }
    if args.output == Path::new("-") {
        print(output, &text)?;
    } else {
        File::prepare(&args.output, args.force, 0o644)?.write(text.as_bytes())?;
        output.say(&format!("wrote {}", foreign(&args.output.display().to_string())));
    }
    Ok(if lost.is_empty() { Exit::Ok } else { Exit::Findings })
}

fn place(name: &str, lost: &Lost) -> String {
    let line = if lost.line > 0 { format!(":{}", lost.line) } else { String::new() };
    format!("{}{line}", foreign(name))
}

/// Reads what is to be converted.
fn source(args: &Convert, native: Arch, output: &Output) -> Result<(String, Profile), Failure> {
    let named = input::text(&args.file)?;
    let name = named.name.clone();
    let form = match args.from {
        Some(Form::Spo) => convert::Form::Spo,
        None if named.text.contains("kind: SeccompProfile") => convert::Form::Spo,
        Some(Form::Systemd) => convert::Form::Systemd,
        Some(Form::List) => convert::Form::List,
        Some(Form::Oci | Form::Docker) | None => {
            let loaded = input::profile_of(&args.file, named).map_err(|failure| match failure.hint {
                None => failure.hint("--from systemd or --from list says that it is no JSON"),
                Some(_) => failure,
            })?;
            return Ok((name, expanded(args, &loaded, native, output)?));
        }
    };
    let (profile, notes) = convert::read(&named.text, form, native)
        .map_err(|message| Failure::new(format!("{}: {}", foreign(&name), foreign(&message))))?;
    let open = notes.iter().find(|note| note.severity == Severity::Error).filter(|_| !args.widen);
    if let Some(open) = open {
        let failure = Failure::new(format!("{}: {}", foreign(&name), foreign(&open.message)));
        return Err(failure.hint("nothing was written; --widen writes it all the same"));
    }
    for note in notes {
        let hint = note.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
        output.warn(&format!("{}: {}{hint}", foreign(&name), foreign(&note.message)));
    }
    Ok((name, profile))
}

/// A profile without keys whose effect depends on who reads them: what the loader that is named hands over.
fn expanded(args: &Convert, loaded: &Loaded, native: Arch, output: &Output) -> Result<Profile, Failure> {
    let mut profile = if args.place.is_named() {
        let resolved = target::resolved(loaded, &args.place.target(native)?)?;
        target::tell(loaded, &resolved, output);
        target::flat(loaded, &resolved)?
    } else {
        loaded.tell_notes(output);
        loaded.meaning_on(native)?;
        loaded.profile.clone()
    };
    if args.to == Form::Docker {
        for rule in &mut profile.rules {
            let reason = rule.names.first().and_then(|name| loaded.evidence.reason(rule, &name.text));
            rule.comment = rule.comment.take().or_else(|| reason.map(str::to_owned));
        }
    }
    Ok(profile)
}

/// The text, which is read back: where nothing was lost it means the same, and nothing is allowed that was not, unless that
/// was asked for.
fn written(args: &Convert, given: &Profile, native: Arch) -> Result<Written, Failure> {
    let form = match args.to {
        Form::Oci => return Ok(Written { text: profile::write(given, false), lost: comments(given) }),
        Form::Docker => return Ok(Written { text: profile::write(given, true), lost: Vec::new() }),
        Form::Spo => convert::Form::Spo,
        Form::Systemd => convert::Form::Systemd,
        Form::List => convert::Form::List,
    };
    let otherwise = match (args.narrow, args.widen) {
        (true, _) => Otherwise::Narrow,
        (_, true) => Otherwise::Widen,
        _ => Otherwise::Refuse,
    };
    let stem =
        args.file.file_stem().map(|stem| stem.to_string_lossy().to_ascii_lowercase().replace('_', "-"));
    let name = args.name.clone().or(stem).filter(|name| name != "-").unwrap_or_else(|| "profile".to_owned());
    let written = convert::write(given, form, &name, otherwise);
    if !written.lost.iter().any(|lost| lost.fatal) {
        prove(given, &written, (form, otherwise), native)?;
    }
    Ok(written)
}

fn comments(given: &Profile) -> Vec<Lost> {
    let with = given.rules.iter().find(|rule| rule.comment.is_some());
    let lost = |line| Lost { message: "comments, which OCI has not".to_owned(), line, fatal: false };
    with.map(|rule| lost(rule.line)).into_iter().collect()
}

fn prove(
    given: &Profile,
    written: &Written,
    (form, otherwise): (convert::Form, Otherwise),
    native: Arch,
) -> Result<(), Failure> {
    let bug = |what: String| Failure::new(format!("the result is wrong: {what}")).exit(Exit::Bug);
    let (back, _) = convert::read(&written.text, form, native).map_err(bug)?;
    let meant = profile::meaning(given, native);
    // Lists say nothing of architectures, and systemd's nothing of those it has no name for: both are said to be lost.
    let silent = form == convert::Form::List || !written.lost.is_empty();
    let back = if silent { Profile { architectures: given.architectures.clone(), ..back } } else { back };
    let became = profile::meaning(&back, native);
    let subject = |meaning, profile| Subject { meaning, profile, native };
    let changes = diff(&subject(&meant, Some(given)), &subject(&became, Some(&back)))
        .map_err(|e| Failure::new(format!("undecided: {e}")).hint("simplify the conditions"))?;
    let wrong = changes
        .iter()
        .find(|change| written.lost.is_empty() || (change.widens() && otherwise != Otherwise::Widen));
    match wrong {
        Some(change) => Err(bug(format!("{} on {}", change.name.unwrap_or("a call"), change.witness.arch))
            .hint("nothing was written; this is a bug, please report it")),
        None => Ok(()),
    }
}
