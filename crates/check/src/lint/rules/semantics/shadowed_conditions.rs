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
    for mentions in subject.named(profile).shared() {
        let above = mentions.iter().find(|m| m.rule.conditions.is_empty() && m.rule.extra.is_empty());
        let Some(above) = above else { continue };
        for void in mentions.iter().filter(|m| !m.rule.conditions.is_empty() && m.rule.extra.is_empty()) {
            let does = if above.rule.action.action.permits() { "allows" } else { "refuses" };
            let message = format!(
                "the conditions on `{}` count for nothing: line {} {does} it whatever its arguments",
                void.name.text, above.rule.line
            );
            let finding = sink.report(void.name.span.clone(), message);
            if void.rule.action.action == above.rule.action.action {
                finding.severity(Severity::Note);
            }
            finding.label(above.name.span.clone(), "this one counts");
        }
    }
}
