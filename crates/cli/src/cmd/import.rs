//! `callgate import`: what another recorder wrote, as a trace.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use callgate_core::import::{Format, ImportError, Imported, Reader, UnknownCall};
use callgate_core::{Arch, Trace, trace};
use callgate_linux::file::Output as File;

use super::print;
use crate::cli::{Import, Source};
use crate::exit::{Exit, Failure, Outcome};
use crate::input::{self, Named};
use crate::output::{Output, foreign};
use crate::parse;

/// Names listed when some are no calls.
const MAX_LISTED: usize = 20;

/// Imports.
pub(crate) fn run(args: &Import, output: &Output) -> Outcome {
    let arch = match &args.arch {
        Some(name) => parse::arch(name)?,
        None => input::native()?,
    };
    let format = format(args.from);
    let to_stdout = args.output == Path::new("-");
    let mut file = if to_stdout { None } else { Some(File::prepare(&args.output, args.force, 0o600)?) };
    let logs = logs(&args.logs, format)?;
    let mut all = Trace::default();
    let mut read: Vec<Imported> = Vec::new();
    let mut unknown: Vec<UnknownCall> = Vec::new();
    for log in &logs {
        match import(log, format, arch)? {
            Ok(imported) => read.push(imported),
            Err(ImportError::UnknownCalls { calls }) => unknown.extend(calls),
            Err(error) => return Err(failure(&error)),
        }
    }
    if !unknown.is_empty() {
        return Err(unknown_calls(&unknown, output));
    }
    for imported in &read {
        all.merge(&imported.trace);
    }
    let text = trace::write(&all);
    match &mut file {
        Some(file) => file.write(text.as_bytes())?,
        None => {
            print(output, &text)?;
        }
    }
    tell(&all, &read, args, output);
    Ok(Exit::Ok)
}

fn format(source: Source) -> Format {
    match source {
        Source::Strace => Format::Strace,
        Source::Audit => Format::Audit,
        Source::Perf => Format::Perf,
        Source::Falco => Format::Falco,
        Source::OciSeccompBpfHook => Format::OciHook,
        Source::Spo => Format::Spo,
        Source::InspektorGadget => Format::InspektorGadget,
    }
}

/// The files of one log, each with the process it is of.
#[derive(Debug, PartialEq, Eq)]
struct Log(Vec<(PathBuf, Option<u32>)>);

/// Sorts files into logs: those of `strace -ff` belong together, in the order of their processes, since parents mostly
/// have the smaller ids.
fn logs(paths: &[PathBuf], format: Format) -> Result<Vec<Log>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if path != Path::new("-") && path.is_dir() {
            files.extend(directory(path)?);
        } else {
            files.push(path.clone());
        }
    }
    each_once(&files)?;
    let mut logs: Vec<Log> = Vec::new();
    let mut sets: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for path in files {
        let number = path.extension().and_then(|e| e.to_str()).and_then(|e| e.parse::<u32>().ok());
        let Some(pid) = number.filter(|pid| *pid > 0 && format == Format::Strace) else {
            logs.push(Log(vec![(path, None)]));
            continue;
        };
        let at = *sets.entry(path.with_extension("")).or_insert_with(|| {
            logs.push(Log(Vec::new()));
            logs.len() - 1
        });
        logs[at].0.push((path, Some(pid)));
    }
    for log in &mut logs {
        log.0.sort_by_key(|(_, pid)| *pid);
    }
    Ok(logs)
}

/// No file counts twice, whatever it is called.
fn each_once(files: &[PathBuf]) -> Result<(), Failure> {
    let mut seen: BTreeMap<(u64, u64), &Path> = BTreeMap::new();
    for path in files.iter().filter(|path| *path != Path::new("-")) {
        // Who cannot be looked at cannot be read, which is said then.
        let Ok(found) = fs::metadata(path) else { continue };
        let first = seen.insert((found.dev(), found.ino()), path).filter(|_| found.is_file());
        if let Some(first) = first {
            let message = format!(
                "`{}` is the same file as `{}`: it would count twice",
                path.display(),
                first.display()
            );
            return Err(Failure::new(message).hint("name each log once"));
        }
    }
    Ok(())
}

/// The files of a directory, sorted.
fn directory(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |e: std::io::Error| Failure::new(format!("cannot read `{}`: {e}", path.display()));
    let entries =
        fs::read_dir(path).map_err(unreadable)?.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    let mut files: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).filter(|p| p.is_file()).collect();
    files.sort();
    if files.is_empty() {
        return Err(Failure::new(format!("there is no file in `{}`", path.display())).exit(Exit::NoInput));
    }
    Ok(files)
}

/// Reads one log.
fn import(log: &Log, format: Format, arch: Arch) -> Result<Result<Imported, ImportError>, Failure> {
    let mut reader = Reader::new(format, arch);
    for (path, pid) in &log.0 {
        reader.begin(&input::name(path), *pid);
        input::pieces(path, &mut |piece| reader.feed(piece))?;
        reader.end();
    }
    Ok(reader.finish())
}

/// Reads a log that stands in memory, and says what it does not know.
pub(super) fn of_text(log: &Named, format: Format, output: &Output) -> Result<Trace, Failure> {
    let mut reader = Reader::new(format, input::native()?);
    reader.begin(&log.name, None);
    reader.feed(log.text.as_bytes());
    reader.end();
    let imported = match reader.finish() {
        Err(ImportError::UnknownCalls { calls }) => return Err(unknown_calls(&calls, output)),
        other => other.map_err(|error| failure(&error))?,
    };
    imported.trace.recordings.iter().flat_map(|r| &r.notes).for_each(|note| output.warn(note));
    Ok(imported.trace)
}

fn failure(error: &ImportError) -> Failure {
    let failure = Failure::new(error.to_string());
    match error {
        ImportError::Empty { .. } | ImportError::NoCall { .. } => failure.exit(Exit::NoInput),
        ImportError::OtherFormat { other: Some(other), .. } => failure.hint(other.hint()),
        ImportError::OtherFormat { format, other: None, .. } => failure.hint(format!(
            "make one with: {}, or record with: callgate record -o TRACE -- COMMAND",
            format.recipe()
        )),
        ImportError::UnknownMode { .. } => failure.hint("--arch names the architecture strace ran on"),
        ImportError::AllowsByDefault { .. } => failure.hint("read it with: callgate show PROFILE"),
        ImportError::UnknownCalls { .. } | ImportError::Invalid { .. } => failure,
    }
}

/// Lists names that are no calls: left out of a profile, they would be refused.
fn unknown_calls(calls: &[UnknownCall], output: &Output) -> Failure {
    for call in calls.iter().take(MAX_LISTED) {
        let times = if call.count > 1 { format!(" ({}×)", call.count) } else { String::new() };
        let guess = match (call.near, call.elsewhere.as_slice()) {
            (_, [_, ..]) => {
                let names: Vec<&str> = call.elsewhere.iter().map(|a| a.name()).collect();
                format!("; it is one of {}", names.join(", "))
            }
            (Some(near), []) => format!("; did you mean `{near}`?"),
            (None, []) => String::new(),
        };
        output.line(&foreign(&format!(
            "{}:{}: `{}` is no system call of {}{times}{guess}",
            call.file, call.line, call.name, call.arch
        )));
    }
    if calls.len() > MAX_LISTED {
        output.line(&format!("and {} more", calls.len() - MAX_LISTED));
    }
    let message = format!("{} names in the log are no system calls; nothing was written", calls.len());
    let shared = Arch::ALL.into_iter().find(|arch| calls.iter().all(|c| c.elsewhere.contains(arch)));
    Failure::new(message).hint(match shared {
        Some(arch) => format!(
            "for a program of {arch}: --arch {arch}; where it is one of several, strace -n says which each call belongs to"
        ),
        None => "a newer callgate may know calls of newer kernels; a program's own output stays out of the log with strace -o"
            .to_owned(),
    })
}

fn tell(all: &Trace, read: &[Imported], args: &Import, output: &Output) {
    let to_stdout = args.output == Path::new("-");
    let name = if to_stdout { "trace".to_owned() } else { foreign(&args.output.display().to_string()) };
    let calls: u64 = all.calls.values().filter_map(|r| r.count).sum();
    let processes: u64 = read.iter().map(|i| i.processes).sum();
    let of = if processes > 1 { format!(", of {processes} processes and threads") } else { String::new() };
    let different = crate::output::counted(all.made().count() as u64, "different system call");
    // A profile counts nothing.
    let counted = if calls > 0 { format!("{calls} in all") } else { "not counted".to_owned() };
    output.say(&format!("imported {name}: {different}, {counted}{of}"));
    let format = format(args.from);
    output.say(&format!("  cannot see: {}", format.blind()));
    for sample in read.iter().flat_map(|i| &i.samples) {
        let (name, text) = (format.name(), &sample.text);
        output.warn(&format!("{}:{}: not {name}'s: {text}", sample.file, sample.line));
    }
    all.recordings.iter().flat_map(|r| &r.notes).for_each(|note| output.warn(note));
    if to_stdout {
        return;
    }
    tell_next(&name, all, read, output);
}

/// What to do next, to paste.
fn tell_next(name: &str, all: &Trace, read: &[Imported], output: &Output) {
    let incomplete = if all.complete { "" } else { " --incomplete" };
    let arguments = read.iter().any(|i| i.arguments);
    let off = if arguments { "" } else { " --args off" };
    output.say(&format!("  next: callgate generate {name}{incomplete}{off} -o PROFILE"));
    if !arguments {
        output.say("        (without --args off, calls whose arguments decide much are left out until --allow names them)");
    }
    if !all.complete {
        output.say("        (calls are missing: expect refusals, or record again)");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(names: &[&str]) -> Vec<Vec<String>> {
        let paths: Vec<PathBuf> = names.iter().map(PathBuf::from).collect();
        let Ok(logs) = logs(&paths, Format::Strace) else { panic!("{names:?}") };
        logs.iter().map(|l| l.0.iter().map(|(p, _)| p.display().to_string()).collect()).collect()
    }

    #[test]
    fn files_of_ff_belong_together_in_the_order_of_their_processes() {
        assert_eq!(
            sorted(&["out.10", "a.log", "out.9", "d/out.9", "-", "b.0"]),
            [vec!["out.9", "out.10"], vec!["a.log"], vec!["d/out.9"], vec!["-"], vec!["b.0"]]
        );
    }
}
