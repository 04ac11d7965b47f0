//! New namespaces for whoever asks.
//!
//! ## What it finds
//! `clone` or `unshare` allowed whatever its flags, or `clone3`, whose flags no filter sees, allowed beside a `clone` with conditions.
//!
//! ## Why it matters
//! In a user namespace of its own every program has all capabilities, and with them reaches parts of the kernel that are closed
//! otherwise. Runtimes' defaults keep `clone` from making namespaces, and answer `clone3` with ENOSYS.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["clone", "clone3"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## Better
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["read"], "action": "SCMP_ACT_ALLOW" },
//!     {
//!       "names": ["clone"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [{ "index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ" }]
//!     },
//!     { "names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38 }
//!   ]
//! }
//! ```
//!
//! ## References
//! - user_namespaces(7)
//! - moby/profiles, seccomp/default.json
//! - CVE-2022-0185

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "namespace-flags",
    family: Family::Danger,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

/// The flags that make namespaces (clone(2)): CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
const NAMESPACES: u64 = 0x7e02_0000;

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let masked = profile
        .rules
        .iter()
        .any(|rule| !rule.conditions.is_empty() && rule.names.iter().any(|name| name.text == "clone"));
    for (index, rule) in profile.rules.iter().enumerate() {
        if !rule.action.action.permits() || !rule.conditions.is_empty() || !rule.extra.is_empty() {
            continue;
        }
        for (at, name) in rule.names.iter().enumerate() {
            let message = match name.text.as_str() {
                "clone" => "`clone` is allowed with all flags: it makes user namespaces",
                "unshare" => "`unshare` is allowed with all flags: it makes user namespaces",
                "clone3" if masked => {
                    "`clone3` walks around the conditions on `clone`: no filter sees its flags"
                }
                "clone3" => "`clone3` is allowed, and no filter sees its flags: it makes user namespaces",
                _ => continue,
            };
            let finding = sink.report(name.span.clone(), message);
            if name.text == "clone3" {
                finding.hint(
                    "refuse it with errno 38 (ENOSYS): libc then makes `clone`, whose flags a filter sees",
                );
            } else {
                finding.hint(format!("allow it without these flags: mask {NAMESPACES}, valueTwo 0, SCMP_CMP_MASKED_EQ on index 0"));
            }
            let list = subject.rule(index).and_then(|rule| rule.get("names"));
            let out = list.filter(|list| list.items().len() > 1).and_then(|list| remove_item(list, at));
            let instead = match name.text.as_str() {
                "clone3" => {
                    "{\"names\": [\"clone3\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 38}".to_owned()
                }
                call => format!(
                    "{{\"names\": [\"{call}\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": [{{\"index\": 0, \"value\": {NAMESPACES}, \
                     \"valueTwo\": 0, \"op\": \"SCMP_CMP_MASKED_EQ\"}}]}}"
                ),
            };
            let add = subject.node.get("syscalls").and_then(|rules| add_item(subject.text, rules, &instead));
            if let (Some(out), Some(add)) = (out, add) {
                finding.unsafe_fix(format!("keep `{}` from making namespaces", name.text), vec![out, add]);
            }
        }
    }
}
