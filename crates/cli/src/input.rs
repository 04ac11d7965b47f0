//! Reading what the user names: profiles, traces, evidence; `-` is standard input.

use std::fs;
use std::io::Read;
use std::path::Path;

use callgate_core::evidence::Evidence;
use callgate_core::profile::{self, line_of};
use callgate_core::{Arch, Diagnostic, Meaning, Profile, Severity, Trace, trace};

use crate::exit::{Exit, Failure};
use crate::output::Output;

/// Larger files are no profile and no trace.
const MAX_BYTES: u64 = 256 << 20;

/// A text and what to call it.
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Reads a file, or standard input for `-`.
pub(crate) fn text(path: &Path) -> Result<Named, Failure> {
    let name = if path == Path::new("-") { "<stdin>".to_owned() } else { path.display().to_string() };
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(MAX_BYTES + 1).read_to_end(&mut bytes)
    } else {
        fs::File::open(path).and_then(|f| f.take(MAX_BYTES + 1).read_to_end(&mut bytes))
    };
    if let Err(error) = read {
        let exit = if error.kind() == std::io::ErrorKind::NotFound { Exit::NoInput } else { Exit::Failed };
        return Err(Failure::new(format!("cannot read `{name}`: {error}")).exit(exit));
    }
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Failure::new(format!("cannot read `{name}`: larger than {} MiB", MAX_BYTES >> 20)));
    }
    let text = String::from_utf8(bytes).map_err(|e| {
        Failure::new(format!("cannot read `{name}`: not UTF-8 text (byte {})", e.utf8_error().valid_up_to()))
    })?;
    Ok(Named { name, text })
}

/// A profile with its text, its reasons and its raw OCI meaning here.
pub(crate) struct Loaded {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) profile: Profile,
    pub(crate) evidence: Evidence,
    pub(crate) notes: Vec<Diagnostic>,
}

/// Reads a profile and the evidence beside it.
pub(crate) fn profile(path: &Path) -> Result<Loaded, Failure> {
    let Named { name, text } = text(path)?;
    let mut loaded = parse_profile(name, text)?;
    let beside = evidence_path(path);
    if path != Path::new("-") && fs::symlink_metadata(&beside).is_ok() {
        if !fs::metadata(&beside).is_ok_and(|m| m.is_file()) {
            return Err(
                Failure::new(format!("`{}` is not a regular file", beside.display())).hint("remove it")
            );
        }
        let text = self::text(&beside)?.text;
        let wrong = |e: String| {
            Failure::new(format!("`{}`: {e}", beside.display())).hint("remove it, or learn again")
        };
        loaded.evidence = Evidence::from_json(&text).map_err(wrong)?;
    }
    Ok(loaded)
}

/// Reads a profile from its text.
pub(crate) fn parse_profile(name: String, text: String) -> Result<Loaded, Failure> {
    match profile::read(&text) {
        Ok((profile, notes)) => Ok(Loaded { name, text, profile, evidence: Evidence::default(), notes }),
        Err(_) if text.contains("\"callgate.dev/trace/") => {
            Err(Failure::new(format!("{name}: this is a trace, not a profile"))
                .hint(format!("make a profile of it: callgate generate {name} -o PROFILE")))
        }
        Err(error) => Err(Failure {
            hint: error.hint,
            ..Failure::new(format!("{name}:{}: invalid profile: {}", error.line, error.message))
        }),
    }
}

/// Where the reasons of a profile are.
pub(crate) fn evidence_path(profile: &Path) -> std::path::PathBuf {
    let mut name = profile.as_os_str().to_owned();
    name.push(".evidence");
    name.into()
}

impl Loaded {
    /// Says what is worth knowing about the profile.
    pub(crate) fn tell_notes(&self, output: &Output) {
        for note in &self.notes {
            let line = note.span.as_ref().map_or(0, |s| line_of(&self.text, s.start));
            let hint = note.hint.as_ref().map(|h| format!("; {h}")).unwrap_or_default();
            output.warn(&format!("{}:{line}: {}{hint}", self.name, note.message));
        }
    }

    /// What the profile means on this machine; an error where loaders would disagree.
    pub(crate) fn meaning(&self) -> Result<Meaning, Failure> {
        let found = profile::undecidable(&self.profile);
        if let Some(first) = found.iter().find(|d| d.severity == Severity::Error) {
            let line = first.span.as_ref().map_or(0, |s| line_of(&self.text, s.start));
            let failure = Failure::new(format!("{}:{line}: {}", self.name, first.message));
            return Err(Failure { hint: first.hint.clone(), ..failure });
        }
        Ok(profile::meaning(&self.profile, native()?))
    }

    /// The line of `defaultAction`, from 1.
    pub(crate) fn default_line(&self) -> usize {
        self.text.find("\"defaultAction\"").map_or(1, |at| line_of(&self.text, at))
    }
}

/// Reads a trace.
pub(crate) fn trace(path: &Path) -> Result<Trace, Failure> {
    let Named { name, text } = text(path)?;
    parse_trace(&name, &text)
}

/// Reads a trace from its text.
pub(crate) fn parse_trace(name: &str, text: &str) -> Result<Trace, Failure> {
    trace::read(text).map_err(|error| {
        let exit = if matches!(error, trace::ReadError::Empty) { Exit::NoInput } else { Exit::Failed };
        Failure::new(format!("`{name}`: {error}")).exit(exit)
    })
}

/// This machine's architecture.
pub(crate) fn native() -> Result<Arch, Failure> {
    Arch::native().ok_or_else(|| {
        let message =
            format!("callgate has no system call table for this machine ({})", std::env::consts::ARCH);
        Failure::new(message)
    })
}
