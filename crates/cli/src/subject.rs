//! Profiles that are held against each other: files, or runtimes' defaults by name, all on one machine.

use std::path::Path;

use callgate_check as check;
use callgate_core::baseline::{self, Machine, UnknownDefault};
use callgate_core::{Arch, Diagnostic, Meaning, Profile, profile};
use callgate_linux::file::Output as File;

use crate::cli::{On, Where};
use crate::cmd::print;
use crate::exit::{Exit, Failure, Outcome};
use crate::input::{self, Loaded};
use crate::output::{Output, foreign};
use crate::{parse, target};

/// A profile or a runtime's default, and what it means.
pub(crate) struct Subject {
    /// What to call it.
    pub(crate) name: String,
    pub(crate) meaning: Meaning,
    pub(crate) loaded: Option<Loaded>,
    native: Arch,
}

impl Subject {
    /// As the analyses take it.
    pub(crate) fn as_check(&self) -> check::Subject<'_> {
        check::Subject { meaning: &self.meaning, profile: self.profile(), native: self.native }
    }

    pub(crate) fn profile(&self) -> Option<&Profile> {
        self.loaded.as_ref().map(|loaded| &loaded.profile)
    }
}

/// A runtime's default by that name, on the machine that the flags describe; `None`: there is none of that name.
pub(crate) fn default_of(name: &str, on: &On, native: Arch) -> Result<Option<Meaning>, Failure> {
    let edition = match baseline::named(name) {
        Ok(edition) => edition,
        Err(UnknownDefault::Name { .. }) => return Ok(None),
        Err(error) => return Err(Failure::new(foreign(&error.to_string()))),
    };
    let caps = target::caps(&on.caps, edition.baseline.caps)?;
    let machine = Machine { arch: native, kernel: target::kernel(on.kernel.as_deref())?, caps };
    Ok(Some(edition.meaning(&machine)))
}

/// What a name that is neither a default's nor a file's may have meant.
pub(crate) fn neither(name: &str) -> Failure {
    let failure = Failure::new(format!("`{}` is neither a known baseline nor a file", foreign(name)));
    match baseline::named(name) {
        Err(error) => failure.hint(foreign(&error.to_string())),
        Ok(_) => failure,
    }
}

/// Reads all of them, on the machine that the flags describe.
pub(crate) fn read(names: &[&str], on: &On, output: &Output) -> Result<Vec<Subject>, Failure> {
    if names.iter().filter(|name| **name == "-").count() > 1 {
        return Err(Failure::new("only one can be standard input").hint("name files for the others"));
    }
    let arches = on.arch.iter().map(|name| parse::arch(name)).collect::<Result<Vec<Arch>, _>>()?;
    let mut loaded = Vec::new();
    for name in names {
        loaded.push(file(name)?);
    }
    let native = match arches.first() {
        Some(arch) => *arch,
        None => home(&loaded)?,
    };
    let mut subjects = Vec::new();
    for (name, mut loaded) in names.iter().zip(loaded) {
        if let Some(loaded) = &mut loaded {
            tell_and_expand(loaded, on, native, output)?;
        }
        let mut meaning = match &loaded {
            Some(loaded) => loaded.meaning_on(native)?,
            None => default_of(name, on, native)?.ok_or_else(|| neither(name))?,
        };
        if !arches.is_empty() {
            meaning.arches.retain(|arch, _| arches.contains(arch));
        }
        let name = loaded.as_ref().map_or((*name).to_owned(), |loaded| loaded.name.clone());
        subjects.push(Subject { name, meaning, loaded, native });
    }
    Ok(subjects)
}

/// The file of that name, unless it is a runtime's default.
fn file(name: &str) -> Result<Option<Loaded>, Failure> {
    if !matches!(baseline::named(name), Err(UnknownDefault::Name { .. })) {
        return Ok(None);
    }
    let path = Path::new(name);
    if name != "-" && !path.exists() && !name.contains(['/', '.']) {
        return Err(neither(name).exit(Exit::NoInput));
    }
    input::profile(path).map(Some)
}

/// Says what is worth knowing of a file, and makes of it what the loader that the flags name hands over.
fn tell_and_expand(loaded: &mut Loaded, on: &On, native: Arch, output: &Output) -> Result<(), Failure> {
    let Some(loader) = &on.loader else {
        loaded.tell_notes(output);
        return Ok(());
    };
    let place = Where {
        loader: Some(loader.clone()),
        caps: on.caps.clone(),
        kernel: on.kernel.clone(),
        ..Where::default()
    };
    let resolved = target::resolved(loaded, &place.target(native)?)?;
    target::tell(loaded, &resolved, output);
    loaded.profile = target::flat(loaded, &resolved)?;
    Ok(())
}

/// The architecture of the machine that all these are for: this one's, unless every file is for another.
fn home(loaded: &[Option<Loaded>]) -> Result<Arch, Failure> {
    let native = input::native()?;
    let files: Vec<&Loaded> = loaded.iter().flatten().collect();
    let elsewhere = !files.is_empty() && files.iter().all(|l| profile::is_foreign(&l.profile, native));
    let theirs = files.iter().flat_map(|l| &l.profile.architectures).find_map(|a| a.arch);
    Ok(if elsewhere { theirs.unwrap_or(native) } else { native })
}

/// What an analysis has to say beside its result.
pub(crate) fn tell(notes: &[Diagnostic], output: &Output) {
    for note in notes {
        let hint = note.hint.as_ref().map(|h| format!("; {h}")).unwrap_or_default();
        let text = format!("{}{hint}", note.message);
        if note.severity == callgate_core::Severity::Note {
            output.say(&format!("note: {}", foreign(&text)));
        } else {
            output.warn(&text);
        }
    }
}

/// Writes a profile that was made, and says so.
pub(crate) fn write(path: &Path, force: bool, made: &Profile, output: &Output) -> Outcome {
    let text = profile::write(made, false);
    if path == Path::new("-") {
        return print(output, &text);
    }
    File::prepare(path, force, 0o644)?.write(text.as_bytes())?;
    let name = foreign(&path.display().to_string());
    let rules = crate::output::counted(made.rules.len() as u64, "rule");
    output.say(&format!("wrote {name}: {rules}"));
    Ok(Exit::Ok)
}

/// No profile can say it.
pub(crate) fn inexpressible(error: &callgate_core::express::Inexpressible) -> Failure {
    use callgate_core::express::Inexpressible as Why;
    let failure = Failure::new(format!("no profile can say that: {error}"));
    match error {
        Why::Architectures { one, .. } => failure.hint(format!(
            "list the same architectures in all of them, or leave the others out: --arch {}",
            one.arch
        )),
        Why::TooMany { .. } => failure.hint("simplify its conditions"),
        Why::Nameless { .. } | Why::Unlisted(_) | Why::Data { .. } => failure,
    }
}
