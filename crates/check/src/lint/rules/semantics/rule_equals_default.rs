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

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "rule-equals-default",
    family: Family::Semantics,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let highest = |skip: Option<usize>| {
        let rules = profile.rules.iter().enumerate().filter(|(index, _)| Some(*index) != skip);
        let names = rules.flat_map(|(_, rule)| &rule.names);
        Arch::ALL.map(|arch| names.clone().filter_map(|name| sysno::number(arch, &name.text)).max())
    };
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
        if highest(None) == highest(Some(index)) {
            finding.safe_fix("take the rule out", edits);
        } else {
            finding
                .unsafe_fix("take the rule out; runc then says ENOSYS for more of the newest calls", edits);
        }
    }
}
