//! A profile that allows what it does not name.
//!
//! ## What it finds
//! `defaultAction` SCMP_ACT_ALLOW, or SCMP_ACT_LOG, which allows and logs.
//!
//! ## Why it matters
//! Every call that a newer kernel brings is allowed with it, and every one that was forgotten. As a first stage, to see what a workload
//! makes, it is right; it is weaker than the runtime's default, which it replaces.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ALLOW",
//!   "syscalls": [
//!     { "names": ["mount"], "action": "SCMP_ACT_ERRNO" }
//!   ]
//! }
//! ```
//!
//! ## Better
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["read"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## References
//! - `callgate stage PROFILE audit` derives such a stage and says how it is weaker

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "allow-by-default",
    family: Family::Danger,
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    match profile.default.action {
        Action::Allow => {
            let finding = sink.report(
                subject.top("defaultAction"),
                "what is not named is allowed, and so is what newer kernels bring",
            );
            finding.hint("name what is needed, and refuse by default");
        }
        Action::Log => {
            let message = "SCMP_ACT_LOG allows: this profile refuses only what it names, and replaces the runtime's default";
            let finding = sink.report(subject.top("defaultAction"), message).severity(Severity::Note);
            finding.hint("right for an audit stage; what comes after it: callgate stage PROFILE complain");
        }
        _ => {}
    }
}
