//! SeccompProfile resources of the Security Profiles Operator (`api/seccompprofile/v1beta1/seccompprofile_types.go`).
//!
//! The resource has no `defaultErrnoRet`, takes an `errnoRet` of 0 for none, and argument values below 2^63 only.

use std::fmt::Write as _;

use callgate_core::errno::EPERM;
use callgate_core::import::yaml;
use callgate_core::profile::{self, Condition, Profile, Rule};
use callgate_core::{Action, Diagnostic};
use serde_json::Value;

use super::{Lost, Written, calls};

const VERSION: &str = "security-profiles-operator.x-k8s.io/v1beta1";

pub(super) fn write(profile: &Profile, name: &str) -> Written {
    let mut lost = Vec::new();
    if !is_name(name) {
        let message =
            format!("the name {}: Kubernetes wants small letters, digits, `-` and `.`", quoted(name));
        lost.push(Lost::fatal(0, message));
    }
    let default = profile.default.action;
    match default {
        Action::Errno(EPERM) | Action::Trace(EPERM) => {}
        Action::Errno(_) | Action::Trace(_) => {
            lost.push(Lost::new(
                0,
                format!("the errno of calls that no rule names ({default}): it becomes EPERM"),
            ));
        }
        _ => {}
    }
    let mut out = format!(
        "apiVersion: {VERSION}\nkind: SeccompProfile\nmetadata:\n  name: {}\nspec:\n  defaultAction: {}\n",
        quoted(name),
        default.oci()
    );
    list(&mut out, "  ", "architectures", profile.architectures.iter().map(|arch| arch.name.as_str()));
    list(&mut out, "  ", "flags", profile.flags.iter().map(String::as_str));
    for (key, value) in
        [("listenerPath", &profile.listener_path), ("listenerMetadata", &profile.listener_metadata)]
    {
        if let Some(value) = value {
            let _ = writeln!(out, "  {key}: {}", quoted(value));
        }
    }
    let rules: Vec<&Rule> = profile.rules.iter().filter(|r| r.action.action != default).collect();
    if !rules.is_empty() {
        out.push_str("  syscalls:\n");
    }
    for rule in rules {
        one(&mut out, rule, &mut lost);
    }
    if let Some(rule) = profile.rules.iter().find(|rule| rule.comment.is_some()) {
        lost.push(Lost::new(rule.line, "comments of rules"));
    }
    Written { text: out, lost }
}

/// A DNS subdomain (kubernetes.io, "Object Names and IDs").
fn is_name(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    name.len() <= 253 && name.chars().all(inner) && edge(name.chars().next()) && edge(name.chars().last())
}

fn one(out: &mut String, rule: &Rule, lost: &mut Vec<Lost>) {
    let _ = writeln!(out, "  - action: {}", rule.action.action.oci());
    match rule.action.action {
        Action::Errno(0) | Action::Trace(0) => {
            let message = format!("{}: errno 0, which the resource takes for none", calls(rule));
            lost.push(Lost::fatal(rule.line, message));
        }
        Action::Errno(errno) | Action::Trace(errno) => {
            let _ = writeln!(out, "    errnoRet: {errno}");
        }
        _ => {}
    }
    list(out, "    ", "names", rule.names.iter().map(|name| name.text.as_str()));
    if rule.conditions.is_empty() {
        return;
    }
    out.push_str("    args:\n");
    for Condition { index, op, value, value_two } in &rule.conditions {
        if (*value).max(*value_two) > i64::MAX as u64 {
            let message = format!("{}: a value of 2^63 or more, which the resource cannot hold", calls(rule));
            lost.push(Lost::fatal(rule.line, message));
        }
        let _ = writeln!(out, "    - index: {index}\n      value: {value}\n      op: {}", op.oci());
        if *value_two != 0 {
            let _ = writeln!(out, "      valueTwo: {value_two}");
        }
    }
}

fn list<'i>(out: &mut String, indent: &str, key: &str, items: impl Iterator<Item = &'i str>) {
    let items: Vec<&str> = items.collect();
    if !items.is_empty() {
        let _ = writeln!(out, "{indent}{key}:");
        for item in items {
            let _ = writeln!(out, "{indent}- {}", quoted(item));
        }
    }
}

/// A string that YAML takes for nothing else; JSON's strings are YAML's.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let word = text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(plain);
    // `yes`, `no`, `on`, `null` and the like are no strings to every reader.
    if word && (text.len() > 5 || text.starts_with("SCMP_")) {
        return text.to_owned();
    }
    Value::from(text).to_string()
}

pub(super) fn read(text: &str) -> Result<(Profile, Vec<Diagnostic>), String> {
    let documents = if text.trim_start().starts_with('{') {
        vec![serde_json::from_str(text).map_err(|e| format!("not JSON: {e}"))?]
    } else {
        yaml::read(text)?
    };
    let is_one = |value: &&Value| value.get("kind").and_then(Value::as_str) == Some("SeccompProfile");
    let mut found = documents.iter().filter(is_one);
    let (Some(resource), None) = (found.next(), found.next()) else {
        return Err("there is not exactly one SeccompProfile in it".to_owned());
    };
    let Some(Value::Object(spec)) = resource.get("spec") else {
        return Err("the SeccompProfile has no spec".to_owned());
    };
    let mut spec = spec.clone();
    if spec.get("state").and_then(Value::as_str) == Some("Disabled")
        || spec.get("disabled") == Some(&true.into())
    {
        return Err("the SeccompProfile is disabled".to_owned());
    }
    if let Some(base) = spec.get("baseProfileName").and_then(Value::as_str).filter(|base| !base.is_empty()) {
        return Err(format!("the SeccompProfile builds on `{base}`, whose rules are not in it"));
    }
    for key in ["state", "disabled", "baseProfileName"] {
        spec.remove(key);
    }
    if spec.contains_key("<<") {
        return Err("spec: merge keys of YAML (`<<`) are not read".to_owned());
    }
    spec.retain(|_, value| !value.is_null());
    profile::read(&Value::Object(spec).to_string()).map_err(|error| format!("spec: {}", error.message))
}
