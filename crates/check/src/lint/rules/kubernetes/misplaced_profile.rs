//! A profile where nobody looks for it.
//!
//! ## What it finds
//! `seccompProfile` in the pod's `spec` or in a container, in place of its `securityContext`; keys that differ from `seccompProfile`,
//! `localhostProfile` or `type` in case or a letter.
//!
//! ## Why it matters
//! The API server drops it, or refuses the object, by how strict the client asks it to be. Dropped, the pod runs without the profile.
//!
//! ## Example
//! ```yaml
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
//! spec:
//!   containers:
//!   - name: app
//!     image: web:1
//!     seccompProfile: {type: RuntimeDefault}
//! ```
//!
//! ## Better
//! ```yaml
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
//! spec:
//!   containers:
//!   - name: app
//!     image: web:1
//!     securityContext:
//!       seccompProfile:
//!         type: RuntimeDefault
//! ```
//!
//! ## References
//! - kubernetes.io, Restrict a Container's Syscalls with seccomp

use callgate_core::profile::json::{Key, Value};
use callgate_core::suggest;

use super::super::super::manifest::Object;
use super::super::super::yaml_edit;
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "misplaced-profile",
    family: Family::Kubernetes,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Object(check),
};

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    let Some(pod) = &object.pod else { return };
    for holder in std::iter::once(pod.spec).chain(pod.containers.iter().map(|container| container.node)) {
        let known = ["securityContext"];
        for (key, _) in holder.members() {
            if key.name == "seccompProfile" || misspelt(&key.name, "seccompProfile") {
                let message =
                    format!("`{}` stands outside of `securityContext`: nobody looks for it here", key.name);
                sink.report(key.span.clone(), message).hint("put it into `securityContext`");
            } else if known.iter().any(|known| key.name.eq_ignore_ascii_case(known) && key.name != *known) {
                report(object, key, "securityContext", sink);
            }
        }
        let context = holder.get("securityContext");
        for (key, _) in context.map_or(&[][..], Node::members) {
            if misspelt(&key.name, "seccompProfile")
                || matches!(key.name.as_str(), "seccomp" | "seccompProfiles")
            {
                report(object, key, "seccompProfile", sink);
            }
        }
        let profile = context.and_then(|context| context.get("seccompProfile"));
        for (key, _) in profile.map_or(&[][..], Node::members) {
            match ["type", "localhostProfile"].into_iter().find(|known| misspelt(&key.name, known)) {
                Some(known) => report(object, key, known, sink),
                None if !matches!(key.name.as_str(), "type" | "localhostProfile") => {
                    let message =
                        format!("unknown key `{}` in seccompProfile is dropped or refused", key.name);
                    sink.report(key.span.clone(), message)
                        .hint("it has `type`, and for Localhost `localhostProfile`");
                }
                None => {}
            }
        }
    }
}

fn report(object: &Object<'_>, key: &Key, known: &str, sink: &mut Sink<'_>) {
    let finding = sink.report(key.span.clone(), format!("unknown key `{}` is dropped or refused", key.name));
    let node = Node { value: Value::Null, span: key.span.clone() };
    let edit = yaml_edit::replace(&node, known, object.yaml);
    let finding = finding.hint(format!("did you mean `{known}`?"));
    if key.name.eq_ignore_ascii_case(known) {
        finding.safe_fix(format!("write {known}"), vec![edit]);
    } else {
        finding.unsafe_fix(format!("write {known}"), vec![edit]);
    }
}

fn misspelt(name: &str, known: &'static str) -> bool {
    name != known && suggest::nearest(name, [known]).is_some()
}
