//! Kubernetes manifests.

mod alpha_annotation;
mod annotation_value;
mod capability_opens_calls;
mod container_overrides_pod;
mod duplicate_manifest_key;
mod escalation_allowed;
mod localhost_profile_missing;
mod localhost_profile_path;
mod misplaced_profile;
mod no_profile;
mod privileged_profile;
mod profile_not_found;
mod profile_volume;
mod seccomp_host_path;
mod stray_localhost_profile;
mod unconfined;
mod unknown_profile_type;
mod weak_context;
mod windows_profile;

use callgate_core::profile::json::Node;

use super::super::finding::Edit;
use super::super::manifest::{Chosen, Object};
use super::super::yaml_edit::{self, Added};
use super::table;

pub(crate) use alpha_annotation::{CONTAINER as ANNOTATION_OF, POD as ANNOTATION};
pub(crate) use profile_not_found::{Near, RULE as PROFILE_NOT_FOUND, missing};

table![
    alpha_annotation,
    annotation_value,
    unknown_profile_type,
    localhost_profile_missing,
    stray_localhost_profile,
    localhost_profile_path,
    misplaced_profile,
    duplicate_manifest_key,
    profile_not_found,
    profile_volume,
    seccomp_host_path,
    privileged_profile,
    unconfined,
    no_profile,
    container_overrides_pod,
    windows_profile,
    escalation_allowed,
    capability_opens_calls,
    weak_context,
];

/// Every `seccompProfile` of an object: the pod's, then those of containers.
fn chosen<'o>(object: &Object<'o>) -> impl Iterator<Item = Chosen<'o>> {
    let pods = object.pod.as_ref().and_then(super::super::manifest::Pod::profile);
    let containers = object.pod.iter().flat_map(|pod| pod.containers.iter());
    let own: Vec<Chosen<'o>> = containers.filter_map(super::super::manifest::Container::profile).collect();
    pods.into_iter().chain(own)
}

/// Gives a pod or a container, whose `spec` or node it is, something in its `securityContext`, which it may not have yet.
fn give(object: &Object<'_>, holder: &Node, key: &str, value: Added<'_>) -> Option<Edit> {
    match holder.get("securityContext") {
        Some(context) if context.get(key).is_some() => None,
        Some(context) => yaml_edit::add(object.text, context, key, &value, object.yaml),
        None => {
            let context = Added::Mapping(&[(key, value)]);
            yaml_edit::add(object.text, holder, "securityContext", &context, object.yaml)
        }
    }
}

/// Whether a path is the kubelet's folder of profiles, or in it; its root may be another than /var/lib/kubelet.
fn is_seccomp_folder(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    parts.windows(2).any(|pair| pair == ["kubelet", "seccomp"])
}
