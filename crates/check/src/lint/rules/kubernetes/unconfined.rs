//! A container without any filter, on purpose.
//!
//! ## What it finds
//! `type: Unconfined`, of a pod or a container.
//!
//! ## Why it matters
//! Every system call of the kernel can be made, and exploits of the kernel begin with those that nobody needs. Not even the runtime's
//! default is there.
//!
//! ## Example
//! ```yaml
//! apiVersion: v1
//! kind: Pod
//! metadata: {name: web}
//! spec:
//!   securityContext:
//!     seccompProfile:
//!       type: Unconfined
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
//! - Pod Security Standards, Baseline
//! - `callgate learn` makes a profile of what it needs

use super::super::super::manifest::Object;
use super::super::super::yaml_edit::{self, Added};
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "unconfined",
    family: Family::Kubernetes,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Object(check),
};

fn check(object: &Object<'_>, sink: &mut Sink<'_>) {
    for chosen in super::chosen(object).filter(|chosen| chosen.kind() == Some("Unconfined")) {
        let place = chosen.place();
        let edit = yaml_edit::replace(object.text, &place, &Added::Text("RuntimeDefault"), object.yaml);
        let finding = sink.report(place, "`Unconfined`: no system call is refused");
        finding.hint("RuntimeDefault suits most; what is missing from it: callgate learn");
        finding.unsafe_fix("write RuntimeDefault", edit.into_iter().collect());
    }
}
