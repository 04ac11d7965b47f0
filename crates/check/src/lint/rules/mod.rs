//! The rules: one file each, in a folder per family. A file begins with its documentation, which `callgate rule` prints, from
//! which docs/reference/rules is made, and whose examples are executed.

pub(crate) mod architectures;
pub(crate) mod arguments;
pub(crate) mod danger;
pub(crate) mod errno;
pub(crate) mod flags;
pub(crate) mod input;
pub(crate) mod kubernetes;
pub(crate) mod names;
pub(crate) mod pipeline;
pub(crate) mod pod_security;
pub(crate) mod portability;
pub(crate) mod semantics;
pub(crate) mod startup;
pub(crate) mod suppression;

use std::collections::BTreeSet;

use callgate_core::Severity;

use super::edit::add_item;
use super::finding::Confidence;
use super::rule::{Family, Rule};

/// What rule files begin with.
mod prelude {
    pub(super) use callgate_core::profile::json::Node;
    pub(super) use callgate_core::{Action, Arch, Profile, Severity, sysno};

    pub(super) use super::super::edit::{add_item, add_member, remove_item, remove_member};
    pub(super) use super::super::finding::{Confidence, Edit};
    pub(super) use super::super::rule::{Check, Family, Rule, Sink};
    pub(super) use super::super::subject::Subject;
}

/// A rule, and the file it is in.
type Entry = (&'static Rule, &'static str);

/// A family's table: each rule with the text of its file.
macro_rules! table {
    ($($module:ident),* $(,)?) => {
        pub(super) static RULES: &[super::Entry] = &[
            $((&$module::RULE, include_str!(concat!(stringify!($module), ".rs")))),*
        ];
    };
}
use table;

/// The tables, in the order of [`Family::ALL`].
fn tables() -> [&'static [Entry]; 14] {
    [
        input::RULES,
        names::RULES,
        semantics::RULES,
        arguments::RULES,
        errno::RULES,
        architectures::RULES,
        flags::RULES,
        startup::RULES,
        danger::RULES,
        portability::RULES,
        kubernetes::RULES,
        pod_security::RULES,
        pipeline::RULES,
        suppression::RULES,
    ]
}

fn entries() -> impl Iterator<Item = Entry> {
    tables().into_iter().flatten().copied()
}

/// So many names are named in a message.
const MAX_NAMES: usize = 8;

/// The first of some names, and how many more there are.
fn some(names: &[&str]) -> String {
    let shown = names.iter().take(MAX_NAMES).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MAX_NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// The edits that let calls go ahead: they join the first rule that allows others without conditions, or are one more rule. Calls
/// that a rule decides whatever their arguments are left out: the first such rule counts, and one more changes nothing.
fn allow(
    subject: &super::subject::Subject<'_>,
    profile: &callgate_core::Profile,
    names: &BTreeSet<&str>,
) -> Vec<super::finding::Edit> {
    let plain = |rule: &callgate_core::profile::Rule| {
        rule.action.action == callgate_core::Action::Allow
            && rule.conditions.is_empty()
            && rule.extra.is_empty()
    };
    let lists = profile.rules.iter().enumerate().filter(|(_, rule)| plain(rule));
    let list = lists
        .filter_map(|(index, _)| subject.rule(index)?.get("names"))
        .find(|list| !list.items().is_empty());
    let open = |name: &&&str| {
        let mut mentions = subject.named(profile).of(name);
        !mentions.any(|mention| mention.rule.conditions.is_empty())
    };
    let quoted: Vec<String> = names.iter().filter(open).map(|name| format!("\"{name}\"")).collect();
    let edit = match (list, subject.node.get("syscalls")) {
        _ if quoted.is_empty() => None,
        (Some(list), _) => quoted
            .iter()
            .map(|name| add_item(subject.text, list, name))
            .collect::<Option<Vec<_>>>()
            .map(joined),
        (None, Some(rules)) if !rules.items().is_empty() => {
            let rule = format!("{{\"names\": [{}], \"action\": \"SCMP_ACT_ALLOW\"}}", quoted.join(", "));
            add_item(subject.text, rules, &rule).map(|edit| vec![edit])
        }
        _ => None,
    };
    edit.unwrap_or_default()
}

/// Insertions at one place as one.
fn joined(edits: Vec<super::finding::Edit>) -> Vec<super::finding::Edit> {
    let Some(first) = edits.first() else { return edits };
    let at = first.start;
    vec![super::finding::Edit::insert(at, edits.iter().map(|edit| edit.text.as_str()).collect::<String>())]
}

/// Every rule, family by family.
pub(crate) fn all() -> impl Iterator<Item = &'static Rule> {
    entries().map(|(rule, _)| rule)
}

/// A rule by its code.
pub(crate) fn find(code: &str) -> Option<&'static Rule> {
    all().find(|rule| rule.code == code)
}

/// Every code, family by family.
pub fn codes() -> Vec<&'static str> {
    all().map(|rule| rule.code).collect()
}

/// What is to be known of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doc {
    /// The rule's code.
    pub code: &'static str,
    /// What it is about.
    pub family: Family,
    /// How much it matters.
    pub severity: Severity,
    /// How sure it is.
    pub confidence: Confidence,
    /// One line.
    pub summary: String,
    /// Headings with what stands below them, in Markdown: what it finds, why it matters, an example, better, references.
    pub sections: Vec<(String, String)>,
}

/// The documentation of a rule.
pub fn doc(code: &str) -> Option<Doc> {
    let (rule, source) = entries().find(|(rule, _)| rule.code == code)?;
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    let mut lines = lines.map(|line| line.strip_prefix(' ').unwrap_or(line));
    let summary = lines.next().unwrap_or_default().trim_end_matches('.').to_owned();
    let mut sections: Vec<(String, String)> = Vec::new();
    for line in lines {
        match (line.strip_prefix("## "), sections.last_mut()) {
            (Some(title), _) => sections.push((title.to_owned(), String::new())),
            (None, Some((_, body))) => {
                body.push_str(line);
                body.push('\n');
            }
            (None, None) => {}
        }
    }
    for (_, body) in &mut sections {
        *body = body.trim().to_owned();
    }
    let Rule { code, family, severity, confidence, .. } = *rule;
    Some(Doc { code, family, severity, confidence, summary, sections })
}

/// What a fence of an example says: the language, and in parentheses, which rustdoc takes for a comment, the file's name and
/// what it is looked at with (`json (runtime=crun@1.8)`). `None`: the line is no fence that opens a block.
pub fn fence(line: &str) -> Option<(&str, impl Iterator<Item = (&str, &str)>)> {
    let info = line.strip_prefix("```").filter(|info| !info.is_empty())?;
    let (language, words) = info.split_once(" (").unwrap_or((info, ""));
    let words = words.strip_suffix(')').unwrap_or(words);
    Some((language, words.split_whitespace().map(|word| word.split_once('=').unwrap_or((word, "")))))
}

#[cfg(test)]
mod tests;
