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
    let Some(pod) = object.pod.as_ref().filter(|pod| !pod.is_windows()) else { return };
    for container in &pod.containers {
        let chosen = pod.profile_of(container).filter(|chosen| chosen.kind() == Some("Localhost"));
        let Some(chosen) = chosen.filter(|_| !container.no_new_privs() && !container.is_privileged()) else {
            continue;
        };
        let setting = container.setting("allowPrivilegeEscalation");
        let message = format!(
            "{}: without `allowPrivilegeEscalation: false` the profile has to allow what the runtime does before the program",
            container.title()
        );
        let place = setting.map_or_else(|| container.place(), |node| node.span.clone());
        let finding = sink.report(place, message);
        finding.label(chosen.place(), "the profile");
        // The API server refuses both together, under that name of the capability (`validation.go`, ValidateSecurityContext).
        if container.added_caps().iter().any(|cap| cap.text() == Some("CAP_SYS_ADMIN")) {
            finding.hint("that is refused beside CAP_SYS_ADMIN: does it need that?");
            continue;
        }
        let edit = match setting {
            Some(node) => yaml_edit::replace(object.text, &node.span, &Added::Flag(false), object.yaml),
            None => super::give(object, container.node, "allowPrivilegeEscalation", Added::Flag(false)),
        };
        finding.unsafe_fix("refuse escalation", edit.into_iter().collect());
    }
}
