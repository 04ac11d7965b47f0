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

use super::super::super::subject::Mention;
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "conflicting-rules",
    family: Family::Semantics,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let docker = subject.docker_keys().next().is_some();
    for mentions in subject.named(profile).shared() {
        // So many rules of one call are compared with its first ones only: all with all takes the square of their number.
        for (at, second) in mentions.iter().enumerate().skip(1) {
            let same = |first: &&Mention<'_>| {
                (&first.rule.conditions, &first.rule.extra) == (&second.rule.conditions, &second.rule.extra)
            };
            let first = mentions[..at.min(MAX_COMPARED)].iter().find(same);
            let Some(first) = first.filter(|f| f.rule.action.action != second.rule.action.action) else {
                continue;
            };
            let plain = second.rule.conditions.is_empty();
            let outcome = if plain { "the first one counts" } else { "runtimes refuse the profile" };
            let message = format!(
                "`{}` is {} here and {} on line {}: {outcome}",
                second.name.text, second.rule.action.action, first.rule.action.action, first.rule.line
            );
            let finding = sink.report(second.name.span.clone(), message);
            finding.label(first.name.span.clone(), "the first one").hint("take it out of one of them");
            // One of them may be there for those who cannot read the other's keys.
            if plain && docker {
                finding.severity(Severity::Warning);
            }
        }
    }
}

const MAX_COMPARED: usize = 64;
