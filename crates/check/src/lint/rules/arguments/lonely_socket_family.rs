//! Internet sockets without what resolves names.
//!
//! ## What it finds
//! `socket` allowed for AF_INET or AF_INET6 only.
//!
//! ## Why it matters
//! A program that connects by name calls getaddrinfo, which tries both families and asks nscd (AF_UNIX) and the kernel's addresses
//! (AF_NETLINK). Refused, it finds no address, or waits for a timeout, and says *name or service not known*.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     {
//!       "names": ["socket"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [{ "index": 0, "value": 2, "op": "SCMP_CMP_EQ" }]
//!     }
//!   ]
//! }
//! ```
//!
//! ## Better
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     {
//!       "names": ["socket"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [{ "index": 0, "value": 1, "op": "SCMP_CMP_EQ" }]
//!     },
//!     {
//!       "names": ["socket"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [{ "index": 0, "value": 2, "op": "SCMP_CMP_EQ" }]
//!     },
//!     {
//!       "names": ["socket"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [{ "index": 0, "value": 10, "op": "SCMP_CMP_EQ" }]
//!     },
//!     {
//!       "names": ["socket"],
//!       "action": "SCMP_ACT_ALLOW",
//!       "args": [{ "index": 0, "value": 16, "op": "SCMP_CMP_EQ" }]
//!     }
//!   ]
//! }
//! ```
//!
//! ## References
//! - getaddrinfo(3)
//! - data/packs.csv

use std::collections::BTreeSet;

use callgate_core::args;
use callgate_core::set::Op;

use super::super::super::subject::Mention;
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "lonely-socket-family",
    family: Family::Arguments,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let mentions: Vec<Mention<'_>> = subject.named(profile).of("socket").collect();
    let allows = |m: &&Mention<'_>| m.rule.action.action.permits();
    let family = |m: &Mention<'_>| {
        let found = m.rule.conditions.iter().find(|c| c.index == 0 && c.op == Op::Eq)?;
        Some(found.value).filter(|_| m.rule.conditions.len() == 1)
    };
    // Anything but single families is more than this rule knows.
    let families: Option<BTreeSet<u64>> = mentions.iter().filter(allows).map(family).collect();
    let Some(families) = families.filter(|_| !profile.default.action.permits()) else { return };
    let missing = args::pack("socket", 0, &families);
    let Some(first) = mentions.iter().find(allows).filter(|_| !missing.is_empty()) else { return };
    let name = |value: u64| args::format_value(subject.native(), "socket", 0, value);
    let seen = families.iter().map(|value| name(*value)).collect::<Vec<_>>().join(", ");
    let lacks = missing.iter().map(|(value, _)| name(*value)).collect::<Vec<_>>().join(", ");
    let why = missing.first().map_or("", |(_, why)| why);
    let place = subject.condition(first.index, 0);
    let finding = sink.report(place, format!("sockets of {seen} only, and {lacks} are refused: {why}"));
    let rules = missing.iter().map(|(value, _)| {
        format!(
            "{{\"names\": [\"socket\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": [{{\"index\": 0, \"value\": {value}, \"op\": \"SCMP_CMP_EQ\"}}]}}"
        )
    });
    let list = subject.node.get("syscalls");
    let edits: Vec<Edit> = rules.filter_map(|rule| add_item(subject.text, list?, &rule)).collect();
    finding.unsafe_fix("allow these, too", super::super::joined(edits));
}
