//! A key that stands twice in a manifest.
//!
//! ## What it finds
//! Two members of one name in a pod's `spec`, a container, a `securityContext` or a `seccompProfile`.
//!
//! ## Why it matters
//! Some clients take the last and say nothing, others refuse. A `securityContext` that stands twice loses one of its profiles.
//!
//! ## Example
//! ```yaml
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
//! spec:
//!   securityContext:
//!     seccompProfile:
//!       type: RuntimeDefault
//!   securityContext: {runAsNonRoot: true}
//!   containers:
//!   - name: app
//!     image: web:1
//!     securityContext:
//!       allowPrivilegeEscalation: false
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
//!     runAsNonRoot: true
//!   containers:
//!   - name: app
//!     image: web:1
//! ```
//!
//! ## References
//! - YAML 1.2.2, 3.2.1.3

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::super::super::manifest::{Object, short};
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "duplicate-manifest-key",
    family: Family::Kubernetes,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Object(check),
};

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    let Some(pod) = &object.pod else { return };
    for holder in std::iter::once(pod.spec).chain(pod.containers.iter().map(|container| container.node)) {
        walk(holder, sink);
        for (_, context) in holder.members().iter().filter(|(key, _)| key.name == "securityContext") {
            walk(context, sink);
            let profiles = context.members().iter().filter(|(key, _)| key.name == "seccompProfile");
            profiles.for_each(|(_, profile)| walk(profile, sink));
        }
    }
}

fn walk(node: &Node, sink: &mut Sink<'_>) {
    let mut seen = BTreeMap::new();
    for (key, _) in node.members() {
        match seen.entry(key.name.as_str()) {
            Entry::Vacant(entry) => {
                entry.insert(&key.span);
            }
            Entry::Occupied(first) => {
                let message =
                    format!("the key `{}` stands here twice: one of them is lost", short(&key.name));
                let finding = sink.report(key.span.clone(), message);
                finding
                    .label(first.get().start..first.get().end, "here first")
                    .hint("make one of them, with what both say");
            }
        }
    }
}
