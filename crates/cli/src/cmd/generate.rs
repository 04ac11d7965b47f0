//! `callgate generate`: traces to a profile with its evidence.

use std::path::Path;

use callgate_core::evidence::{Evidence, Withheld};
use callgate_core::generate::{GenerateError, Generated, Options, generate};
use callgate_core::trace::{Translated, translate};
use callgate_core::{Arch, Trace, profile};
use callgate_linux::file::Output as File;

use super::{lint, print};
use crate::cli::Generate;
use crate::exit::{Exit, Failure, Outcome};
use crate::input;
use crate::output::{Output, counted, foreign};
use crate::parse;
use crate::summary;

/// Generates.
pub(crate) fn run(args: &Generate, output: &Output) -> Outcome {
    let floors = parse::floors(args.runtimes.iter().map(String::as_str), args.nnp)?;
    let mut options = Options { floors, ..parse::policy(&args.policy)? };
    let mut all = Trace::default();
    for path in &args.traces {
        all.merge(&input::trace(path)?);
    }
    if !all.complete && !args.incomplete {
        return Err(incomplete(&all));
    }
    if let Some(arch) = &args.arch {
        all = for_architecture(all, parse::arch(arch)?, &mut options, output);
    }
    let made = generate(&all, &options).map_err(|e| failure(&e))?;
    let text = profile::write(&made.profile, args.policy.with_comments);
    if args.output == Path::new("-") {
        print(output, &text)?;
    } else {
        let mut files = Files::prepare(&args.output, args.force)?;
        files.write(&text, &made)?;
    }
    made.notes.iter().for_each(|note| output.warn(note));
    tell_comments(args.policy.with_comments, output);
    let withheld = withheld(&made);
    for line in &withheld {
        output.line(line);
    }
    if args.output != Path::new("-") {
        tell(&args.output, &made, options.native, output);
    }
    tell_lint(&args.output, &text, output);
    Ok(if withheld.is_empty() { Exit::Ok } else { Exit::Findings })
}

/// An incomplete trace, with all that it says about why.
fn incomplete(trace: &Trace) -> Failure {
    let error = GenerateError::Incomplete { lost: trace.lost };
    let counted = trace.losses.iter().filter(|(_, n)| **n > 0).map(|(what, n)| format!("{what}: {n}"));
    let noted = trace.recordings.iter().flat_map(|r| r.notes.iter().cloned());
    let said: Vec<String> = [error.to_string()].into_iter().chain(counted).chain(noted).collect();
    Failure::new(said.join("; ")).hint("record again, or use --incomplete and expect refusals")
}

/// What was written, and what to do with it: nothing of it was run yet.
fn tell(path: &Path, made: &Generated, native: Arch, output: &Output) {
    let name = foreign(&path.display().to_string());
    let calls = summary::allowed(&profile::meaning(&made.profile, native), native).len();
    output.say(&format!(
        "wrote {name}: {}, not proven; reasons in {name}.evidence",
        counted(calls as u64, "call")
    ));
    output.say(&format!("  next: callgate show {name} --why"));
    output.say(&format!("        callgate run --profile {name} --stage audit -- COMMAND"));
}

/// What lint will say of it: nobody is to learn that from a pipeline.
fn tell_lint(path: &Path, text: &str, output: &Output) {
    let name = input::name(path);
    let codes = lint::codes_of(&name, text);
    if !codes.is_empty() {
        output.say(&format!("  lint: {} (`callgate rule CODE` says more)", codes.join(", ")));
    }
}

/// The trace as another architecture would have made it.
fn for_architecture(trace: Trace, arch: Arch, options: &mut Options, output: &Output) -> Trace {
    options.native = arch;
    if trace.calls.keys().all(|(own, ..)| *own == arch) {
        return trace;
    }
    let Translated { trace, from, notes } = translate(&trace, arch);
    for note in &notes {
        output.warn(note);
    }
    output.warn(&format!(
        "translated to {arch}, not recorded there: audit it on such a machine before it refuses anything"
    ));
    options.translated = from;
    trace
}

/// A failure to generate, with its exit code and way out.
pub(crate) fn failure(error: &GenerateError) -> Failure {
    let failure = Failure::new(error.to_string());
    match error {
        GenerateError::Empty => failure.exit(Exit::NoInput),
        GenerateError::Unresolved { .. } => {
            failure.hint("a newer callgate may know it; until then no profile can name it")
        }
        GenerateError::UnknownCall { .. } | GenerateError::Incomplete { .. } => failure,
    }
}

/// Says which loaders drop comments.
pub(crate) fn tell_comments(with_comments: bool, output: &Output) {
    if with_comments {
        output.say(
            "note: Docker's and Podman's loaders know `comment`; containerd and the OCI runtimes drop it",
        );
    }
}

/// What was left out because it is dangerous, a line each.
pub(crate) fn withheld(made: &Generated) -> Vec<String> {
    let line = |left: &Withheld| {
        let values =
            if left.values.is_empty() { String::new() } else { format!(" with {}", left.values.join(", ")) };
        let first = if left.first_by.is_empty() {
            String::new()
        } else {
            format!(", first by {} after {} ms", foreign(&left.first_by), left.first_ms)
        };
        format!("withheld: {}{values}{first}: {} — allow it: --allow {}", left.name, left.why, left.name)
    };
    made.evidence.withheld.iter().map(line).collect()
}

/// A profile and its evidence, both or neither over somebody's file.
pub(crate) struct Files {
    profile: File,
    evidence: File,
}

impl Files {
    /// Prepares both.
    pub(crate) fn prepare(path: &Path, force: bool) -> Result<Self, Failure> {
        let profile = File::prepare(path, force, 0o644)?;
        let evidence = File::prepare(&input::evidence_path(path), force, 0o600)?;
        Ok(Self { profile, evidence })
    }

    /// Writes both, the evidence first: a profile never stands beside an older one's reasons.
    pub(crate) fn write(&mut self, text: &str, made: &Generated) -> Result<(), Failure> {
        let of = Some(input::fingerprint(&made.profile));
        let evidence = Evidence { profile: of, ..made.evidence.clone() };
        self.evidence.write(evidence.to_json().as_bytes())?;
        self.profile.write(text.as_bytes()).inspect_err(|_| self.evidence.discard())?;
        Ok(())
    }
}
