//! A pipeline that checks profiles for syntax only.
//!
//! ## What it finds
//! `jq empty`, `jq .`, `python -m json.tool`, `jsonlint` or `yamllint` on files whose names speak of seccomp or of profiles, or on a
//! variable that goes over them; not where what jq prints is used.
//!
//! ## Why it matters
//! Every misspelt call, an empty list of names, Docker's keys, and a profile under which nothing starts are valid JSON.
//!
//! ## Example
//! ```yaml (file=.gitlab-ci.yml)
//! validate:
//!   stage: test
//!   script:
//!     - |
//!       for profile in seccomp/*.json; do jq empty "$profile"; done
//! ```
//!
//! ## Better
//! ```yaml (file=.gitlab-ci.yml)
//! validate:
//!   stage: test
//!   script:
//!     - |
//!       callgate lint seccomp/
//! ```
//!
//! ## References
//! - docs/ci.md

use std::collections::BTreeSet;
use std::ops::Range;

use super::super::super::script::Script;
use super::super::prelude::*;
use super::command::{Arguments, Command, Redirect, Word, is_name};
use super::shell::pipelines;

pub(crate) static RULE: Rule = Rule {
    code: "syntax-only-check",
    family: Family::Pipeline,
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    check: Check::Script(check),
};

/// Filters of jq that say nothing but whether it was read.
const FILTERS: [&str; 3] = ["empty", ".", "type"];

/// Commands whose output names files, or is one.
const SOURCES: [&str; 6] = ["cat", "find", "ls", "git", "echo", "printf"];

fn check(script: &Script<'_>, sink: &mut Sink<'_>) {
    let mut names = BTreeSet::new();
    for pipeline in pipelines(script) {
        let mut is_fed = false;
        for (at, command) in pipeline.iter().enumerate() {
            learn(command, &mut names);
            let is_named = command.words.iter().any(|word| is_subject(word, &names));
            is_fed |= is_named && command.program(&SOURCES).is_some();
            let Some(found) = checker(command).filter(|_| is_named || is_fed) else { continue };
            let kept = |word: &Word| word.redirect == Some(Redirect::Output) && !is_discarded(&word.text);
            if found.prints && (at + 1 < pipeline.len() || command.words.iter().any(kept)) {
                continue;
            }
            let what = script.text.get(found.span.clone()).unwrap_or_default();
            let message = format!("`{what}` says whether it can be read, and nothing of what it does");
            sink.report(found.span, message).hint("callgate lint FOLDER");
        }
    }
}

/// A command that reads a file to see whether it can be read.
struct Checker {
    span: Range<usize>,
    /// Whether it prints what it read, so that it may be there for that.
    prints: bool,
}

fn checker(command: &Command) -> Option<Checker> {
    if let Some(words) = command.program(&["jq"]) {
        let arguments = Arguments::of(&words, &["f", "L", "indent", "from-file"], false);
        let filter = arguments.others.first().filter(|word| FILTERS.contains(&word.text.as_str()))?;
        let span = words[0].span.start..filter.span.end;
        return Some(Checker { span, prints: filter.text == "." })
            .filter(|_| !arguments.has(&["f", "from-file"]));
    }
    if let Some(words) = command.program(&["python", "python3"]) {
        let module = words.iter().find(|word| word.text == "json.tool")?;
        return Some(Checker { span: words[0].span.start..module.span.end, prints: true });
    }
    let words = command.program(&["jsonlint", "yamllint"])?;
    Some(Checker { span: words[0].span.clone(), prints: false })
}

fn is_discarded(file: &str) -> bool {
    file == "/dev/null" || file.bytes().all(|b| b.is_ascii_digit())
}

/// Takes down the variable that a command sets to profiles: `for NAME in …`, `NAME=…`.
fn learn(command: &Command, names: &mut BTreeSet<String>) {
    let is_set = |names: &BTreeSet<String>| command.words.iter().any(|word| is_subject(word, names));
    let name = match &command.words[..] {
        [first, name, ..] if first.text == "for" => Some(name.text.as_str()),
        [first, ..] => first.text.split_once('=').map(|(name, _)| name).filter(|name| is_name(name)),
        [] => None,
    };
    let Some(name) = name else { return };
    if is_set(names) {
        names.insert(name.to_owned());
    } else {
        names.remove(name);
    }
}

/// Whether a word is a profile by its name.
fn is_subject(word: &Word, names: &BTreeSet<String>) -> bool {
    let text = word.text.to_ascii_lowercase();
    let is_path = text.contains('/') || [".json", ".yaml", ".yml"].iter().any(|end| text.ends_with(end));
    let variables = word.text.split('$').skip(1).map(|rest| {
        let rest = rest.trim_start_matches('{');
        rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default()
    });
    let named = |name: &str| names.contains(name) || name.to_ascii_lowercase().contains("profile");
    let said = text.contains("seccomp") || (is_path && text.contains("profile"));
    !text.starts_with('-') && !text.contains("://") && (said || variables.into_iter().any(named))
}
