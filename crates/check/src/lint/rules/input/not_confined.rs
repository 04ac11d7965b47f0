//! What runtimes take for no seccomp at all.
//!
//! ## What it finds
//! An empty object, `null`, an object that only contains a profile (a custom resource, a bundle's `linux`), a profile without
//! `defaultAction`, `null` in place of a rule.
//!
//! ## Why it matters
//! Some runtimes and loaders take such a file for *seccomp is off* and start the container unconfined, without a word; others
//! refuse it.
//!
//! ## Example
//! ```json
//! { "spec": { "defaultAction": "SCMP_ACT_ERRNO" } }
//! ```
//!
//! ## Better
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [{ "names": ["read"], "action": "SCMP_ACT_ALLOW" }]
//! }
//! ```
//!
//! ## References
//! - runtime-spec, config-linux.md, Seccomp
//! - opencontainers/runc, `libcontainer/specconv/spec_linux.go`, SetupSeccomp

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "not-confined",
    family: Family::Input,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Tree(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let node = subject.node;
    if node.members().is_empty() {
        let what = if node.kind() == "an object" { "an empty object" } else { node.kind() };
        let message = format!("{what} is no profile: some runtimes start the container unconfined with it");
        sink.report(node.span.clone(), message).hint(WAY_OUT);
        return;
    }
    let wrapper = ["spec", "seccomp", "linux", "apiVersion"].iter().find_map(|name| node.member(name));
    match (node.get("defaultAction"), wrapper) {
        (None, Some((key, _))) => {
            let message = format!(
                "`{}`: this only contains a profile, and is none: some runtimes start the container unconfined with it",
                key.name
            );
            sink.report(key.span.clone(), message).hint("give the runtime the profile itself");
        }
        (None, None) => {
            let message =
                "`defaultAction` is missing: some loaders and runtimes take such a file for \"no seccomp\"";
            let start = node.span.start;
            sink.report(start..start + 1, message).hint(WAY_OUT);
        }
        (Some(_), _) => {}
    }
    for rule in subject.rules().iter().filter(|rule| rule.kind() == "null") {
        let message = "`null` in place of a rule: some runtimes start the container unconfined with it";
        sink.report(rule.span.clone(), message).hint("take it out");
    }
}

const WAY_OUT: &str = "begin with \"defaultAction\": \"SCMP_ACT_ERRNO\"";
