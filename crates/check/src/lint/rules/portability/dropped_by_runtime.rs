//! What a loader or runtime drops without a word.
//!
//! ## What it finds
//! What the models of `--loader` and `--runtime` say is left out on the way from the file to the filter, and no other rule has a name
//! for: conditions beyond the sixth, errno names, a runtime that does not look at profiles by default.
//!
//! ## Why it matters
//! The container starts, under another profile than the file says.
//!
//! ## Example
//! ```json (runtime=gvisor)
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["read"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## Better
//! ```json (runtime=runc)
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["read"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## References
//! - `callgate explain PROFILE --runtime RUNTIME`

use std::collections::BTreeSet;

use super::super::prelude::*;
use crate::resolve::Resolved;
use crate::runtime::Outcome;

pub(crate) static RULE: Rule = Rule {
    code: "dropped-by-runtime",
    family: Family::Portability,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Tree(check),
};

/// What other rules say, with their places.
const SAID: [&str; 10] = [
    "unknown-call",
    "unknown-key",
    "split-conditions",
    "no-listener",
    "loader-dependent",
    "errno-zero",
    "unmodelled-architecture",
    "source-only",
    "overlooked-key-includes",
    "overlooked-key-excludes",
];

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    if !subject.is_targeted() {
        return;
    }
    let mut told = BTreeSet::new();
    for (target, resolved) in subject.resolved() {
        let notes = resolved.iter().flat_map(|resolved| &resolved.notes);
        for note in notes.filter(|note| !SAID.contains(&note.code)) {
            if told.insert(note.message.clone()) {
                let who = target.runtime.map(|runtime| format!("{runtime}: ")).unwrap_or_default();
                let finding = sink.report(subject.top("defaultAction"), format!("{who}{}", note.message));
                if let Some(hint) = &note.hint {
                    finding.hint(hint.clone());
                }
            }
        }
        if let Ok(Resolved { outcome: Outcome::Undecided(why), .. }) = resolved {
            let finding = sink.report(
                subject.top("defaultAction"),
                format!("what becomes of it is not to be relied on: {why}"),
            );
            finding.severity(Severity::Note);
        }
    }
}
