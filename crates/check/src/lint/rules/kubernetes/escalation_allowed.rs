//! A container with a profile that may gain privileges.
//!
//! ## What it finds
//! A container with a Localhost profile, and without `allowPrivilegeEscalation: false`.
//!
//! ## Why it matters
//! The runtime then loads the filter before it changes users and drops capabilities, so that the profile has to allow all of that to the
//! program, too; and setuid programs in the image work. Set to false, some twenty calls fewer are needed.
//!
//! ## Example
//! ```yaml
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
//! spec:
//!   securityContext:
//!     seccompProfile:
//!       type: Localhost
//!       localhostProfile: profiles/web.json
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
//!       type: Localhost
//!       localhostProfile: profiles/web.json
//!   containers:
//!   - name: app
//!     image: web:1
//!     securityContext:
//!       allowPrivilegeEscalation: false
//! ```
//!
//! ## References
//! - opencontainers/runc, `standard_init_linux.go`
//! - `callgate show PROFILE --starts-under RUNTIME`

use super::super::super::manifest::Object;
use super::super::super::yaml_edit::{self, Added};
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "escalation-allowed",
    family: Family::Kubernetes,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Object(check),
};

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    let Some(pod) = &object.pod else { return };
    for container in &pod.containers {
        let chosen = pod.profile_of(container).filter(|chosen| chosen.kind() == Some("Localhost"));
        let Some(chosen) = chosen.filter(|_| !container.no_new_privs() && !container.is_privileged()) else {
            continue;
        };
        let setting = container.setting("allowPrivilegeEscalation");
        let message = format!(
            "{} {}: without `allowPrivilegeEscalation: false` the profile has to allow what the runtime does before the program",
            container.role.name(),
            container.name
        );
        let place = setting.map_or_else(|| container.place(), |node| node.span.clone());
        let finding = sink.report(place, message);
        finding.label(chosen.place(), "the profile");
        let edit = match (setting, container.security()) {
            (Some(node), _) => Some(Edit::replace(node.span.clone(), "false")),
            (None, Some(context)) => yaml_edit::add(
                object.text,
                context,
                "allowPrivilegeEscalation",
                &Added::Word("false"),
                object.yaml,
            ),
            (None, None) => yaml_edit::add(
                object.text,
                container.node,
                "securityContext",
                &Added::NoEscalation,
                object.yaml,
            ),
        };
        finding.unsafe_fix("refuse escalation", edit.into_iter().collect());
    }
}
