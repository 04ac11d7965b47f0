//! A seccomp annotation that nobody reads any more.
//!
//! ## What it finds
//! The annotations `seccomp.security.alpha.kubernetes.io/pod` and `container.seccomp.security.alpha.kubernetes.io/NAME`. Where the fields say a
//! profile too, it is a warning.
//!
//! ## Why it matters
//! Kubelets ignore them from Kubernetes 1.25 on, and from 1.27 on they are not copied into the fields: the pod runs without the profile it
//! names, and nothing says so.
//!
//! ## Example
//! ```yaml
//! apiVersion: v1
//! kind: Pod
//! metadata:
//!   name: web
//!   annotations:
//!     seccomp.security.alpha.kubernetes.io/pod: runtime/default
//! spec:
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
//! - k8s#109819
//! - k8s#114947
//! - KEP-135

use std::cell::LazyCell;

use super::super::super::manifest::Object;
use super::super::super::yaml_edit::{self, Added};
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "alpha-annotation",
    family: Family::Kubernetes,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Object(check),
};

/// The pod's, and what those of containers begin with.
pub(crate) const POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
pub(crate) const CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    let said = LazyCell::new(|| {
        object.pod.as_ref().is_some_and(|pod| pod.containers.iter().all(|c| pod.profile_of(c).is_some()))
    });
    for (key, value) in object.annotations() {
        let container = key.name.strip_prefix(CONTAINER);
        if key.name != POD && container.is_none() {
            continue;
        }
        // A patch looks through all annotations and containers.
        let edits =
            if sink.is_full() { Vec::new() } else { edits(object, (&key.name, value), container, *said) };
        let message =
            format!("`{}`: kubelets ignore it since 1.25, and so does the API server since 1.27", key.name);
        let finding = sink.report(key.span.clone(), message);
        if *said {
            finding.severity(Severity::Warning).hint("the fields say it already: take it out");
        } else {
            finding.hint("say it in securityContext.seccompProfile");
        }
        finding.unsafe_fix("say it in the field", edits);
    }
}

/// The annotation goes, and the field comes where the value has a meaning and there is none yet.
fn edits(object: &Object<'_>, (key, value): (&str, &Node), container: Option<&str>, said: bool) -> Vec<Edit> {
    let Some(pod) = &object.pod else { return Vec::new() };
    let holders = [pod.metadata, object.node.get("metadata")];
    let annotations =
        holders.into_iter().flatten().filter_map(|metadata| Some((metadata, metadata.get("annotations")?)));
    let mut out = annotations.filter_map(|(metadata, annotations)| {
        annotations.get(key)?;
        // An empty list of annotations goes as a whole.
        let alone = || yaml_edit::remove(object.text, metadata, "annotations");
        yaml_edit::remove(object.text, annotations, key).or_else(alone)
    });
    let Some(out) = out.next() else { return Vec::new() };
    if said {
        return vec![out];
    }
    let holder = match container {
        Some(name) => pod.containers.iter().find(|c| c.name == name).map(|c| c.node),
        None => Some(pod.spec),
    };
    let profile = match value.text() {
        Some("runtime/default" | "docker/default") => "RuntimeDefault",
        Some("unconfined") => "Unconfined",
        _ => return Vec::new(),
    };
    let field = holder.and_then(|holder| match holder.get("securityContext") {
        Some(context) if context.get("seccompProfile").is_none() => yaml_edit::add(
            object.text,
            context,
            "seccompProfile",
            &Added::Mapping("type", profile),
            object.yaml,
        ),
        Some(_) => None,
        None => yaml_edit::add(object.text, holder, "securityContext", &Added::Profile(profile), object.yaml),
    });
    field.map_or_else(Vec::new, |field| vec![out, field])
}
