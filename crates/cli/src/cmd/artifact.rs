//! `callgate artifact`: profiles as OCI image layouts.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use callgate_check::artifact::{self, Layout, MAX_PROFILE};
use callgate_linux::file::Output as File;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{print, print_json};
use crate::cli::{Artifact, Format, What};
use crate::exit::{Exit, Failure, Outcome};
use crate::input;
use crate::output::{Output, foreign};

/// A layout of a profile is three blobs and two documents; more is something else.
const MAX_FILES: usize = 64;
/// The profile, and what describes it.
const MAX_BYTES: u64 = 4 * MAX_PROFILE as u64;

#[derive(Serialize)]
struct Checked {
    schema: &'static str,
    /// Whether a runtime would take it.
    takes: bool,
    findings: Vec<String>,
}

/// Packs, unpacks or checks.
pub(crate) fn run(args: &Artifact, output: &Output) -> Outcome {
    match &args.what {
        What::Pack { profile, output: to } => pack(profile, to, output),
        What::Unpack { layout, output: to, force } => unpack(layout, to, *force, output),
        What::Check { layout, format } => check(layout, *format, output),
    }
}

fn sha256(bytes: &[u8]) -> String {
    input::hex(&Sha256::digest(bytes))
}

fn name(path: &Path) -> String {
    foreign(&path.display().to_string())
}

fn pack(path: &Path, to: &Path, output: &Output) -> Outcome {
    let loaded = input::profile(path)?;
    loaded.tell_notes(output);
    loaded.meaning()?;
    if let [first, ..] = artifact::limits(&loaded.profile, loaded.text.len()).as_slice() {
        let failure = Failure::new(format!("{}: no runtime takes it from an artifact: {first}", loaded.name));
        return Err(failure.hint("use it as a file, or change the profile"));
    }
    let files = artifact::pack(&loaded.text, sha256);
    if to.extension().is_some_and(|extension| extension == "tar") {
        File::prepare(to, false, 0o644)?.write(&archive(&files)?)?;
    } else {
        directory(&files, to)?;
    }
    let digest = artifact::digest(&files).unwrap_or_default();
    output.say(&format!("wrote {}; its digest, to pin it by: {digest}", name(to)));
    Ok(Exit::Ok)
}

/// The files as an archive whose bytes depend on nothing else.
fn archive(files: &Layout) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("cannot make the archive: {error}"));
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        archive.append_data(&mut header, name, bytes.as_slice()).map_err(failed)?;
    }
    archive.into_inner().map_err(failed)
}

/// A new directory, filled beside its place and moved there, so that there is never half of one.
fn directory(files: &Layout, to: &Path) -> Result<(), Failure> {
    if fs::symlink_metadata(to).is_ok() {
        return Err(Failure::new(format!("`{}` exists already", name(to))).hint("remove it, or name another"));
    }
    let mut beside = to.as_os_str().to_owned();
    beside.push(format!(".{}.part", std::process::id()));
    let beside = Path::new(&beside);
    let filled = fs::create_dir(beside).and_then(|()| {
        fs::create_dir_all(beside.join("blobs/sha256"))?;
        files.iter().try_for_each(|(name, bytes)| fs::write(beside.join(name), bytes))?;
        fs::rename(beside, to)
    });
    filled.map_err(|error| {
        // What is left of it is ours alone.
        let _ = fs::remove_dir_all(beside);
        Failure::new(format!("cannot write `{}`: {error}", name(to)))
    })
}

/// Every file of a layout.
fn layout(path: &Path) -> Result<Layout, Failure> {
    let unreadable = |what: String| Failure::new(format!("cannot read `{}`: {what}", name(path)));
    let kind = fs::metadata(path).map_err(|error| {
        let exit = if error.kind() == std::io::ErrorKind::NotFound { Exit::NoInput } else { Exit::Failed };
        unreadable(error.to_string()).exit(exit)
    })?;
    let mut files = Layout::new();
    let mut left = MAX_BYTES;
    let mut take = |name: String, from: &mut dyn std::io::Read| -> Result<(), String> {
        let mut bytes = Vec::new();
        from.take(left + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        left = left.checked_sub(bytes.len() as u64).ok_or_else(|| format!("more than {MAX_BYTES} bytes"))?;
        if files.len() >= MAX_FILES || files.insert(name.clone(), bytes).is_some() {
            return Err(format!("too many files, or `{}` twice", foreign(&name)));
        }
        Ok(())
    };
    if kind.is_dir() {
        walk(path, "", &mut take).map_err(unreadable)?;
    } else {
        let file = fs::File::open(path).map_err(|error| unreadable(error.to_string()))?;
        entries(file, &mut take).map_err(unreadable)?;
    }
    Ok(files)
}

type Take<'t> = dyn FnMut(String, &mut dyn std::io::Read) -> Result<(), String> + 't;

/// Regular files of a directory, by their names from there; a link leads anywhere, and is refused.
fn walk(dir: &Path, prefix: &str, take: &mut Take<'_>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", name(dir));
    // A layout is two directories deep.
    if prefix.matches('/').count() > 3 {
        return Err(format!("`{prefix}` is too deep for a layout"));
    }
    let mut entries = fs::read_dir(dir).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let inner = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() {
            walk(&path, &format!("{inner}/"), take)?;
        } else if kind.is_file() {
            take(inner, &mut fs::File::open(&path).map_err(failed)?)?;
        } else {
            return Err(format!("`{}` is no regular file", foreign(&inner)));
        }
    }
    Ok(())
}

fn entries(file: fs::File, take: &mut Take<'_>) -> Result<(), String> {
    let failed =
        |_: std::io::Error| "it is no layout, and no archive of one; `artifact pack` makes them".to_owned();
    let mut archive = tar::Archive::new(file);
    for (count, entry) in archive.entries().map_err(failed)?.enumerate() {
        let mut entry = entry.map_err(failed)?;
        let name = entry.path().map_err(failed)?.to_string_lossy().into_owned();
        match entry.header().entry_type() {
            _ if count > 4 * MAX_FILES => return Err("too many entries for a layout".to_owned()),
            tar::EntryType::Directory => {}
            tar::EntryType::Regular => take(name.trim_start_matches("./").to_owned(), &mut entry)?,
            _ => return Err(format!("`{}` is no regular file", foreign(&name))),
        }
    }
    Ok(())
}

fn unpack(path: &Path, to: &Path, force: bool, output: &Output) -> Outcome {
    let failure = |what: String| Failure::new(format!("`{}`: {}", name(path), foreign(&what)));
    let (text, notes) = artifact::unpack(&layout(path)?, sha256).map_err(failure)?;
    for note in &notes {
        output.warn(&format!("{}: {}", name(path), foreign(note)));
    }
    input::parse_profile(format!("the profile in {}", path.display()), text.clone())?;
    if to == Path::new("-") {
        return print(output, &text);
    }
    File::prepare(to, force, 0o644)?.write(text.as_bytes())?;
    output.say(&format!("wrote {}", name(to)));
    Ok(Exit::Ok)
}

fn check(path: &Path, format: Format, output: &Output) -> Outcome {
    let (findings, takes) = match artifact::unpack(&layout(path)?, sha256) {
        Err(what) => (vec![what], false),
        Ok((text, mut notes)) => match callgate_core::profile::read(&text) {
            Err(invalid) => (vec![format!("the profile, line {}: {}", invalid.line, invalid.message)], false),
            Ok((profile, odd)) => {
                let limits = artifact::limits(&profile, text.len());
                let takes = limits.is_empty();
                notes.extend(limits);
                notes.extend(odd.into_iter().map(|note| note.message));
                (notes, takes)
            }
        },
    };
    let exit = if takes { Exit::Ok } else { Exit::Findings };
    if format == Format::Json {
        print_json(output, &Checked { schema: "callgate.dev/artifact/v1", takes, findings })?;
        return Ok(exit);
    }
    let verdict = if takes { "a runtime takes it" } else { "no runtime takes it" };
    let lines: String = findings.iter().fold(String::new(), |text, line| text + "  " + &foreign(line) + "\n");
    print(output, &format!("{}: {verdict}\n{lines}", name(path)))?;
    Ok(exit)
}
