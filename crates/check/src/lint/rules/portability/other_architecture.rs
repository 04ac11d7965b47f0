//! A profile for another architecture than the pod's.
//!
//! ## What it finds
//! A pod with `kubernetes.io/arch` in its `nodeSelector`, and a profile that lists architectures, of which none is that one.
//!
//! ## Why it matters
//! The node's own architecture is filtered by the same names, which were recorded elsewhere: calls that only it has are refused.
//!
//! ## Example
//! ```yaml (file=pod.yaml)
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
//! spec:
//!   nodeSelector: {kubernetes.io/arch: arm64}
//!   containers:
//!   - name: app
//!     image: web:1
//!     securityContext:
//!       allowPrivilegeEscalation: false
//!       seccompProfile: {type: Localhost, localhostProfile: web.json}
//! ```
//!
//! ```json (file=web.json)
//! { "defaultAction": "SCMP_ACT_LOG", "architectures": ["SCMP_ARCH_X86_64"] }
//! ```
//!
//! ## Better
//! ```yaml (file=pod.yaml)
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
//! spec:
//!   nodeSelector: {kubernetes.io/arch: arm64}
//!   containers:
//!   - name: app
//!     image: web:1
//!     securityContext:
//!       allowPrivilegeEscalation: false
//!       seccompProfile: {type: Localhost, localhostProfile: web.json}
//! ```
//!
//! ```json (file=web.json)
//! { "defaultAction": "SCMP_ACT_LOG", "architectures": ["SCMP_ARCH_AARCH64", "SCMP_ARCH_X86_64"] }
//! ```
//!
//! ## References
//! - `callgate generate --arch aarch64` translates a trace

use super::super::super::usage::{Judged, WHO};
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "other-architecture",
    family: Family::Portability,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Use(check),
};

fn check(judged: &Judged<'_>, sink: &mut Sink<'_>) {
    let (Some(profile), Some(arch)) = (judged.subject.profile(), &judged.usage.arch) else { return };
    if callgate_core::profile::is_foreign(profile, judged.subject.native()) {
        let listed =
            profile.architectures.iter().map(|listed| listed.name.as_str()).collect::<Vec<_>>().join(", ");
        let message = format!("{WHO}: runs on {arch}, and {} is for {listed}", judged.file);
        sink.report(judged.usage.span.clone(), message)
            .hint("generate one for that architecture: callgate generate --arch");
    }
}
