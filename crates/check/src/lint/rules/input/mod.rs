//! Whether a file is a profile at all, and the same one to everybody who reads it.

mod byte_order_mark;
mod duplicate_key;
mod invalid_json;
mod invalid_profile;
mod invalid_yaml;
mod missing_key;
mod not_confined;
mod number_out_of_range;
mod refused_by_runtime;
mod too_large;
mod unknown_action;
mod unknown_architecture;
mod unknown_flag;
mod unknown_key;
mod unknown_operator;
mod word;
mod wrong_type;

use callgate_core::profile::json::{JsonError, Node};

use super::super::rule::Sink;
use super::table;
use crate::yaml::Invalid;

pub(crate) use byte_order_mark::RULE as BYTE_ORDER_MARK;
pub(crate) use invalid_json::RULE as INVALID_JSON;
pub(crate) use invalid_yaml::RULE as INVALID_YAML;
pub(crate) use not_confined::RULE as NOT_CONFINED;
pub(crate) use too_large::RULE as TOO_LARGE;

// `invalid_profile` comes last but one: it is about what the rules before it do not name.
table![
    invalid_json,
    invalid_yaml,
    too_large,
    byte_order_mark,
    not_confined,
    wrong_type,
    missing_key,
    duplicate_key,
    unknown_key,
    unknown_action,
    unknown_operator,
    unknown_architecture,
    unknown_flag,
    number_out_of_range,
    invalid_profile,
    refused_by_runtime,
];

/// A profile with U+FEFF in front.
pub(crate) fn byte_order_mark(sink: &mut Sink<'_>) {
    let message = "the file begins with a byte order mark (U+FEFF): runtimes refuse it";
    let edit = super::super::finding::Edit::replace(0..3, "");
    let finding = sink.report(0..3, message).hint("save it as UTF-8 without one");
    finding.safe_fix("take the mark out", vec![edit]);
}

/// A text in a profile's place that is no JSON.
pub(crate) fn not_json(text: &str, error: &JsonError, sink: &mut Sink<'_>) {
    let at = error.at.min(text.len());
    let at = (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let end = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
    if text[..at].trim().is_empty() && text.trim().is_empty() {
        let finding = sink.report(0..0, "an empty file is no profile");
        finding.hint("`callgate learn -o PROFILE -- COMMAND` makes one");
        return;
    }
    sink.report(at..end, format!("not JSON: {}", error.message)).hint("runtimes refuse the profile");
}

/// A document that is no YAML.
pub(crate) fn not_yaml(invalid: &Invalid, is_template: bool, sink: &mut Sink<'_>) {
    let finding = sink.report(invalid.at..invalid.at, format!("not YAML: {}", invalid.message));
    if is_template {
        finding.hint("a template is no YAML before it is rendered: helm template … | callgate lint -");
    }
}

/// A profile that is YAML.
pub(crate) fn profile_in_yaml(root: &Node, sink: &mut Sink<'_>) {
    let start = root.span.start;
    let finding = sink.report(start..start + 1, "a profile in YAML: runtimes read JSON, and refuse it");
    finding.hint("write it as JSON");
}
