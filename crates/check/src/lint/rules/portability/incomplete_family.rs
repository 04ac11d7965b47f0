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
use std::sync::OnceLock;

use callgate_core::completion::{Facts, complete_all};
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
    let named = subject.named(profile);
    // Under a profile with which containers start, calls are there that only a runtime makes: they say nothing of the program.
    let for_containers = starts(subject, profile).is_empty();
    let is_own = |name: &str| !(for_containers && floors().contains(name)) && named.allows(name);
    if !profile.rules.iter().any(|rule| rule.action.action.permits() && !rule.names.is_empty()) {
        return;
    }
    let missing = complete_all(is_own, Facts::default());
    let arches = subject.arches(profile);
    let as_default = profile.rules.iter().filter(|rule| rule.action.action == profile.default.action);
    let as_default: BTreeSet<&str> =
        as_default.flat_map(|rule| &rule.names).map(|name| name.text.as_str()).collect();
    let is_named = |name: &str| named.of(name).next().is_some() || as_default.contains(name);
    let there =
        |name: &&str| !is_named(name) && arches.iter().any(|arch| sysno::number(*arch, name).is_some());
    let names: BTreeSet<&str> = missing.keys().copied().filter(|name| there(name)).collect();
    if let Some(first) = names.first() {
        let why = missing.get(first).map(String::as_str).unwrap_or_default();
        let some = super::super::some(&names.iter().copied().collect::<Vec<_>>());
        let message = format!("what goes with the allowed calls is missing: {some}; `{first}`: {why}");
        let start = subject.top("syscalls").start;
        let finding = sink.report(start..start + 1, message);
        finding.unsafe_fix("allow these, too", super::super::allow(subject, profile, &names));
    }
}

/// The calls that runc and crun make themselves.
fn floors() -> &'static BTreeSet<&'static str> {
    static FLOORS: OnceLock<BTreeSet<&'static str>> = OnceLock::new();
    FLOORS.get_or_init(|| {
        let runtimes = ["runc", "crun"].iter().filter_map(|runtime| floor::find(runtime).ok());
        let names =
            |found: floor::Found| found.names(&Way::ALL, None).map(|(name, _)| name).collect::<Vec<_>>();
        runtimes.flat_map(names).collect()
    })
}
