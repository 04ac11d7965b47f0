//! A language runtime that does not start with the container's profile.
//!
//! ## What it finds
//! A container whose image is named after a language runtime, and whose profile refuses what that needs before the program's first line:
//! Go, Python, Node.js, Java, a shared libc.
//!
//! ## Why it matters
//! The container starts, and the program in it ends with an error of its runtime that does not mention seccomp.
//!
//! ## Example
//! ```yaml (file=pod.yaml)
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
//! spec:
//!   containers:
//!   - name: app
//!     image: python:3.12
//!     securityContext:
//!       allowPrivilegeEscalation: false
//!       seccompProfile: {type: Localhost, localhostProfile: web.json}
//! ```
//!
//! ```json (file=web.json)
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["read", "write", "close", "exit_group"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## Better
//! ```yaml (file=pod.yaml)
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
//! spec:
//!   containers:
//!   - name: app
//!     image: python:3.12
//!     securityContext:
//!       allowPrivilegeEscalation: false
//!       seccompProfile: {type: Localhost, localhostProfile: web.json}
//! ```
//!
//! ```json (file=web.json)
//! {
//!   "defaultAction": "SCMP_ACT_ALLOW",
//!   "syscalls": [
//!     { "names": ["mount"], "action": "SCMP_ACT_ERRNO" }
//!   ]
//! }
//! ```
//!
//! ## References
//! - `callgate learn -o PROFILE -- COMMAND` records what a program needs

use super::super::super::usage::{Judged, WHO};
use super::super::prelude::*;
use super::calls::PROGRAMS;

pub(crate) static RULE: Rule = Rule {
    code: "image-calls-missing",
    family: Family::Startup,
    severity: Severity::Warning,
    confidence: Confidence::Low,
    check: Check::Use(check),
};

fn check(judged: &Judged<'_>, sink: &mut Sink<'_>) {
    let Some(profile) = judged.subject.profile() else { return };
    let image = judged.usage.image.as_deref().unwrap_or_default().to_ascii_lowercase();
    let name = image.rsplit('/').next().unwrap_or_default();
    let name = name.split([':', '@']).next().unwrap_or_default();
    let words: Vec<&str> = name.split(['-', '_', '.']).collect();
    let program =
        PROGRAMS.iter().rev().find(|program| program.images.iter().any(|image| words.contains(image)));
    let Some(program) = program else { return };
    let lacks = program.lacks(&judged.subject, profile);
    if !lacks.is_empty() {
        let message = format!(
            "{WHO}: {} does not start with {}: {} refused",
            program.name,
            judged.file,
            super::super::some(&lacks)
        );
        sink.report(judged.usage.span.clone(), message)
            .hint("record it: callgate learn -o PROFILE -- COMMAND");
    }
}
