//! A profile that lists no architecture.
//!
//! ## What it finds
//! No `architectures`, and no `archMap` of Docker's.
//!
//! ## Why it matters
//! The machine's own architecture is filtered. Programs of any other, such as 32-bit ones on a 64-bit machine, are killed with SIGSYS at
//! their first call, whatever `defaultAction` says. The same file is another profile on another machine.
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
//!   "architectures": ["SCMP_ARCH_X86_64"],
//!   "syscalls": [
//!     { "names": ["read"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## References
//! - seccomp_attr_set(3), SCMP_FLTATR_ACT_BADARCH

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "no-architectures",
    family: Family::Architectures,
    severity: Severity::Note,
    confidence: Confidence::Medium,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    if !profile.architectures.is_empty() || subject.node.get("archMap").is_some() {
        return;
    }
    let key = subject.node.member("defaultAction").map_or(0..0, |(key, _)| key.span.clone());
    let native = subject.native();
    let message =
        "no `architectures`: only the machine's own is filtered, and programs of any other are killed";
    let finding = sink.report(key, message);
    finding.hint(format!("name those that it is for: \"architectures\": [\"{}\"]", native.oci()));
}
