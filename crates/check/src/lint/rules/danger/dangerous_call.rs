//! A call that reaches other processes or the kernel itself.
//!
//! ## What it finds
//! Calls of `@dangerous` that a rule allows whatever their arguments: `ptrace`, `bpf`, `mount`, `kexec_load`, `process_vm_writev` and
//! others.
//!
//! ## Why it matters
//! Few programs need them, and exploits begin with them. Some are also held back by capabilities; a profile holds where a capability was
//! added by mistake.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["read", "ptrace"], "action": "SCMP_ACT_ALLOW" }
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
//! - `callgate groups @dangerous`
//! - `callgate explain PROFILE` holds them against the runtime's default

use callgate_core::profile;

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "dangerous-call",
    family: Family::Danger,
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    for mention in subject.named(profile).all() {
        let Some(why) = mention.fact.and_then(|fact| fact.danger) else { continue };
        let profile::Rule { action, conditions, extra, .. } = mention.rule;
        // What holds only for some capabilities or kernels is there for those.
        if action.action.permits() && conditions.is_empty() && extra.is_empty() {
            let name = mention.name;
            let finding = sink.report(name.span.clone(), format!("`{}` is allowed: it {why}", name.text));
            finding.hint("take it out, unless the workload is known to need it");
        }
    }
}
