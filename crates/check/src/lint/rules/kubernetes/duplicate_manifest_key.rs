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

use callgate_core::profile::json::Key;

use super::super::super::manifest::Object;
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
    let mut walk = |node: &Node| {
        let mut seen: BTreeMap<&str, &Key> = BTreeMap::new();
        for (key, _) in node.members() {
            match seen.entry(&key.name) {
                Entry::Vacant(free) => {
                    free.insert(key);
                }
                Entry::Occupied(first) => {
                    let message = format!("the key `{}` stands here twice: one of them is lost", key.name);
                    sink.report(key.span.clone(), message).label(first.get().span.clone(), "here first");
                }
            }
        }
    };
    for holder in std::iter::once(pod.spec).chain(pod.containers.iter().map(|container| container.node)) {
        walk(holder);
        let contexts = holder.members().iter().filter(|(key, _)| key.name == "securityContext");
        for (_, context) in contexts {
            walk(context);
            context.get("seccompProfile").into_iter().for_each(&mut walk);
        }
    }
}
