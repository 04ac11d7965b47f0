//! Which files are looked at: those that are named, and in folders those that may matter.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use ignore::WalkBuilder;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::exit::{Exit, Failure};
use crate::input;

/// A file that is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Source {
    /// As it is called in findings.
    pub(crate) name: String,
    /// Where it is; `-` is standard input.
    pub(crate) path: PathBuf,
    /// Whether the user named it, and not a folder it is in.
    pub(crate) named: bool,
}

/// Names of files that may matter.
const EXTENSIONS: [&str; 3] = ["json", "yaml", "yml"];
/// Hidden ones that do.
const HIDDEN: [&str; 3] = [".gitlab-ci.yml", ".gitlab-ci.yaml", ".github"];

/// The files of these paths, sorted, each once. In folders, what git ignores and what is hidden is left out, and so is what
/// `exclude` names. In `profiles`, folders of what is on nodes, names end as they like.
pub(crate) fn find(
    paths: &[PathBuf],
    profiles: &[PathBuf],
    exclude: &Gitignore,
    stdin: Option<&str>,
) -> Result<Vec<Source>, Failure> {
    let mut found = BTreeSet::new();
    for folder in profiles {
        walk(folder, exclude, true, &mut found)?;
    }
    for path in paths {
        if path == Path::new("-") {
            let name = stdin.unwrap_or("<stdin>").to_owned();
            found.insert(Source { name, path: path.clone(), named: true });
        } else if path.is_dir() {
            walk(path, exclude, false, &mut found)?;
        } else {
            if let Err(error) = path.symlink_metadata() {
                return Err(input::unreadable(path, &error).exit(Exit::Failed));
            }
            found.insert(Source { name: name(path), path: path.clone(), named: true });
        }
    }
    // What is come by in several ways, `./a` and `a`, is there once; as named, if it was.
    let (named, others): (Vec<Source>, Vec<Source>) = found.into_iter().partition(|source| source.named);
    let mut seen = BTreeSet::new();
    let absolute =
        |source: &Source| std::path::absolute(&source.path).unwrap_or_else(|_error| source.path.clone());
    let mut sources: Vec<Source> =
        named.into_iter().chain(others).filter(|source| seen.insert(absolute(source))).collect();
    sources.sort();
    Ok(sources)
}

fn walk(
    folder: &Path,
    exclude: &Gitignore,
    of_profiles: bool,
    found: &mut BTreeSet<Source>,
) -> Result<(), Failure> {
    let mut walker = WalkBuilder::new(folder);
    let keep = |name: &str| !name.starts_with('.') || HIDDEN.contains(&name);
    walker
        .hidden(false)
        .require_git(false)
        .filter_entry(move |entry| entry.depth() == 0 || entry.file_name().to_str().is_none_or(keep));
    for entry in walker.build() {
        let entry = entry.map_err(|error| Failure::new(format!("cannot look into a folder: {error}")))?;
        let path = entry.path();
        let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        let extension = EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(extension));
        let may_matter = || extension || (of_profiles && begins_as_json(path));
        if is_file && !is_matched(exclude, path) && may_matter() {
            found.insert(Source { name: name(path), path: path.to_owned(), named: false });
        }
    }
    Ok(())
}

/// Whether a file whose name does not say what it is may be a profile; what cannot be read is none.
fn begins_as_json(path: &Path) -> bool {
    let mut head = [0; 64];
    let read = File::open(path).and_then(|mut file| file.read(&mut head)).unwrap_or_default();
    let text = head[..read].strip_prefix("\u{feff}".as_bytes()).unwrap_or(&head[..read]);
    text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

/// What a file is called: as it was named, without what says nothing.
fn name(path: &Path) -> String {
    let parts = path.components().filter(|part| *part != Component::CurDir);
    parts.collect::<PathBuf>().display().to_string()
}

/// A path that can be held against others, however it was spelt: from the root, without what says nothing. Links are not followed:
/// what is a link in a folder is in the folder.
pub(crate) fn comparable(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_error| path.to_owned());
    let mut clean = PathBuf::new();
    for part in absolute.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            _ => clean.push(part),
        }
    }
    clean.display().to_string()
}

/// Whether a path is in one of these folders.
pub(crate) fn is_in(path: &Path, folders: &[PathBuf]) -> bool {
    let path = comparable(path);
    folders.iter().any(|folder| Path::new(&path).starts_with(comparable(folder)))
}

/// Globs in the syntax of .gitignore, relative to `root`.
pub(crate) fn globs(root: &Path, patterns: &[String]) -> Result<Gitignore, String> {
    let mut builder = GitignoreBuilder::new(root);
    for pattern in patterns {
        builder.add_line(None, pattern).map_err(|error| error.to_string())?;
    }
    builder.build().map_err(|error| error.to_string())
}

/// Whether globs match a path or a folder above it.
pub(crate) fn is_matched(globs: &Gitignore, path: &Path) -> bool {
    if globs.is_empty() {
        return false;
    }
    let absolute = std::path::absolute(path).unwrap_or_else(|_error| path.to_owned());
    match absolute.strip_prefix(globs.path()) {
        Ok(inside) => globs.matched_path_or_any_parents(inside, false).is_ignore(),
        Err(_) => false,
    }
}
