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

use callgate_core::{args, group};

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "dangerous-argument",
    family: Family::Danger,
    severity: Severity::Note,
    confidence: Confidence::Medium,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    for rule in &profile.rules {
        if !rule.action.action.permits() || !rule.conditions.is_empty() || !rule.extra.is_empty() {
            continue;
        }
        for name in &rule.names {
            // These have rules of their own.
            if group::is_dangerous(&name.text) || matches!(name.text.as_str(), "clone" | "clone3" | "unshare")
            {
                continue;
            }
            let dangers = args::dangers(subject.native(), &name.text);
            let Some(first) = dangers.first() else { continue };
            let names: Vec<&str> = dangers.iter().map(|danger| danger.name).collect();
            let message = format!(
                "`{}` is allowed with {}: {} {}",
                name.text,
                super::super::some(&names),
                first.name,
                first.why
            );
            sink.report(name.span.clone(), message)
                .hint("allow the values that are needed, on that argument");
        }
    }
}
