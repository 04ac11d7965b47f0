//! Across files: which profile of those that were looked at a container uses, and how it fits.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::look::{Known, Looked};
use super::options::Options;
use super::rule::Sink;
use super::rules::kubernetes::{self as rules, Missing};
use super::usage::{self, Usage};

/// What was found by holding files beside each other.
#[derive(Debug, Default)]
pub struct Joined {
    /// Findings, and which file each is in.
    pub findings: Vec<(usize, Finding)>,
}

/// Finds the profiles that containers use, and judges each for the container. `read` gives the text of a file of the list;
/// `folders` says whether folders of profiles were named: then what is in none of them is missing.
pub fn join(
    files: &[(String, Looked)],
    folders: &[String],
    options: &Options,
    read: &dyn Fn(usize) -> Option<String>,
) -> Joined {
    let known = catalogue(files);
    let mut joined = Joined::default();
    let mut wanted: BTreeMap<usize, Vec<(usize, &Usage)>> = BTreeMap::new();
    for (file, (_, looked)) in files.iter().enumerate() {
        for usage in &looked.uses {
            if let Some(profile) = named(&known, folders, &usage.path) {
                wanted.entry(profile).or_default().push((file, usage));
                continue;
            }
            let missing = Missing { usage, known: &known, folders };
            let mut found = Vec::new();
            rules::missing(&missing, &mut Sink::of(&rules::PROFILE_NOT_FOUND, options, &mut found));
            let here = |finding| (file, Finding { pointer: usage.pointer.clone(), ..finding });
            joined.findings.extend(found.into_iter().map(here));
        }
    }
    for (profile, uses) in wanted {
        let known = &known[profile];
        let text = if known.value.is_some() { Some(String::new()) } else { read(known.file) };
        let Some(text) = text else { continue };
        joined.findings.extend(usage::judge(known, &text, &uses, options));
    }
    joined
}

/// All profiles there are, of files first.
fn catalogue(files: &[(String, Looked)]) -> Vec<Known> {
    let of = |(file, (_, looked)): (usize, &(String, Looked))| {
        looked.profiles.iter().map(move |known| Known { file, ..known.clone() }).collect::<Vec<_>>()
    };
    let mut known: Vec<Known> = files.iter().enumerate().flat_map(of).collect();
    known.sort_by_key(|known| known.value.is_some());
    known
}

/// The profile that a `localhostProfile` names: in a folder that was named, by the path in it; else the file whose path ends
/// with it; else the key of a ConfigMap that is its last part.
fn named(known: &[Known], folders: &[String], path: &str) -> Option<usize> {
    let clean = path.trim_start_matches("./");
    let in_folder = |known: &Known| {
        let inside =
            folders.iter().filter_map(|folder| known.path.strip_prefix(folder.trim_end_matches('/')));
        known.value.is_none() && inside.filter_map(|rest| rest.strip_prefix('/')).any(|rest| rest == clean)
    };
    let ends = |known: &Known| {
        let before = known.path.strip_suffix(clean);
        known.value.is_none() && before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
    };
    let last = clean.rsplit('/').next().unwrap_or(clean);
    known
        .iter()
        .position(in_folder)
        .or_else(|| known.iter().position(ends).filter(|_| folders.is_empty()))
        .or_else(|| known.iter().position(|known| known.value.is_some() && known.path == last))
}
