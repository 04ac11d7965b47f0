//! The canonical writer: strict OCI JSON, byte-stable, made for reading in a diff.
//!
//! Names sorted, architectures explicit, errno numeric, one rule per block, lines wrapped at 100 columns.

use std::fmt::Write as _;

use super::{Condition, Profile, Rule, RuleAction};
use crate::action::Action;

/// Where name lists are wrapped.
const WIDTH: usize = 100;

/// Writes a profile. With `comments`, Docker's `comment` keys are kept; strict OCI has none.
///
/// Rules equal to the default action are left out, since runtimes drop or refuse them. Everything the model does not
/// interpret is written back as it was.
pub fn write(profile: &Profile, comments: bool) -> String {
    let mut out = format!("{{\n  \"defaultAction\": \"{}\"", profile.default.action.oci());
    if let Some(errno) = written_errno(&profile.default) {
        let _ = write!(out, ",\n  \"defaultErrnoRet\": {errno}");
    }
    let arches: Vec<String> = profile.architectures.iter().map(|a| quote(&a.name)).collect();
    if !arches.is_empty() {
        let _ = write!(out, ",\n  \"architectures\": [{}]", wrap(&arches, "    ", 2 + 18));
    }
    if !profile.flags.is_empty() {
        let flags: Vec<String> = profile.flags.iter().map(|f| quote(f)).collect();
        let _ = write!(out, ",\n  \"flags\": [{}]", wrap(&flags, "    ", 2 + 10));
    }
    for (key, value) in
        [("listenerPath", &profile.listener_path), ("listenerMetadata", &profile.listener_metadata)]
    {
        if let Some(value) = value {
            let _ = write!(out, ",\n  \"{key}\": {}", quote(value));
        }
    }
    for extra in &profile.extra {
        let _ = write!(out, ",\n  {}: {}", quote(&extra.key), extra.json);
    }
    let kept: Vec<&Rule> = profile.rules.iter().filter(|r| !says_nothing(r, profile)).collect();
    out.push_str(",\n  \"syscalls\": [");
    for (i, rule) in kept.iter().enumerate() {
        out.push_str(if i == 0 { "\n" } else { ",\n" });
        write_rule(&mut out, rule, comments);
    }
    out.push_str(if kept.is_empty() { "]\n}\n" } else { "\n  ]\n}\n" });
    out
}

/// A rule with the default's own action and errno and nothing else to say.
fn says_nothing(rule: &Rule, profile: &Profile) -> bool {
    rule.action.action == profile.default.action && rule.extra.is_empty()
}

/// The errno to write: made explicit wherever the action has one, so that no reader has to know a default.
fn written_errno(action: &RuleAction) -> Option<u16> {
    match action.action {
        Action::Errno(errno) | Action::Trace(errno) => Some(errno),
        _ => action.errno,
    }
}

fn quote(text: &str) -> String {
    // Serialising a string cannot fail.
    serde_json::to_string(text).unwrap_or_default()
}

/// Items separated by `, `, broken before [`WIDTH`]; on one line when they fit behind `used` columns.
fn wrap(items: &[String], indent: &str, used: usize) -> String {
    let flat = items.join(", ");
    if used + flat.len() < WIDTH {
        return flat;
    }
    let mut lines: Vec<String> = vec![String::new()];
    for (i, item) in items.iter().enumerate() {
        let text = if i + 1 < items.len() { format!("{item},") } else { item.clone() };
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(&text),
            Some(line) if indent.len() + line.len() + 1 + text.len() <= WIDTH => {
                line.push(' ');
                line.push_str(&text);
            }
            _ => lines.push(text),
        }
    }
    let close = &indent[..indent.len() - 2];
    format!("\n{indent}{}\n{close}", lines.join(&format!("\n{indent}")))
}

fn write_rule(out: &mut String, rule: &Rule, comments: bool) {
    let mut names: Vec<String> = rule.names.iter().map(|n| quote(&n.text)).collect();
    names.sort();
    names.dedup();
    let mut tail = format!("\"action\": \"{}\"", rule.action.action.oci());
    if let Some(errno) = written_errno(&rule.action) {
        let _ = write!(tail, ", \"errnoRet\": {errno}");
    }
    let conditions: Vec<String> = rule.conditions.iter().map(condition).collect();
    let args = format!("\"args\": [{}]", wrap(&conditions, "        ", 6 + 9));
    let mut parts = vec![format!("\"names\": [{}]", wrap(&names, "        ", 6 + 10)), tail];
    if !conditions.is_empty() {
        parts.push(args);
    }
    parts.extend(rule.extra.iter().map(|e| format!("{}: {}", quote(&e.key), e.json)));
    if let Some(comment) = rule.comment.as_ref().filter(|_| comments) {
        parts.push(format!("\"comment\": {}", quote(comment)));
    }
    let _ = write!(out, "    {{\n      {}\n    }}", parts.join(",\n      "));
}

fn condition(c: &Condition) -> String {
    let two = if c.value_two == 0 { String::new() } else { format!(", \"valueTwo\": {}", c.value_two) };
    format!("{{\"index\": {}, \"value\": {}{two}, \"op\": \"{}\"}}", c.index, c.value, c.op.oci())
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;
    use crate::arch::Arch;

    fn example() -> Profile {
        let names = crate::sysno::names().iter().take(60).map(|n| (*n).to_owned());
        let mut socket = Rule::new(["socket".to_owned()], Action::Allow);
        socket.conditions.push(Condition::masked(0, 0xffff_ffff, 10));
        socket.comment = Some("why".to_owned());
        Profile {
            default: Action::Errno(38).into(),
            architectures: vec![Arch::X86_64.into()],
            rules: vec![
                Rule::new(names, Action::Allow),
                socket,
                Rule::new(["vmsplice".to_owned()], Action::Errno(38)),
            ],
            ..Profile::default()
        }
    }

    #[test]
    fn writing_is_a_fixed_point_and_fits_the_width() {
        let text = write(&example(), false);
        let (read_back, notes) = read(&text).unwrap();
        assert!(notes.is_empty(), "{notes:?}");
        assert_eq!(write(&read_back, false), text);
        assert!(text.lines().all(|l| l.len() <= WIDTH), "{text}");
    }

    #[test]
    fn rules_equal_to_the_default_and_comments_are_left_out() {
        let text = write(&example(), false);
        assert!(!text.contains("vmsplice") && !text.contains("why"));
        assert!(write(&example(), true).contains("\"comment\": \"why\""));
    }
}
