//! A type of profile that does not exist.
//!
//! ## What it finds
//! A `type` other than `RuntimeDefault`, `Localhost` and `Unconfined`: `runtime/default`, as annotations had it, or in other case. A `seccompProfile` without a type, or that
//! is no object.
//!
//! ## Why it matters
//! The API server refuses the object.
//!
//! ## Example
//! ```yaml
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
//! spec:
//!   securityContext:
//!     seccompProfile:
//!       type: runtime/default
//!   containers:
//!   - name: app
//!     image: web:1
//! ```
//!
//! ## Better
//! ```yaml
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
//! spec:
//!   securityContext:
//!     seccompProfile:
//!       type: RuntimeDefault
//!   containers:
//!   - name: app
//!     image: web:1
//! ```
//!
//! ## References
//! - kubernetes.io, Restrict a Container's Syscalls with seccomp

use callgate_core::profile::json::Value;
use callgate_core::suggest;

use super::super::super::manifest::{Chosen, Object, short};
use super::super::super::yaml_edit::{self, Added};
use super::super::prelude::*;
use super::misplaced_profile::misspelt;

pub(crate) static RULE: Rule = Rule {
    code: "unknown-profile-type",
    family: Family::Kubernetes,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Object(check),
};

const TYPES: [&str; 3] = ["RuntimeDefault", "Localhost", "Unconfined"];

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    for chosen in super::chosen(object) {
        let Some(node) = chosen.node.get("type") else {
            without_type(object, &chosen, sink);
            continue;
        };
        let name = node.text().map(short).unwrap_or_default();
        if TYPES.contains(&name) {
            continue;
        }
        let message = match node.text() {
            Some(_) => format!("there is no seccomp profile type `{name}`"),
            None => format!("the type of a seccomp profile is {}, and has to be a string", node.kind()),
        };
        let finding = sink.report(node.span.clone(), message);
        let write = |meant| {
            let edit = yaml_edit::replace(object.text, &node.span, &Added::Text(meant), object.yaml);
            edit.into_iter().collect()
        };
        if let Some(meant) = meant(name) {
            finding.hint(format!("it is called `{meant}`")).safe_fix(format!("write {meant}"), write(meant));
        } else if let Some(near) = suggest::nearest(name, TYPES) {
            finding.hint(format!("did you mean `{near}`?")).unsafe_fix(format!("write {near}"), write(near));
        } else {
            finding.hint("known: RuntimeDefault, Localhost, Unconfined");
        }
    }
}

/// A name in other case, or as annotations had it.
fn meant(name: &str) -> Option<&'static str> {
    match name {
        "runtime/default" | "docker/default" => Some("RuntimeDefault"),
        _ => TYPES.into_iter().find(|known| known.eq_ignore_ascii_case(name)),
    }
}

fn without_type(object: &Object<'_>, chosen: &Chosen<'_>, sink: &mut Sink<'_>) {
    // A key that was meant for it is told of where keys are.
    if chosen.node.members().iter().any(|(key, _)| misspelt(&key.name, "type")) {
        return;
    }
    let Node { value, span } = chosen.node;
    let Some(name) = chosen.node.text() else {
        let message = match value {
            Value::Object(_) => "`seccompProfile` without a `type`: the API server refuses it".to_owned(),
            _ => format!(
                "`seccompProfile` is {}, and has to be an object: the API server refuses it",
                chosen.node.kind()
            ),
        };
        sink.report(chosen.key.span.clone(), message).hint("write type: RuntimeDefault");
        return;
    };
    let message =
        format!("`seccompProfile` is `{}`, and has to be an object: the API server refuses it", short(name));
    let finding = sink.report(span.clone(), message).hint("write {type: RuntimeDefault}");
    if let Some(kind) = meant(name) {
        let profile = Added::Mapping(&[("type", Added::Text(kind))]);
        let edit = yaml_edit::replace(object.text, span, &profile, object.yaml);
        finding.unsafe_fix(format!("write {{type: {kind}}}"), edit.into_iter().collect());
    }
}
