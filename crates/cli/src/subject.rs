//! Profiles that are held against each other: files, or runtimes' defaults by name, all on one machine.

use std::path::Path;

use callgate_check as check;
use callgate_core::baseline::{self, Machine};
use callgate_core::{Arch, Diagnostic, Meaning, Profile, profile, suggest};
use callgate_linux::features;
use callgate_linux::file::Output as File;

use crate::cli::On;
use crate::cmd::print;
use crate::exit::{Exit, Failure, Outcome};
use crate::input::{self, Loaded};
use crate::output::{Output, foreign};
use crate::parse;

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

/// This machine as a container runtime's default profile sees it.
pub(crate) fn machine(native: Arch) -> Machine {
    Machine::docker(native, running_kernel())
}

fn running_kernel() -> baseline::Kernel {
    let release = features::kernel_release();
    let numbers: Vec<u16> = release.split(['.', '-']).map_while(|n| n.parse().ok()).collect();
    baseline::Kernel::new(numbers.first().copied().unwrap_or(0), numbers.get(1).copied().unwrap_or(0))
}

/// A runtime's default by that name.
pub(crate) fn default_of(name: &str, machine: &Machine) -> Option<Meaning> {
    baseline::find(name).map(|found| found.meaning(machine))
}

/// What a name that is neither a default's nor a file's may have meant.
pub(crate) fn neither(name: &str) -> Failure {
    let known: Vec<&str> = baseline::all().iter().map(|b| b.name).collect();
    let hint = match suggest::nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known: {}", known.join(", ")),
    };
    Failure::new(format!("`{name}` is neither a known baseline nor a file")).hint(hint)
}

/// Reads all of them, on the machine that the flags describe.
pub(crate) fn read(names: &[&str], on: &On, output: &Output) -> Result<Vec<Subject>, Failure> {
    if names.iter().filter(|name| **name == "-").count() > 1 {
        return Err(Failure::new("only one can be standard input").hint("name files for the others"));
    }
    let arches = on.arch.iter().map(|name| parse::arch(name)).collect::<Result<Vec<Arch>, _>>()?;
    let mut loaded = Vec::new();
    for name in names {
        loaded.push(file(name, output)?);
    }
    let native = match arches.first() {
        Some(arch) => *arch,
        None => home(&loaded)?,
    };
    let machine = described(on, native)?;
    let mut subjects = Vec::new();
    for (name, loaded) in names.iter().zip(loaded) {
        let mut meaning = match &loaded {
            Some(loaded) => loaded.meaning_on(native)?,
            None => default_of(name, &machine).ok_or_else(|| neither(name))?,
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
fn file(name: &str, output: &Output) -> Result<Option<Loaded>, Failure> {
    if baseline::find(name).is_some() {
        return Ok(None);
    }
    let path = Path::new(name);
    if name != "-" && !path.exists() && !name.contains(['/', '.']) {
        return Err(neither(name).exit(Exit::NoInput));
    }
    let loaded = input::profile(path)?;
    loaded.tell_notes(output);
    Ok(Some(loaded))
}

/// The architecture of the machine that all these are for: this one's, unless every file is for another.
fn home(loaded: &[Option<Loaded>]) -> Result<Arch, Failure> {
    let native = input::native()?;
    let files: Vec<&Loaded> = loaded.iter().flatten().collect();
    let elsewhere = !files.is_empty() && files.iter().all(|l| profile::is_foreign(&l.profile, native));
    let theirs = files.iter().flat_map(|l| &l.profile.architectures).find_map(|a| a.arch);
    Ok(if elsewhere { theirs.unwrap_or(native) } else { native })
}

fn described(on: &On, native: Arch) -> Result<Machine, Failure> {
    let kernel = match &on.kernel {
        Some(text) => text
            .parse()
            .map_err(|e: callgate_core::sysno::BadKernel| Failure::new(e.to_string()).hint("write 6.1"))?,
        None => running_kernel(),
    };
    match &on.caps {
        None => Ok(Machine::docker(native, kernel)),
        Some(caps) => {
            let odd = caps.iter().find(|cap| !cap.is_empty() && !cap.starts_with("CAP_"));
            if let Some(odd) = odd {
                let full = format!("CAP_{}", odd.to_ascii_uppercase());
                return Err(Failure::new(format!("`{odd}` is no capability")).hint(format!("write {full}")));
            }
            Ok(Machine::new(native, kernel, caps.iter().map(String::as_str).filter(|cap| !cap.is_empty())))
        }
    }
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
