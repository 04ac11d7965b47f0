//! A rule that does what happens without it.
//!
//! ## What it finds
//! A rule whose action and errno are those of the default.
//!
//! ## Why it matters
//! Runtimes drop it without a word; runc up to 1.0.1 refuses the profile. It still counts for the calls that runc answers with
//! ENOSYS, which are those above the highest that the profile names.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["read"], "action": "SCMP_ACT_ALLOW" },
//!     { "names": ["mount"], "action": "SCMP_ACT_ERRNO" }
//!   ]
//! }
//! ```
//!
//! ## Better
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["read"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## References
//! - containerd#6203
//! - opencontainers/runc, `libcontainer/seccomp/seccomp_linux.go`, matchCall

use std::cell::OnceCell;
use std::collections::BTreeSet;

use callgate_core::profile::Rule as Entry;

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "rule-equals-default",
    family: Family::Semantics,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let holders = OnceCell::new();
    for (index, rule) in profile.rules.iter().enumerate() {
        // Of rules that hold for some only, others may say the opposite.
        if rule.action.action != profile.default.action || !rule.extra.is_empty() {
            continue;
        }
        let message =
            format!("this rule does what `defaultAction` does, {}: runtimes drop it", profile.default.action);
        let finding = sink.report(subject.part(index, "action"), message);
        finding.label(subject.top("defaultAction"), "the default");
        let edit = subject.node.get("syscalls").and_then(|list| remove_item(list, index));
        let edits = edit.into_iter().collect();
        // Without it another call may be the highest that is named, above which runc says ENOSYS.
        if holders.get_or_init(|| alone_with_the_highest(profile)).contains(&index) {
            finding
                .unsafe_fix("take the rule out; runc then says ENOSYS for more of the newest calls", edits);
        } else {
            finding.safe_fix("take the rule out", edits);
        }
    }
}

/// The rules that are the only one to name the highest call of an architecture.
fn alone_with_the_highest(profile: &Profile) -> BTreeSet<usize> {
    let alone = Arch::ALL.into_iter().filter_map(|arch| {
        let own = |rule: &Entry| rule.names.iter().filter_map(|name| sysno::number(arch, &name.text)).max();
        let highest: Vec<Option<u32>> = profile.rules.iter().map(own).collect();
        let top = highest.iter().max().copied().flatten()?;
        let mut holders = (0..highest.len()).filter(|index| highest[*index] == Some(top));
        let holder = holders.next()?;
        holders.next().is_none().then_some(holder)
    });
    alone.collect()
}
