//! What container runtimes make of the profile they are handed.
//!
//! Each model is a small file that cites the code it restates. A runtime refuses a profile, overlooks it, or makes a filter;
//! what it silently leaves out on the way is said as diagnostics.

mod crun;
mod gvisor;
mod kata;
mod runc;
mod youki;

use std::collections::BTreeSet;

use callgate_core::profile::Profile;
use callgate_core::{Action, Arch, Diagnostic, errno};

use crate::dialect::Dialect;
use crate::document::{Document, Entry, Refusal};
use crate::libseccomp::{self, Added, Filter, Rule, arches};
use crate::target::{RuntimeName, Target};

/// What a runtime makes of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A filter.
    Filtered(Made),
    /// No filter: the container starts unconfined.
    Unconfined(String),
    /// It depends on what cannot be relied on.
    Undecided(String),
}

/// A filter as a runtime loads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// What it does, and which entry of the file each part comes from.
    pub filter: Filter,
    /// `SECCOMP_FILTER_FLAG_*` it is loaded with.
    pub flags: Vec<String>,
}

/// How the runtime reads `linux.seccomp` of a bundle's config.json.
pub fn dialect(name: RuntimeName) -> Dialect {
    match name {
        RuntimeName::Runc | RuntimeName::Gvisor => Dialect::Go,
        RuntimeName::Crun => Dialect::C,
        RuntimeName::Youki | RuntimeName::Kata => Dialect::Rust,
    }
}

/// What the target's runtime makes of a profile; what it leaves out without a word is added to `notes`.
pub fn apply(document: &Document, target: &Target, notes: &mut Vec<Diagnostic>) -> Result<Outcome, Refusal> {
    let Some(runtime) = target.runtime else { return nobody(document, target) };
    if runtime.name.is_source_only() {
        let message = format!("what {} does was read in its source and not tried", runtime.name.name());
        notes.push(Diagnostic::note("source-only", message));
    }
    notes.extend(runtime.beyond().map(|message| Diagnostic::warning("unknown-release", message)));
    let made = match runtime.name {
        RuntimeName::Runc => runc::apply(document, target, runtime.version, notes),
        RuntimeName::Crun => crun::apply(document, target, notes),
        RuntimeName::Youki => youki::apply(document, target, notes),
        RuntimeName::Kata => kata::apply(document, target, notes),
        RuntimeName::Gvisor => gvisor::apply(document, target, notes),
    };
    made.map_err(|refusal| refusal.by(runtime.to_string()))
}

/// No runtime: the raw OCI meaning, by callgate's own reading of what the loader hands over.
fn nobody(document: &Document, target: &Target) -> Result<Outcome, Refusal> {
    let unreadable =
        |e: callgate_core::profile::InvalidProfile| Refusal::new(e.message).by("raw OCI meaning");
    let profile: Profile = crate::flat::profile(document).map_err(unreadable)?;
    let meaning = callgate_core::profile::meaning(&profile, target.machine.arch);
    let filter = Filter { meaning, added: Added::default(), undecided: Vec::new() };
    Ok(Outcome::Filtered(Made { filter, flags: profile.flags }))
}

/// An action by its OCI name, with the errno as it ends up in the filter: its lowest sixteen bits.
fn action(name: &str, errno: Option<u64>) -> Option<Action> {
    Action::from_oci(name, errno.map(|errno| errno as u16))
}

/// libseccomp refuses errnos that the kernel would cut (`MAX_ERRNO`, include/linux/err.h).
fn is_valid(action: Action) -> bool {
    action.errno().is_none_or(|errno| errno <= errno::MAX)
}

/// Whether two conditions of an entry name one index.
fn repeats_an_index(entry: &Entry) -> bool {
    let mut seen = BTreeSet::new();
    !entry.conditions.iter().all(|c| seen.insert(c.index))
}

/// The rules that an entry brings for each of its calls: one; or, if an index is named twice, one per condition, which makes *or* of
/// *and*.
fn rules(entry: &Entry, action: Action) -> Vec<Rule> {
    let rule = |conditions| Rule { entry: entry.index, line: entry.line, action, conditions };
    let condition =
        |c: &crate::document::Comparison| c.operator().map(|op| (c.index as usize, op, c.value, c.value_two));
    let conditions: Vec<_> = entry.conditions.iter().filter_map(condition).collect();
    if repeats_an_index(entry) {
        return conditions.into_iter().map(|c| rule(vec![c])).collect();
    }
    vec![rule(conditions)]
}

/// The calls of an entry that the runtime's libseccomp knows; the others are said.
fn known(entry: &Entry, target: &Target, notes: &mut Vec<Diagnostic>) -> Vec<usize> {
    let mut calls = Vec::with_capacity(entry.names.len());
    for name in &entry.names {
        match libseccomp::known(target.libseccomp, name) {
            Some(known) => calls.push(known),
            None => note_unknown(name, entry, target, notes),
        }
    }
    calls
}

/// Says that a rule's conditions are split.
fn note_split(entry: &Entry, who: &str, notes: &mut Vec<Diagnostic>) {
    let message = format!(
        "{}: {who} makes one rule of each condition, since an argument is named twice: any of them is enough",
        place(entry)
    );
    notes
        .push(Diagnostic::warning("split-conditions", message).hint("say it without naming one index twice"));
}

/// Says that the runtime does not know a name.
fn note_unknown(name: &str, entry: &Entry, target: &Target, notes: &mut Vec<Diagnostic>) {
    let message = match (libseccomp::since(name), target.libseccomp) {
        (Some(since), Some(release)) => format!(
            "{}: libseccomp {release} does not know `{name}`, which came with {since}: the rule says nothing about it",
            place(entry)
        ),
        _ => format!("{}: there is no system call `{name}`: the rule says nothing about it", place(entry)),
    };
    notes.push(Diagnostic::warning("unknown-call", message));
}

/// An entry in a sentence.
fn place(entry: &Entry) -> String {
    if entry.line > 0 { format!("line {}", entry.line) } else { format!("rule {}", entry.index + 1) }
}

/// The architectures of a filter: those of them that are judged here, with the machine's own.
fn judged(added: &[arches::Added], native: Arch) -> Vec<Arch> {
    let listed = added.iter().filter_map(|added| match added {
        arches::Added::Judged(arch) => Some(*arch),
        _ => None,
    });
    let all: BTreeSet<Arch> = listed.chain([native]).collect();
    all.into_iter().collect()
}
