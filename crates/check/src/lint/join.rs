//! Across files: which profile of those that were looked at a container uses, and how it fits.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::look::{Known, Looked};
use super::options::Options;
use super::rule::Sink;
use super::rules::kubernetes::{self as rules, Near};
use super::usage::{self, Usage};

/// What was found by holding files beside each other.
#[derive(Debug, Default)]
pub struct Joined {
    /// Findings, and which file each is in.
    pub findings: Vec<(usize, Finding)>,
}

/// A folder of profiles, as it is on nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// As the user named it.
    pub name: String,
    /// Its path, of the same form as that of the profiles in it.
    pub path: String,
}

/// Finds the profiles that containers use, and judges each for the container. `read` gives the text of a file of the list;
/// `folders` says whether folders of profiles were named: then what is in none of them is missing.
pub fn join(
    files: &[(String, Looked)],
    folders: &[Folder],
    options: &Options,
    read: &dyn Fn(usize) -> Option<String>,
) -> Joined {
    let known = catalogue(files);
    let paths = Paths::of(&known, folders);
    let mut near = Near::of(&known, folders);
    let mut joined = Joined::default();
    let mut wanted: BTreeMap<usize, Vec<(usize, &Usage)>> = BTreeMap::new();
    for (file, (_, looked)) in files.iter().enumerate() {
        for usage in &looked.uses {
            if let Some(profile) = paths.named(&usage.path) {
                wanted.entry(profile).or_default().push((file, usage));
                continue;
            }
            let mut found = Vec::new();
            rules::missing(usage, &mut near, &mut Sink::of(&rules::PROFILE_NOT_FOUND, options, &mut found));
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

/// What profiles may be named by. Of several by one name the first is meant.
struct Paths<'k> {
    /// By the path in a folder that was named.
    inside: BTreeMap<&'k str, usize>,
    /// By the last parts of the file's path; where no folder was named.
    ends: BTreeMap<&'k str, usize>,
    /// By the key of a ConfigMap; where no folder was named, for a ConfigMap is on no node.
    keys: BTreeMap<&'k str, usize>,
}

impl<'k> Paths<'k> {
    fn of(known: &'k [Known], folders: &[Folder]) -> Self {
        let mut paths = Self { inside: BTreeMap::new(), ends: BTreeMap::new(), keys: BTreeMap::new() };
        for (index, Known { path, value, .. }) in known.iter().enumerate() {
            if value.is_some() {
                if folders.is_empty() {
                    paths.keys.entry(path).or_insert(index);
                }
                continue;
            }
            let below =
                |folder: &Folder| path.strip_prefix(folder.path.trim_end_matches('/'))?.strip_prefix('/');
            for rest in folders.iter().filter_map(below) {
                paths.inside.entry(rest).or_insert(index);
            }
            let parts = path.match_indices('/').map(|(at, _)| &path[at + 1..]);
            for end in std::iter::once(path.as_str()).chain(parts).filter(|_| folders.is_empty()) {
                paths.ends.entry(end).or_insert(index);
            }
        }
        paths
    }

    /// The profile that a `localhostProfile` names: in a folder that was named, by the path in it; else the file whose path ends
    /// with it; else the key of a ConfigMap that is its last part.
    fn named(&self, path: &str) -> Option<usize> {
        // The kubelet joins it to its own folder, which takes out what says nothing (`filepath.Join`).
        let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        let (clean, last) = (parts.join("/"), parts.last().copied().unwrap_or_default());
        let clean = clean.as_str();
        self.inside.get(clean).or_else(|| self.ends.get(clean)).or_else(|| self.keys.get(last)).copied()
    }
}
