//! A `localhostProfile` that names no profile.
//!
//! ## What it finds
//! A path that is in none of the folders of `--profiles`, or, where none is named, in no file and no ConfigMap that was looked at. Where no
//! profile was looked at at all, nothing is said.
//!
//! ## Why it matters
//! The kubelet looks for the file below its own folder when the container is made: the pod stays in `CreateContainerError`.
//!
//! ## Example
//! ```yaml (file=deploy/pod.yaml)
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
//! spec:
//!   containers:
//!   - name: app
//!     image: web:1
//!     securityContext:
//!       seccompProfile: {type: Localhost, localhostProfile: profiles/web.json}
//! ```
//!
//! ```json (file=seccomp/profiles/web-server.json)
//! { "defaultAction": "SCMP_ACT_LOG" }
//! ```
//!
//! ## Better
//! ```yaml (file=deploy/pod.yaml)
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
//! spec:
//!   containers:
//!   - name: app
//!     image: web:1
//!     securityContext:
//!       seccompProfile: {type: Localhost, localhostProfile: profiles/web-server.json}
//! ```
//!
//! ```json (file=seccomp/profiles/web-server.json)
//! { "defaultAction": "SCMP_ACT_LOG" }
//! ```
//!
//! ## References
//! - kubernetes.io, Restrict a Container's Syscalls with seccomp

use std::collections::BTreeMap;

use callgate_core::suggest;

use super::super::super::join::Folder;
use super::super::super::look::Known;
use super::super::super::usage::Usage;
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "profile-not-found",
    family: Family::Kubernetes,
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    check: Check::Reported,
};

/// So many paths are compared with the names of all profiles there are.
const MAX_COMPARED: usize = 200;

/// The profiles there are, for those who name none of them.
pub(crate) struct Near<'n> {
    known: &'n [Known],
    folders: &'n [Folder],
    /// By the last part of their path; of several by one name the first.
    names: BTreeMap<&'n str, &'n Known>,
    /// What stands in for paths that were asked about.
    asked: BTreeMap<String, Option<(&'n str, &'n Known)>>,
}

impl<'n> Near<'n> {
    pub(crate) fn of(known: &'n [Known], folders: &'n [Folder]) -> Self {
        let names = known.iter().rev().map(|known| (last(&known.path), known)).collect();
        Self { known, folders, names, asked: BTreeMap::new() }
    }

    /// The profile whose name is most like the last part of a path.
    fn to(&mut self, path: &str) -> Option<(&'n str, &'n Known)> {
        let own = last(path);
        if let Some(found) = self.asked.get(own) {
            return *found;
        }
        if self.asked.len() >= MAX_COMPARED {
            return None;
        }
        let names = || self.known.iter().map(|known| last(&known.path));
        let name = suggest::nearest(own, names()).or_else(|| names().find(|name| alike(name, own)));
        let found = name.and_then(|name| Some((name, *self.names.get(name)?)));
        self.asked.insert(own.to_owned(), found);
        found
    }
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A path that names none of the profiles there are.
pub(crate) fn missing(usage: &Usage, near: &mut Near<'_>, sink: &mut Sink<'_>) {
    if near.known.is_empty() && near.folders.is_empty() {
        return;
    }
    let place = match near.folders {
        [] => "among the files that were looked at".to_owned(),
        folders => {
            let names: Vec<&str> = folders.iter().map(|folder| folder.name.as_str()).collect();
            format!("in {}", names.join(", "))
        }
    };
    let path = &usage.path;
    let finding =
        sink.report(usage.span.clone(), format!("{}: there is no profile `{path}` {place}", usage.who));
    if !near.folders.is_empty() {
        finding.severity(Severity::Error);
    }
    match near.to(path) {
        Some((name, known)) => finding.hint(format!("there is `{name}`: {}", known.name)),
        None => finding
            .hint("the kubelet looks for it below its own folder, /var/lib/kubelet/seccomp, on every node"),
    };
}

/// Whether two file names have a word in common.
fn alike(a: &str, b: &str) -> bool {
    let words = |name: &str| -> Vec<String> {
        let stem = name.strip_suffix(".json").unwrap_or(name);
        stem.split(['-', '_', '.'])
            .filter(|word| word.len() > 2 && *word != "profile")
            .map(str::to_owned)
            .collect()
    };
    let (a, b) = (words(a), words(b));
    a.iter().any(|word| b.contains(word))
}
