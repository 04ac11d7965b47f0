//! A number that the kernel or libseccomp cuts or refuses.
//!
//! ## What it finds
//! An `index` above 5, an errno above 4095, a number that is negative, not whole, or larger than 64 bits.
//!
//! ## Why it matters
//! A call has six arguments. The kernel knows errnos up to 4095; what is larger is cut, so that a refused call may seem to succeed,
//! or refused with a misleading message.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "defaultErrnoRet": 65536
//! }
//! ```
//!
//! ## Better
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "defaultErrnoRet": 38
//! }
//! ```
//!
//! ## References
//! - seccomp(2), `SECCOMP_RET_ERRNO`
//! - Linux, include/linux/err.h, `MAX_ERRNO`

use callgate_core::errno;
use callgate_core::profile::json::Value;

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "number-out-of-range",
    family: Family::Input,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Tree(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let traces = |node: &Node, key: &str| node.get(key).and_then(Node::text) == Some("SCMP_ACT_TRACE");
    let max = |traces: bool| if traces { u64::from(u16::MAX) } else { u64::from(errno::MAX) };
    number(subject.node, "defaultErrnoRet", max(traces(subject.node, "defaultAction")), sink);
    for rule in subject.rules() {
        number(rule, "errnoRet", max(traces(rule, "action")), sink);
        for condition in rule.get("args").map_or(&[][..], Node::items) {
            number(condition, "index", 5, sink);
            number(condition, "value", u64::MAX, sink);
            number(condition, "valueTwo", u64::MAX, sink);
        }
    }
}

fn number(node: &Node, key: &str, max: u64, sink: &mut Sink<'_>) {
    let Some(node) = node.get(key) else { return };
    let Value::Number(text) = &node.value else { return };
    if !text.parse().is_ok_and(|number: u64| number <= max) {
        let message = format!("`{key}` must be a whole number from 0 to {max}, not {text}");
        sink.report(node.span.clone(), message);
    }
}
