//! A `localhostProfile` that names no profile.
//!
//! ## What it finds
//! A path that is in none of the folders of `--profiles`, or, where none is named, in no file and no ConfigMap that was looked at. Where no
//! profile was looked at at all, nothing is said.
//!
//! ## Why it matters
//! The kubelet looks for the file below its own folder when the container is made: the pod stays in `CreateContainerError`.
//!
//! ## Example
//! ```yaml file=deploy/pod.yaml
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
//! spec:
//!   containers:
//!   - name: app
//!     image: web:1
//!     securityContext:
//!       seccompProfile: {type: Localhost, localhostProfile: profiles/web.json}
//! ```
//!
//! ```json file=seccomp/profiles/web-server.json
//! { "defaultAction": "SCMP_ACT_LOG" }
//! ```
//!
//! ## Better
//! ```yaml file=deploy/pod.yaml
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
//! spec:
//!   containers:
//!   - name: app
//!     image: web:1
//!     securityContext:
//!       seccompProfile: {type: Localhost, localhostProfile: profiles/web-server.json}
//! ```
//!
//! ```json file=seccomp/profiles/web-server.json
//! { "defaultAction": "SCMP_ACT_LOG" }
//! ```
//!
//! ## References
//! - kubernetes.io, Restrict a Container's Syscalls with seccomp

use callgate_core::suggest;

use super::super::super::look::Known;
use super::super::super::usage::Usage;
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "profile-not-found",
    family: Family::Kubernetes,
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    check: Check::Reported,
};

/// A path, and what there is instead.
pub(crate) struct Missing<'m> {
    pub(crate) usage: &'m Usage,
    pub(crate) known: &'m [Known],
    pub(crate) folders: &'m [String],
}

/// A path that names none of the profiles there are.
pub(crate) fn missing(missing: &Missing<'_>, sink: &mut Sink<'_>) {
    let Missing { usage, known, folders } = missing;
    if known.is_empty() && folders.is_empty() {
        return;
    }
    let place = match folders {
        [] => "among the files that were looked at".to_owned(),
        folders => format!("in {}", folders.join(", ")),
    };
    let path = &usage.path;
    let finding =
        sink.report(usage.span.clone(), format!("{}: there is no profile `{path}` {place}", usage.who));
    if !folders.is_empty() {
        finding.severity(Severity::Error);
    }
    let last = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    let own = last(path);
    let names: Vec<String> = known.iter().map(|known| last(&known.path)).collect();
    let near = suggest::nearest(&own, names.iter().map(String::as_str))
        .or_else(|| names.iter().map(String::as_str).find(|name| alike(name, &own)));
    match near.and_then(|near| known.iter().zip(&names).find(|(_, name)| *name == near)) {
        Some((known, name)) => finding.hint(format!("there is `{name}`: {}", known.name)),
        None => finding
            .hint("the kubelet looks for it below its own folder, /var/lib/kubelet/seccomp, on every node"),
    };
}

/// Whether two file names have a word in common.
fn alike(a: &str, b: &str) -> bool {
    let words = |name: &str| -> Vec<String> {
        let stem = name.strip_suffix(".json").unwrap_or(name);
        stem.split(['-', '_', '.'])
            .filter(|word| word.len() > 2 && *word != "profile")
            .map(str::to_owned)
            .collect()
    };
    let (a, b) = (words(a), words(b));
    a.iter().any(|word| b.contains(word))
}
