//! Calls that go with the allowed ones, and are missing.
//!
//! ## What it finds
//! Calls that a program which makes the allowed ones will make on another day: another libc version's form of a call (`fstat` and
//! `newfstatat`), what answers in the vDSO elsewhere, what ends a thread or returns from a signal.
//!
//! ## Why it matters
//! A recording sees one machine, one libc and one day. The profile breaks with the next image.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["execve", "exit_group", "newfstatat"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## Better
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ALLOW",
//!   "syscalls": [
//!     { "names": ["mount"], "action": "SCMP_ACT_ERRNO" }
//!   ]
//! }
//! ```
//!
//! ## References
//! - `callgate generate` adds them, each with its reason

use std::collections::BTreeSet;

use callgate_core::completion::{Facts, complete};
use callgate_core::floor::{self, Way};

use super::super::prelude::*;
use super::super::startup::starts;

pub(crate) static RULE: Rule = Rule {
    code: "incomplete-family",
    family: Family::Portability,
    severity: Severity::Note,
    confidence: Confidence::Medium,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    if profile.default.action.permits() {
        return;
    }
    let named: BTreeSet<&str> =
        profile.rules.iter().flat_map(|rule| &rule.names).map(|name| name.text.as_str()).collect();
    let allowed = super::super::allowed(profile);
    if allowed.is_empty() {
        return;
    }
    let arches = subject.arches(profile);
    // Under a profile with which containers start, calls are there that only a runtime makes: they say nothing of the program.
    let mut own = allowed.clone();
    if starts(subject, profile).is_empty() {
        let runtimes = ["runc", "crun"].iter().filter_map(|runtime| floor::find(runtime).ok());
        let floors: BTreeSet<&str> = runtimes
            .flat_map(|found| found.names(&Way::ALL, None).map(|(name, _)| name).collect::<Vec<_>>())
            .collect();
        own.retain(|name| !floors.contains(name));
    }
    let missing = complete(&own, Facts::default());
    let there =
        |name: &&str| !named.contains(name) && arches.iter().any(|arch| sysno::number(*arch, name).is_some());
    let names: BTreeSet<&str> = missing.keys().copied().filter(|name| there(name)).collect();
    if let Some(first) = names.first() {
        let why = missing.get(first).map(String::as_str).unwrap_or_default();
        let all = super::super::some(&names.iter().copied().collect::<Vec<_>>());
        let message = format!("what goes with the allowed calls is missing: {all}; `{first}`: {why}");
        let start = subject.top("syscalls").start;
        let finding = sink.report(start..start + 1, message);
        finding.unsafe_fix("allow these, too", super::super::allow(subject, profile, &names));
    }
}
