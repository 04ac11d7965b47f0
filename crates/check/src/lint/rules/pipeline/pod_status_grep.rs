//! A check of pods that one of many can pass.
//!
//! ## What it finds
//! `kubectl get pods` whose output is searched for `Running`. One pod by name, a number of lines that is compared, and what stands behind a
//! `kubectl wait` or `rollout status` are left alone.
//!
//! ## Why it matters
//! It passes when any one pod runs, and fails when they are a second late. A pod that runs has not served anything yet: what its profile
//! refuses comes later.
//!
//! ## Example
//! ```yaml (file=.gitlab-ci.yml)
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
//! ```yaml (file=.gitlab-ci.yml)
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

use std::ops::Range;

use super::super::super::script::Script;
use super::super::prelude::*;
use super::command::{Arguments, Command, Word, search};
use super::shell::pipelines;

pub(crate) static RULE: Rule = Rule {
    code: "pod-status-grep",
    family: Family::Pipeline,
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    check: Check::Script(check),
};

/// Options of kubectl that take a value (`kubectl options`, `kubectl get --help`).
const VALUED: [&str; 14] = [
    "n",
    "l",
    "o",
    "L",
    "f",
    "namespace",
    "selector",
    "output",
    "context",
    "kubeconfig",
    "cluster",
    "field-selector",
    "sort-by",
    "filename",
];

const RESOURCES: [&str; 4] = ["pods", "pod", "po", "all"];

fn check(script: &Script<'_>, sink: &mut Sink<'_>) {
    let mut wait: Option<Range<usize>> = None;
    for pipeline in pipelines(script) {
        // Whoever has waited for pods to be ready lists them for people to see.
        if pipeline.iter().any(is_waited_for) {
            return;
        }
        let waits = pipeline.iter().find_map(|command| command.program(&["sleep"]));
        wait = waits.and_then(|words| place_of(&words)).or(wait);
        let Some(at) = pipeline.iter().position(|command| listing(command).is_some()) else { continue };
        let after: Vec<_> = pipeline[at + 1..].iter().filter_map(search).collect();
        let running = |pattern: &&str| pattern.to_ascii_lowercase().contains("running");
        let asks = after.iter().any(|search| search.shows() && search.patterns.iter().any(running));
        let counts = pipeline.last().is_some_and(|last| last.program(&["wc"]).is_some());
        let Some(place) = listing(&pipeline[at]).filter(|_| asks && !counts) else { continue };
        let message = "this passes when one pod runs, and says nothing of the others";
        let finding = sink.report(place, message);
        finding.hint(
            "kubectl wait --for=condition=Ready pod --all; and before: callgate lint --profiles DIR MANIFESTS",
        );
        if let Some(wait) = wait.clone() {
            finding.label(wait, "too short for some nodes, and too long for the others");
        }
    }
}

/// Whether a command waits until pods are ready, or fails.
fn is_waited_for(command: &Command) -> bool {
    let Some(words) = command.program(&["kubectl", "oc"]) else { return false };
    let arguments = Arguments::of(&words, &[&VALUED[..], &["for", "timeout"]].concat(), false);
    let verbs: Vec<&str> = arguments.others.iter().map(|word| word.text.as_str()).collect();
    verbs.starts_with(&["wait"]) || verbs.starts_with(&["rollout", "status"])
}

/// Where a command lists pods, and not some by name.
fn listing(command: &Command) -> Option<Range<usize>> {
    let words = command.program(&["kubectl", "oc"])?;
    let others = Arguments::of(&words, &VALUED, false).others;
    let [verb, resource] = others[..] else { return None };
    let lists = verb.text == "get" && resource.text.split(',').any(|name| RESOURCES.contains(&name));
    lists.then(|| words[0].span.start..resource.span.end)
}

fn place_of(words: &[&Word]) -> Option<Range<usize>> {
    Some(words.first()?.span.start..words.last()?.span.end)
}
