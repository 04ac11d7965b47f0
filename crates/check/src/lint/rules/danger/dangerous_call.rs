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

use callgate_core::group;

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "dangerous-call",
    family: Family::Danger,
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    check: Check::Profile(check),
};

fn check(_: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    for rule in &profile.rules {
        // What holds only for some capabilities or kernels is there for those.
        if !rule.action.action.permits() || !rule.conditions.is_empty() || !rule.extra.is_empty() {
            continue;
        }
        for name in &rule.names {
            if let Some(why) = group::danger(&name.text) {
                let finding = sink.report(name.span.clone(), format!("`{}` is allowed: it {why}", name.text));
                finding.hint("take it out, unless the workload is known to need it");
            }
        }
    }
}
