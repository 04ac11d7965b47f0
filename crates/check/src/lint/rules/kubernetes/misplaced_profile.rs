//! A profile where nobody looks for it.
//!
//! ## What it finds
//! `seccompProfile` in the pod's `spec` or in a container, in place of its `securityContext`; one in the `spec` of a Deployment or its
//! like, in place of the pod's; keys that differ from `securityContext`, `seccompProfile`, `localhostProfile` or `type` in case or a
//! letter.
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

use callgate_core::profile::json::Key;
use callgate_core::suggest;

use super::super::super::manifest::{Object, Pod, short};
use super::super::super::yaml_edit::{self, Added};
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "misplaced-profile",
    family: Family::Kubernetes,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Object(check),
};

/// What a `seccompProfile` has.
const KEYS: [&str; 2] = ["type", "localhostProfile"];

/// The kinds whose `spec` has no security context of its own: what stands there was meant for the pods they make.
const MAKERS: [&str; 7] =
    ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob"];

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    let Some(pod) = &object.pod else { return };
    for holder in std::iter::once(pod.spec).chain(pod.containers.iter().map(|container| container.node)) {
        for (key, value) in holder.members() {
            if key.name == "seccompProfile" || misspelt(&key.name, "seccompProfile") {
                outside(object, holder, (key, value), sink);
            } else if misspelt(&key.name, "securityContext") {
                unknown(object, key, "securityContext", sink);
            }
        }
        let Some(context) = holder.get("securityContext") else { continue };
        for (key, _) in context.members() {
            if misspelt(&key.name, "seccompProfile") || key.name == "seccomp" {
                unknown(object, key, "seccompProfile", sink);
            }
        }
        inside(object, context.get("seccompProfile"), sink);
    }
    if MAKERS.contains(&object.kind) {
        above(object, pod, sink);
    }
}

/// Beside the security context in place of in it.
fn outside(object: &Object<'_>, holder: &Node, (key, value): (&Key, &Node), sink: &mut Sink<'_>) {
    let message =
        format!("`{}` stands outside of `securityContext`: nobody looks for it here", short(&key.name));
    // A patch looks through all members.
    let patched = !sink.is_full();
    let finding = sink.report(key.span.clone(), message).hint("put it into `securityContext`");
    let text = |key| Some((key, Added::Text(value.get(key)?.text()?)));
    let members: Vec<_> = KEYS.into_iter().filter_map(text).collect();
    if patched && !members.is_empty() && members.len() == value.members().len() {
        let gone = yaml_edit::remove(object.text, holder, &key.name);
        let come = super::give(object, holder, "seccompProfile", Added::Mapping(&members));
        let edits = gone.zip(come).map(|(gone, come)| vec![gone, come]);
        finding.unsafe_fix("put it there", edits.unwrap_or_default());
    }
}

/// Keys of a `seccompProfile` that it does not have.
fn inside(object: &Object<'_>, profile: Option<&Node>, sink: &mut Sink<'_>) {
    for (key, _) in profile.map_or(&[][..], Node::members) {
        match KEYS.into_iter().find(|known| misspelt(&key.name, known)) {
            Some(known) => unknown(object, key, known, sink),
            None if !KEYS.contains(&key.name.as_str()) => {
                let message =
                    format!("unknown key `{}` in seccompProfile is dropped or refused", short(&key.name));
                sink.report(key.span.clone(), message)
                    .hint("it has `type`, and for Localhost `localhostProfile`");
            }
            None => {}
        }
    }
}

/// Above the pod's `spec`: in that of what makes it, or in the template itself.
fn above(object: &Object<'_>, pod: &Pod<'_>, sink: &mut Sink<'_>) {
    let spec = object.node.get("spec");
    let job = spec.and_then(|spec| spec.at(["jobTemplate", "spec"]));
    for holder in [spec, job].into_iter().flatten().filter(|holder| !std::ptr::eq(*holder, pod.spec)) {
        for holder in std::iter::once(holder).chain(holder.get("template")) {
            let context =
                holder.member("securityContext").map(|(key, context)| (key, context.get("seccompProfile")));
            let found = match context {
                Some((key, Some(_))) => Some(key),
                _ => holder.member("seccompProfile").map(|(key, _)| key),
            };
            let Some(key) = found else { continue };
            let message =
                format!("`{}` stands above the pod's `spec`: nobody looks for it here", short(&key.name));
            let finding = sink.report(key.span.clone(), message);
            finding.hint("put it into the `spec` that has `containers`, there into `securityContext`");
        }
    }
}

fn unknown(object: &Object<'_>, key: &Key, known: &str, sink: &mut Sink<'_>) {
    let finding =
        sink.report(key.span.clone(), format!("unknown key `{}` is dropped or refused", short(&key.name)));
    let edit = yaml_edit::replace(object.text, &key.span, &Added::Text(known), object.yaml);
    let edits = edit.into_iter().collect();
    let finding = finding.hint(format!("did you mean `{known}`?"));
    if key.name.eq_ignore_ascii_case(known) {
        finding.safe_fix(format!("write {known}"), edits);
    } else {
        finding.unsafe_fix(format!("write {known}"), edits);
    }
}

/// Whether a key was meant to be another one.
pub(super) fn misspelt(name: &str, known: &'static str) -> bool {
    name != known && suggest::nearest(name, [known]).is_some()
}
