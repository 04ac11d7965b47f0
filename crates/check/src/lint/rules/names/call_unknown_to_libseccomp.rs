//! A call that the runtime's libseccomp does not know.
//!
//! ## What it finds
//! Names that came with a later release of libseccomp than the one `--libseccomp` says the runtime has.
//!
//! ## Why it matters
//! The runtime skips them: what they were to allow stays refused on that node, although the file names it.
//!
//! ## Example
//! ```json (libseccomp=2.5.4)
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["fchmodat2"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## Better
//! ```json (libseccomp=2.6.0)
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["fchmodat2"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## References
//! - seccomp/libseccomp, CHANGELOG
//! - moby#41704
//! - docker-ce-packaging#1007

use super::super::prelude::*;
use crate::libseccomp;

pub(crate) static RULE: Rule = Rule {
    code: "call-unknown-to-libseccomp",
    family: Family::Names,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let Some(release) = subject.targets().iter().filter_map(|target| target.libseccomp).min() else { return };
    for name in profile.rules.iter().flat_map(|rule| &rule.names) {
        if let Some(since) = libseccomp::since(&name.text).filter(|since| *since > release) {
            let message = format!(
                "libseccomp {release} does not know `{}`, which came with {since}: it is skipped",
                name.text
            );
            sink.report(name.span.clone(), message)
                .hint("have the nodes updated, or expect the call to be refused");
        }
    }
}
