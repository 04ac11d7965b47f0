//! Refusals that leave no trace.
//!
//! ## What it finds
//! Rules or a default that refuse with an errno, a signal or a listener, without SECCOMP_FILTER_FLAG_LOG.
//!
//! ## Why it matters
//! The kernel logs kills and SCMP_ACT_LOG by itself; every other refusal only where the filter was loaded with this flag. Without it a
//! program fails with *operation not permitted*, and no log says why. runc takes the flag from 1.2 on.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["read"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## Better
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "flags": ["SECCOMP_FILTER_FLAG_LOG"],
//!   "syscalls": [
//!     { "names": ["read"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## References
//! - seccomp(2), SECCOMP_FILTER_FLAG_LOG
//! - Flatcar#1400

use callgate_core::floor::Version;

use super::super::prelude::*;
use crate::target::{RuntimeName, Target};

pub(crate) static RULE: Rule = Rule {
    code: "no-log-flag",
    family: Family::Flags,
    severity: Severity::Note,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let silent = |action: Action| {
        matches!(action, Action::Errno(_) | Action::Trap(_) | Action::Trace(_) | Action::Notify)
    };
    let refuses =
        silent(profile.default.action) || profile.rules.iter().any(|rule| silent(rule.action.action));
    if !refuses || profile.flags.iter().any(|flag| flag == LOG) {
        return;
    }
    let old = |target: &Target| {
        target.runtime.is_some_and(|r| r.name == RuntimeName::Runc && r.version < Version::new(1, 2, 0))
    };
    let finding = sink.report(
        subject.top("defaultAction"),
        "what is refused is not logged: SECCOMP_FILTER_FLAG_LOG is not set",
    );
    if subject.is_targeted() && subject.targets().iter().any(old) {
        finding.hint(
            "runc takes the flag from 1.2 on; until then `callgate run --stage audit` shows what is refused",
        );
        return;
    }
    let edit = match subject.node.get("flags") {
        Some(list) if list.items().is_empty() => {
            Some(Edit::replace(list.span.clone(), format!("[\"{LOG}\"]")))
        }
        Some(list) => add_item(subject.text, list, &format!("\"{LOG}\"")),
        None => add_member(subject.text, subject.node, "defaultAction", &format!("\"flags\": [\"{LOG}\"]")),
    };
    finding.unsafe_fix("log what is refused", edit.into_iter().collect());
}

const LOG: &str = "SECCOMP_FILTER_FLAG_LOG";
