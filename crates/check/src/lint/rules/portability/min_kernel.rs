//! A kernel in a condition that loaders cannot read, or do not.
//!
//! ## What it finds
//! `minKernel` that is not a string of two numbers, which Docker refuses; and any `minKernel` where Podman or CRI-O reads the profile.
//!
//! ## Why it matters
//! Podman and CRI-O do not know the key: the rule holds on every kernel. Docker takes `"4.8"`, and refuses 4.8, `"4.8.1"` and `"0.0"`.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     {
//!       "names": ["ptrace"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "includes": { "minKernel": 4.8 }
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
//!     {
//!       "names": ["ptrace"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "includes": { "minKernel": "4.8" }
//!     }
//!   ]
//! }
//! ```
//!
//! ## References
//! - moby/profiles, `seccomp/kernel_linux.go`
//! - containers/common, `pkg/seccomp`

use super::super::prelude::*;
use crate::target::{Loader, Target};

pub(crate) static RULE: Rule = Rule {
    code: "min-kernel",
    family: Family::Portability,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Tree(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let reads_past = |target: &Target| matches!(target.loader, Loader::ContainersCommon | Loader::CriO);
    let past = subject.targets().iter().any(reads_past);
    for rule in subject.rules() {
        for key in ["includes", "excludes"] {
            let Some(node) = rule.at([key, "minKernel"]) else { continue };
            let fine = node.text().is_some_and(|text| text.is_empty() || is_kernel(text));
            if !fine {
                let message =
                    "Docker reads `minKernel` as a string of two numbers, and refuses anything else";
                sink.report(node.span.clone(), message).severity(Severity::Error).hint("write \"4.8\"");
            } else if past {
                sink.report(
                    node.span.clone(),
                    "Podman and CRI-O do not know `minKernel`: the rule holds on every kernel",
                );
            }
        }
    }
}

fn is_kernel(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let numbers = parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    parts.len() == 2 && numbers && text != "0.0"
}
