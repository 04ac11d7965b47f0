//! Two rules that say different things of one call.
//!
//! ## What it finds
//! Rules with the same conditions, or both without any, for the same call, and with different actions.
//!
//! ## Why it matters
//! Without conditions, the first one counts and the other is dropped without a word. With the same conditions, libseccomp refuses
//! the second, and the container does not start.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["read", "ptrace"], "action": "SCMP_ACT_ALLOW" },
//!     { "names": ["ptrace"], "action": "SCMP_ACT_KILL_PROCESS" }
//!   ]
//! }
//! ```
//!
//! ## Better
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["read"], "action": "SCMP_ACT_ALLOW" },
//!     { "names": ["ptrace"], "action": "SCMP_ACT_KILL_PROCESS" }
//!   ]
//! }
//! ```
//!
//! ## References
//! - seccomp/libseccomp, `src/db.c`
//! - moby/profiles#2, setns in the default of Podman

use callgate_core::profile::Rule as Entry;

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "conflicting-rules",
    family: Family::Semantics,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    for (name, rules) in subject.by_name(profile) {
        // So many rules of one call are compared with its first ones only: all with all takes the square of their number.
        for (at, (_, rule)) in rules.iter().enumerate().skip(1) {
            let same = |(_, other): &&(usize, &Entry)| {
                other.conditions == rule.conditions && other.extra == rule.extra
            };
            let first = rules[..at.min(MAX_COMPARED)].iter().find(same);
            let Some((_, first)) = first.filter(|(_, first)| first.action.action != rule.action.action)
            else {
                continue;
            };
            let place = |rule: &Entry| {
                rule.names.iter().find(|n| n.text == name).map_or(rule.span.clone(), |n| n.span.clone())
            };
            let outcome = if rule.conditions.is_empty() {
                "the first one counts"
            } else {
                "runtimes refuse the profile"
            };
            let message = format!(
                "`{name}` is {} here and {} on line {}: {outcome}",
                rule.action.action, first.action.action, first.line
            );
            let finding = sink.report(place(rule), message);
            finding.label(place(first), "the first one").hint("take it out of one of them");
            // One of them may be there for those who cannot read the other's keys.
            if rule.conditions.is_empty() && subject.docker_keys().next().is_some() {
                finding.severity(Severity::Warning);
            }
        }
    }
}

const MAX_COMPARED: usize = 64;
