//! Reading what the user names: profiles, traces, evidence; `-` is standard input.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use callgate_bpf::looks_like_filter;
use callgate_core::evidence::Evidence;
use callgate_core::import::{self, Format, Other};
use callgate_core::profile::{self, line_of};
use callgate_core::{Arch, Diagnostic, Meaning, Profile, Severity, Trace, baseline, suggest, trace};
use sha2::{Digest as _, Sha256};

use crate::exit::{Exit, Failure};
use crate::output::{Output, foreign};

/// Larger files are no profile and no trace.
const MAX_BYTES: u64 = 256 << 20;

/// A text and what to call it.
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// What to call a file in messages.
pub(crate) fn name(path: &Path) -> String {
    if path == Path::new("-") { "<stdin>".to_owned() } else { path.display().to_string() }
}

/// Why a file cannot be read.
pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let failure = Failure::new(format!("cannot read `{}`: {error}", name(path)));
    match error.kind() {
        std::io::ErrorKind::NotFound => failure.hint(missing(path)).exit(Exit::NoInput),
        std::io::ErrorKind::IsADirectory => failure.hint("name a file in it"),
        _ => failure,
    }
}

/// Reads a file, or standard input for `-`, in pieces: however large it is.
pub(crate) fn pieces(path: &Path, take: &mut dyn FnMut(&[u8])) -> Result<(), Failure> {
    // Small enough to stay in the processor's cache until it was looked at.
    let mut piece = vec![0; 64 << 10];
    let mut source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(fs::File::open(path).map_err(|error| unreadable(path, &error))?)
    };
    loop {
        match source.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(length) => take(&piece[..length]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(path, &error)),
        }
    }
}

/// Reads a file, or standard input for `-`.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(MAX_BYTES + 1).read_to_end(&mut bytes)
    } else {
        fs::File::open(path).and_then(|file| {
            let length = file.metadata().map_or(0, |meta| meta.len()).min(MAX_BYTES);
            bytes.reserve_exact(usize::try_from(length).unwrap_or(0) + 1);
            file.take(MAX_BYTES + 1).read_to_end(&mut bytes)
        })
    };
    read.map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > MAX_BYTES {
        let message = format!("cannot read `{}`: larger than {} MiB", name(path), MAX_BYTES >> 20);
        return Err(Failure::new(message));
    }
    Ok(bytes)
}

/// Reads a text, or standard input for `-`.
pub(crate) fn text(path: &Path) -> Result<Named, Failure> {
    text_of(path, bytes(path)?)
}

/// The same of bytes that were read already.
pub(crate) fn text_of(path: &Path, bytes: Vec<u8>) -> Result<Named, Failure> {
    let name = name(path);
    // Some are UTF-8: nothing of them but their opcodes tells them from a text.
    if looks_like_filter(&bytes) {
        let message = format!("`{name}`: this is a raw filter, neither a profile nor a trace");
        return Err(Failure::new(message).hint(filters(&path.display().to_string())));
    }
    let text = String::from_utf8(bytes).map_err(|e| {
        Failure::new(format!("cannot read `{name}`: not UTF-8 text (byte {})", e.utf8_error().valid_up_to()))
    })?;
    Ok(Named { name, text })
}

/// Which verbs take a filter, for who names one where a text is read.
fn filters(file: &str) -> String {
    format!(
        "`callgate disasm {file}` shows it, `callgate sim {file} --arch ARCH CALL` asks it about a call, \
         `callgate equiv {file} PROFILE` holds it against a profile"
    )
}

/// What may have been meant by a file that is not there.
fn missing(path: &Path) -> String {
    let default = path.to_str().filter(|name| baseline::named(name).is_ok());
    if let Some(name) = default {
        return format!("`callgate default {name} -o {name}.json` writes that runtime's default to a file");
    }
    let dir = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = fs::read_dir(dir).map(|entries| entries.flatten().collect::<Vec<_>>()).unwrap_or_default();
    let mut names: Vec<String> = entries.iter().filter_map(|e| e.file_name().into_string().ok()).collect();
    names.sort();
    let name = path.file_name().map(|n| n.to_string_lossy()).unwrap_or_default();
    match suggest::nearest(&name, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{}`?", dir.join(near).display()),
        None => "`callgate learn -o PROFILE -- COMMAND` makes a profile, `callgate record -o TRACE -- COMMAND` a trace"
            .to_owned(),
    }
}

/// What a JSON text of ours is, as far as its beginning says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Trace,
    Evidence,
    Filter,
    Profile,
    Unknown,
}

/// Looks at the beginning of a text. An empty one is taken for a cut-off trace.
pub(crate) fn kind(text: &str) -> Kind {
    let head: String = text.chars().take(400).collect();
    if head.contains("\"callgate.dev/trace/") || text.trim().is_empty() {
        Kind::Trace
    } else if head.contains("\"callgate.dev/evidence/") {
        Kind::Evidence
    } else if head.contains("\"callgate.dev/filter/") {
        Kind::Filter
    } else if text.contains("\"defaultAction\"") {
        Kind::Profile
    } else {
        Kind::Unknown
    }
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
    profile_of(path, text(path)?)
}

/// The same of a text that was read already: a pipe can be read only once.
pub(crate) fn profile_of(path: &Path, Named { name, text }: Named) -> Result<Loaded, Failure> {
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
        Err(_) if !text.trim().is_empty() && kind(&text) == Kind::Trace => {
            Err(Failure::new(format!("{name}: this is a trace, not a profile"))
                .hint(format!("make a profile of it: callgate generate {name} -o PROFILE")))
        }
        Err(_) if kind(&text) == Kind::Evidence => {
            let profile = name.strip_suffix(".evidence").unwrap_or("PROFILE");
            Err(Failure::new(format!("{name}: this is the evidence of a profile, not a profile"))
                .hint(format!("with its reasons the profile is shown by: callgate show {profile} --why")))
        }
        Err(_) if kind(&text) == Kind::Filter => {
            let file = if name == "<stdin>" { "-" } else { &name };
            Err(Failure::new(format!("{name}: this is a filter, not a profile")).hint(filters(file)))
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

/// Bytes as digests are written.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// What [`Evidence::profile`] says of a profile.
pub(crate) fn fingerprint(profile: &Profile) -> String {
    format!("sha256:{}", hex(&Sha256::digest(profile::write(profile, false))))
}

impl Loaded {
    /// Whether the profile is another one than its evidence was written for. `None`: the evidence does not say.
    pub(crate) fn was_changed(&self) -> Option<bool> {
        self.evidence.profile.as_ref().map(|of| *of != fingerprint(&self.profile))
    }

    /// Says what is worth knowing about the profile.
    pub(crate) fn tell_notes(&self, output: &Output) {
        self.tell_notes_but(&[], output);
    }

    /// The same without notes of some codes.
    pub(crate) fn tell_notes_but(&self, codes: &[&str], output: &Output) {
        // A hostile file has as many notes as lines, or more: each line is looked up, not counted anew.
        let ends: Vec<usize> = self.text.match_indices('\n').map(|(at, _)| at).collect();
        let told = self.notes.iter().filter(|note| !codes.contains(&note.code));
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for note in told.clone() {
            *counts.entry(note.message.as_str()).or_default() += 1;
        }
        // What is so on many lines is said of the first.
        for note in told {
            let Some(count) = counts.remove(note.message.as_str()) else { continue };
            let line = note.span.as_ref().map_or(0, |s| 1 + ends.partition_point(|end| *end < s.start));
            let more = if count > 1 { format!(" (and on {} more lines)", count - 1) } else { String::new() };
            let hint = note.hint.as_ref().map(|h| format!("; {h}")).unwrap_or_default();
            output.warn(&format!("{}:{line}: {}{more}{hint}", self.name, note.message));
        }
    }

    /// What the profile means on this machine; an error where loaders would disagree.
    pub(crate) fn meaning(&self) -> Result<Meaning, Failure> {
        self.meaning_on(native()?)
    }

    /// What the profile means on a machine of this architecture.
    pub(crate) fn meaning_on(&self, native: Arch) -> Result<Meaning, Failure> {
        let found = profile::undecidable(&self.profile);
        if let Some(first) = found.iter().find(|d| d.severity == Severity::Error) {
            let line = first.span.as_ref().map_or(0, |s| line_of(&self.text, s.start));
            let failure = Failure::new(format!("{}:{line}: {}", self.name, first.message));
            return Err(Failure { hint: first.hint.clone(), ..failure });
        }
        Ok(profile::meaning(&self.profile, native))
    }

    /// Says where the profile was written for other machines: runtimes load it all the same.
    pub(crate) fn tell_if_foreign(&self, output: &Output) -> Result<(), Failure> {
        let native = native()?;
        if profile::is_foreign(&self.profile, native) {
            let theirs: Vec<&str> = self.profile.architectures.iter().map(|a| a.name.as_str()).collect();
            output.warn(&format!(
                "{} is for {}; this machine is {}. Its names are filtered here all the same, as a runtime does it, \
                 but calls that only this machine has are not in it",
                foreign(&self.name),
                foreign(&theirs.join(", ")),
                native.oci()
            ));
        }
        Ok(())
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
        match kind(text) {
            Kind::Profile => Failure::new(format!("`{name}`: this is a profile, not a trace")).hint(
                "`callgate record -o TRACE -- COMMAND` makes a trace; profiles are not made into others",
            ),
            Kind::Evidence => {
                Failure::new(format!("`{name}`: this is the evidence of a profile, not a trace"))
                    .hint("`callgate record -o TRACE -- COMMAND` makes a trace")
            }
            Kind::Filter => Failure::new(format!("`{name}`: this is a filter, not a trace"))
                .hint("`callgate record -o TRACE -- COMMAND` makes a trace"),
            Kind::Trace | Kind::Unknown => match log(text) {
                Some((what, _)) => Failure::new(format!("`{name}`: this is {}, not a trace", what.words()))
                    .hint(what.hint().replace("FILE", name)),
                None => Failure::new(format!("`{name}`: {error}")).exit(exit),
            },
        }
    })
}

/// Whether a text is another recorder's log of lines, and how it is read.
pub(crate) fn log(text: &str) -> Option<(Other, Format)> {
    let what = import::recognise(text.as_bytes())?;
    let lines = [Format::Strace, Format::Audit, Format::Perf, Format::Falco];
    what.format().filter(|format| lines.contains(format)).map(|format| (what, format))
}

/// This machine's architecture.
pub(crate) fn native() -> Result<Arch, Failure> {
    Arch::native().ok_or_else(|| {
        let message =
            format!("callgate has no system call table for this machine ({})", std::env::consts::ARCH);
        Failure::new(message)
    })
}
