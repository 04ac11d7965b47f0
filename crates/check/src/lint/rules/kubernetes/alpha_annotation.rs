//! A seccomp annotation that nobody reads any more.
//!
//! ## What it finds
//! The annotations `seccomp.security.alpha.kubernetes.io/pod` and `container.seccomp.security.alpha.kubernetes.io/NAME`, and those of
//! PodSecurityPolicies, `…/defaultProfileName` and `…/allowedProfileNames`. Where the fields say it too, it is a warning; a container's
//! annotation went before the pod's field, which has to say the same for that.
//!
//! ## Why it matters
//! Kubelets ignore them from Kubernetes 1.25 on, and from 1.27 on they are not copied into the fields: the pod runs without the profile it
//! names, and nothing says so. PodSecurityPolicies are gone since 1.25.
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

use std::collections::BTreeMap;

use super::super::super::manifest::{Container, Object, Pod, short};
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

/// Those of PodSecurityPolicies.
const POLICY: [&str; 2] = [
    "seccomp.security.alpha.kubernetes.io/defaultProfileName",
    "seccomp.security.alpha.kubernetes.io/allowedProfileNames",
];

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    let already = Said::of(object);
    for (key, value) in object.annotations() {
        let (name, shown) = (key.name.as_str(), short(&key.name));
        if POLICY.contains(&name) {
            let message =
                format!("`{shown}`: PodSecurityPolicies, which read it, are gone since Kubernetes 1.25");
            sink.report(key.span.clone(), message).hint(
                "label the namespaces with a Pod Security Standard: pod-security.kubernetes.io/enforce",
            );
            continue;
        }
        let container = name.strip_prefix(CONTAINER);
        if name != POD && container.is_none() {
            continue;
        }
        let said = already.covers(container, value);
        // A patch looks through all annotations and containers.
        let edits = if sink.is_full() { None } else { edits(object, (name, value), container, said) };
        let message =
            format!("`{shown}`: kubelets ignore it since 1.25, and so does the API server since 1.27");
        let finding = sink.report(key.span.clone(), message);
        if said {
            finding.severity(Severity::Warning).hint("the fields say it already: take it out");
        } else {
            finding.hint("say it in securityContext.seccompProfile");
        }
        let title = if said { "take it out" } else { "say it in the field" };
        finding.unsafe_fix(title, edits.unwrap_or_default());
    }
}

/// A type, and the path that goes with `Localhost`.
type Meant<'o> = (&'o str, Option<&'o str>);

/// What an annotation's value says in the words of the fields; `None`: nothing.
fn meant(value: &Node) -> Option<Meant<'_>> {
    match value.text()? {
        "runtime/default" | "docker/default" => Some(("RuntimeDefault", None)),
        "unconfined" => Some(("Unconfined", None)),
        other => {
            let path = other.strip_prefix("localhost/").filter(|path| !path.is_empty())?;
            Some(("Localhost", Some(path)))
        }
    }
}

/// A profile that a field gives a container.
struct Given<'o> {
    /// Whether it is the container's own field, not the pod's.
    own: bool,
    says: Option<Meant<'o>>,
}

/// Whether fields give containers a profile.
pub(super) struct Said<'o> {
    each: BTreeMap<&'o str, Option<Given<'o>>>,
}

impl<'o> Said<'o> {
    pub(super) fn of(object: &Object<'o>) -> Self {
        let given = |pod: &Pod<'o>, container: &Container<'o>| {
            let chosen = pod.profile_of(container)?;
            let says = chosen.kind().map(|kind| (kind, chosen.path().map(|(_, path)| path)));
            Some(Given { own: container.profile().is_some(), says })
        };
        let said = |pod: &Pod<'o>| pod.containers.iter().map(|own| (own.name, given(pod, own))).collect();
        Self { each: object.pod.as_ref().map(said).unwrap_or_default() }
    }

    /// Whether all have one that an annotation is for, whatever it says.
    pub(super) fn has(&self, container: Option<&str>) -> bool {
        match container {
            Some(name) => self.each.get(name).is_some_and(Option::is_some),
            None => !self.each.is_empty() && self.each.values().all(Option::is_some),
        }
    }

    /// Whether it adds nothing to the fields. A container's annotation goes before the pod's field, which has to say
    /// the same.
    pub(super) fn covers(&self, container: Option<&str>, value: &Node) -> bool {
        match container {
            Some(name) => {
                let given = self.each.get(name).and_then(Option::as_ref);
                given.is_some_and(|given| given.own || (given.says.is_some() && given.says == meant(value)))
            }
            None => self.has(None),
        }
    }
}

/// The annotation goes, and the field comes where there is none yet and the value has a meaning.
fn edits(
    object: &Object<'_>,
    (key, value): (&str, &Node),
    container: Option<&str>,
    said: bool,
) -> Option<Vec<Edit>> {
    let pod = object.pod.as_ref()?;
    let holders = [pod.metadata, object.node.get("metadata")];
    let has =
        |metadata: &&Node| metadata.at(["annotations", key]).is_some_and(|own| std::ptr::eq(own, value));
    let metadata = holders.into_iter().flatten().find(has)?;
    let gone = yaml_edit::remove_from(object.text, metadata, "annotations", key)?;
    if said {
        return Some(vec![gone]);
    }
    let holder = match container {
        Some(name) => pod.containers.iter().find(|own| own.name == name)?.node,
        None => pod.spec,
    };
    let (kind, path) = meant(value)?;
    let path = path.map(|path| ("localhostProfile", Added::Text(path)));
    let members: Vec<_> = std::iter::once(("type", Added::Text(kind))).chain(path).collect();
    let field = super::give(object, holder, "seccompProfile", Added::Mapping(&members));
    Some(vec![gone, field?])
}
