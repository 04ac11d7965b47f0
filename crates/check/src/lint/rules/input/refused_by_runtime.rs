//! A profile that a loader or runtime refuses.
//!
//! ## What it finds
//! What the runtime would say, before it says it: each of `--runtime` (the newest runc and crun where none is named) and the loader
//! in front of it is asked.
//!
//! ## Why it matters
//! The container does not start. In Kubernetes the pod stays in `CreateContainerError`, with this message in its events.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ALLOW",
//!   "syscalls": [{ "names": ["bpf"], "action": "SCMP_ACT_NOTIFY" }]
//! }
//! ```
//!
//! ## Better
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ALLOW",
//!   "syscalls": [{ "names": ["bpf"], "action": "SCMP_ACT_ERRNO" }]
//! }
//! ```
//!
//! ## References
//! - `callgate explain PROFILE --runtime RUNTIME`

use std::collections::{BTreeMap, BTreeSet};

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "refused-by-runtime",
    family: Family::Input,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Tree(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let mut refusals: BTreeMap<(usize, usize), Vec<(String, String)>> = BTreeMap::new();
    for (_, resolved) in subject.resolved() {
        if let Err(refusal) = resolved {
            let place = subject.place(refusal);
            let said = (refusal.by.clone(), refusal.message.clone());
            refusals.entry((place.start, place.end)).or_default().push(said);
        }
    }
    for ((start, end), said) in refusals {
        let who: BTreeSet<&str> = said.iter().map(|(by, _)| by.as_str()).collect();
        let who = who.into_iter().collect::<Vec<_>>().join(" and ");
        let messages: BTreeSet<&str> = said.iter().map(|(_, message)| message.as_str()).collect();
        let messages = messages.into_iter().collect::<Vec<_>>().join("; ");
        let verb = if said.len() > 1 { "refuse" } else { "refuses" };
        sink.report(start..end, format!("{who} {verb} the profile: {messages}"))
            .hint("no container starts with it");
    }
}
