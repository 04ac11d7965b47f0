//! A check of pods that one of many can pass.
//!
//! ## What it finds
//! `kubectl get pods` whose output is searched for `Running`.
//!
//! ## Why it matters
//! It passes when any one pod runs, and fails when they are a second late. A pod that runs has not served anything yet: what its profile
//! refuses comes later.
//!
//! ## Example
//! ```yaml file=.gitlab-ci.yml
//! validate:
//!   stage: test
//!   script:
//!     - |
//!       kubectl apply -f seccomp-tests/
//!       sleep 30
//!       kubectl get pods | grep test- | grep Running
//! ```
//!
//! ## Better
//! ```yaml file=.gitlab-ci.yml
//! validate:
//!   stage: test
//!   script:
//!     - |
//!       kubectl apply -f seccomp-tests/
//!       kubectl wait --for=condition=Ready pod --all --timeout=120s
//! ```
//!
//! ## References
//! - docs/ci.md
//! - kubectl-wait(1)

use super::super::super::script::Script;
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "pod-status-grep",
    family: Family::Pipeline,
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    check: Check::Script(check),
};

fn check(script: &Script<'_>, sink: &mut Sink<'_>) {
    for (start, line) in script.lines() {
        let gets = ["kubectl get pods", "kubectl get pod", "kubectl get po"]
            .into_iter()
            .find(|get| line.contains(get));
        if let Some(get) = gets.filter(|_| line.contains("grep") && line.contains("Running")) {
            let message = "this passes when one pod runs, and says nothing of the others";
            let finding = sink.report(Script::place(start, line, get), message);
            finding.hint("kubectl wait --for=condition=Ready pod --all; and before: callgate lint --profiles DIR MANIFESTS");
        }
    }
}
