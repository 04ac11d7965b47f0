//! Conditions that another rule makes void.
//!
//! ## What it finds
//! A rule with conditions on arguments, for a call that another rule is about whatever its arguments.
//!
//! ## Why it matters
//! In libseccomp the rule without conditions wins, wherever it stands. A refusal of dangerous arguments is then never made.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["read", "socket"], "action": "SCMP_ACT_ALLOW" },
//!     {
//!       "names": ["socket"],
//!       "action": "SCMP_ACT_ERRNO",
//!       "errnoRet": 97,
//!       "args": [{ "index": 0, "value": 40, "op": "SCMP_CMP_EQ" }]
//!     }
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
//!       "names": ["socket"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [{ "index": 0, "value": 40, "op": "SCMP_CMP_NE" }]
//!     }
//!   ]
//! }
//! ```
//!
//! ## References
//! - seccomp/libseccomp, `src/db.c`
//! - `callgate explain PROFILE CALL`

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "shadowed-conditions",
    family: Family::Semantics,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let by_name = subject.by_name(profile);
    for rule in &profile.rules {
        if rule.conditions.is_empty() || !rule.extra.is_empty() {
            continue;
        }
        let shadow = |name: &str| {
            let others = by_name.get(name).into_iter().flatten();
            others
                .map(|(other, rule)| (*other, *rule))
                .find(|(_, r)| r.conditions.is_empty() && r.extra.is_empty())
        };
        for name in &rule.names {
            let Some((other, above)) = shadow(&name.text) else { continue };
            let does = if above.action.action.permits() { "allows" } else { "refuses" };
            let message = format!(
                "the conditions on `{}` count for nothing: line {} {does} it whatever its arguments",
                name.text, above.line
            );
            let finding = sink.report(name.span.clone(), message);
            if rule.action.action == above.action.action {
                finding.severity(Severity::Note);
            }
            let there = above.names.iter().find(|n| n.text == name.text).map(|n| n.span.clone());
            finding.label(there.unwrap_or_else(|| subject.part(other, "names")), "this one counts");
        }
    }
}
