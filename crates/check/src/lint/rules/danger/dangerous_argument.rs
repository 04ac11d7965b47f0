//! A call whose arguments open more than is needed.
//!
//! ## What it finds
//! Calls that are allowed whatever their arguments, and of which some arguments are dangerous: `ioctl` with TIOCSTI, `socket` with
//! AF_ALG or AF_VSOCK, `personality`, `prctl`.
//!
//! ## Why it matters
//! The call is needed, and these arguments hardly ever are: each is a door that was used before.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["read", "ioctl"], "action": "SCMP_ACT_ALLOW" }
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
//!     {
//!       "names": ["ioctl"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [{ "index": 1, "value": 21523, "op": "SCMP_CMP_EQ" }]
//!     }
//!   ]
//! }
//! ```
//!
//! ## References
//! - ioctl_tty(2)
//! - CVE-2026-31431
//! - `callgate learn` writes such conditions

use std::collections::BTreeMap;

use callgate_core::args;
use callgate_core::profile::Name;

use super::super::super::subject::Mention;
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "dangerous-argument",
    family: Family::Danger,
    severity: Severity::Note,
    confidence: Confidence::Medium,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    // Calls of one rule with the same dangers are told of together: chmod and its like.
    let mut told: BTreeMap<(usize, Vec<&str>), Vec<&Name>> = BTreeMap::new();
    for mention in subject.named(profile).all() {
        let Mention { index, rule, name, fact: Some(fact), .. } = mention else { continue };
        let plain = rule.action.action.permits() && rule.conditions.is_empty() && rule.extra.is_empty();
        // These have rules of their own.
        let other = fact.danger.is_some() || matches!(name.text.as_str(), "clone" | "clone3" | "unshare");
        if !plain || other || !fact.has_arguments {
            continue;
        }
        let constants = args::danger_names(subject.native(), &name.text);
        if !constants.is_empty() {
            told.entry((index, constants)).or_default().push(name);
        }
    }
    for ((_, constants), names) in told {
        let Some(first) = names.first() else { continue };
        let calls = names.iter().map(|name| format!("`{}`", name.text)).collect::<Vec<_>>();
        let calls = super::super::some(&calls.iter().map(String::as_str).collect::<Vec<_>>());
        let verb = if names.len() == 1 { "is" } else { "are" };
        let dangers = args::dangers(subject.native(), &first.text);
        let why =
            dangers.first().map(|danger| format!(": {} {}", danger.name, danger.why)).unwrap_or_default();
        let message = format!("{calls} {verb} allowed with {}{why}", super::super::some(&constants));
        let finding = sink.report(first.span.clone(), message);
        finding.hint("allow the values that are needed, on that argument; learn and generate do that");
    }
}
