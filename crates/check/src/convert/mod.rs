//! Other forms of a profile: a SeccompProfile of the Security Profiles Operator, systemd's `SystemCallFilter=`, a plain list.
//!
//! What a form cannot hold is named. Where leaving it out would allow more than the profile does, nothing is written.

mod list;
mod spo;
pub mod systemd;
mod table;

use std::collections::BTreeMap;

use callgate_core::profile::{Name, Profile, Rule};
use callgate_core::{Action, Arch, Diagnostic};

/// A form of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A SeccompProfile resource, YAML.
    Spo,
    /// Lines of a unit file.
    Systemd,
    /// One name per line.
    List,
}

/// What is done with calls that a form cannot allow for some arguments only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Otherwise {
    /// Nothing is written.
    Refuse,
    /// They are left out, and refused.
    Narrow,
    /// They are allowed whatever their arguments.
    Widen,
}

/// A profile in another form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The text.
    pub text: String,
    /// What is not in it.
    pub lost: Vec<Lost>,
}

/// What a form cannot hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// What it is, and what becomes of it.
    pub message: String,
    /// The line it stands on in the profile; 0: no line.
    pub line: usize,
    /// Whether nothing may be written for it, unless that is asked for.
    pub fatal: bool,
}

impl Lost {
    fn new(line: usize, message: impl Into<String>) -> Self {
        Self { message: message.into(), line, fatal: false }
    }

    fn fatal(line: usize, message: impl Into<String>) -> Self {
        Self { fatal: true, ..Self::new(line, message) }
    }
}

/// The profile in a form. `name` is what a form wants to be called that has a name.
pub fn write(profile: &Profile, form: Form, name: &str, otherwise: Otherwise) -> Written {
    match form {
        Form::Spo => spo::write(profile, name),
        Form::Systemd => systemd::write(profile, otherwise),
        Form::List => list::write(profile, otherwise),
    }
}

/// A profile from its form, for a machine of this architecture, with what is worth saying about it.
pub fn read(text: &str, form: Form, native: Arch) -> Result<(Profile, Vec<Diagnostic>), String> {
    match form {
        Form::Spo => spo::read(text),
        Form::Systemd => systemd::read(text, native),
        Form::List => list::read(text, native),
    }
}

/// The calls that a profile allows whatever their arguments, by the lists of a form without arguments; what of them is
/// lost.
fn allowed(profile: &Profile, otherwise: Otherwise) -> (Vec<String>, Vec<Lost>) {
    let (mut names, mut lost) = (Vec::new(), Vec::new());
    let unconditional = unconditional(profile);
    for rule in profile.rules.iter().filter(|rule| rule.action.action.permits()) {
        if rule.action.action == Action::Log {
            lost.push(Lost::new(rule.line, format!("{}: allowed, but not logged", calls(rule))));
        }
        // A rule without conditions beats all others of its call, and the first of several stands.
        let decides = |name: &&Name| {
            unconditional.get(name.text.as_str()).is_none_or(|first| std::ptr::eq(*first, rule))
        };
        let of_rule: Vec<String> = rule.names.iter().filter(decides).map(|name| name.text.clone()).collect();
        if rule.conditions.is_empty() || of_rule.is_empty() {
            names.extend(of_rule);
            continue;
        }
        let calls = calls(rule);
        match otherwise {
            Otherwise::Refuse => {
                lost.push(Lost::fatal(rule.line, format!("{calls}: allowed for some arguments only")));
            }
            Otherwise::Narrow => {
                lost.push(Lost::new(rule.line, format!("{calls}: allowed for some arguments, now refused")));
            }
            Otherwise::Widen => {
                lost.push(Lost::new(rule.line, format!("{calls}: allowed for some arguments, now for all")));
                names.extend(of_rule);
            }
        }
    }
    names.sort();
    names.dedup();
    (names, lost)
}

/// Per call its first rule without conditions that says something else than the default.
fn unconditional(profile: &Profile) -> BTreeMap<&str, &Rule> {
    let mut found = BTreeMap::new();
    let says = |rule: &&Rule| rule.conditions.is_empty() && rule.action.action != profile.default.action;
    for rule in profile.rules.iter().filter(says) {
        for name in &rule.names {
            found.entry(name.text.as_str()).or_insert(rule);
        }
    }
    found
}

/// The calls of a rule in a message.
fn calls(rule: &Rule) -> String {
    let names: Vec<&str> = rule.names.iter().map(|name| name.text.as_str()).collect();
    match names.as_slice() {
        [few @ .., last] if names.len() > 4 => format!("{} … {last}", few[..3].join(", ")),
        _ => names.join(", "),
    }
}

/// A profile that allows some calls and tells programs that the others do not exist, so that their fallbacks work.
fn allowing(names: Vec<String>, arches: &[Arch]) -> Profile {
    Profile {
        default: Action::Errno(callgate_core::errno::ENOSYS).into(),
        architectures: arches.iter().map(|arch| (*arch).into()).collect(),
        rules: if names.is_empty() { Vec::new() } else { vec![Rule::new(names, Action::Allow)] },
        ..Profile::default()
    }
}

#[cfg(test)]
mod tests;
