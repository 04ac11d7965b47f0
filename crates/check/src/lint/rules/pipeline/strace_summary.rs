//! A list of calls out of a summary that has none.
//!
//! ## What it finds
//! `strace -c` whose output is then searched for calls with an opening parenthesis: in its file, or behind a `|`.
//!
//! ## Why it matters
//! With `-c` strace writes a table, in which no call has a parenthesis; with `-f -o` every line begins with a process number. The list stays
//! empty, and a profile of it refuses everything.
//!
//! ## Example
//! ```yaml (file=.gitlab-ci.yml)
//! validate:
//!   stage: test
//!   script:
//!     - |
//!       strace -c -f -o calls.log ./app
//!       grep -oP "^[a-z_0-9]+(?=\\()" calls.log > names.txt
//! ```
//!
//! ## Better
//! ```yaml (file=.gitlab-ci.yml)
//! validate:
//!   stage: test
//!   script:
//!     - |
//!       callgate learn -o app.json -- ./app
//! ```
//!
//! ## References
//! - strace(1), -c
//! - docs/ci.md
//! - `callgate import` reads strace's output

use std::ops::Range;

use super::super::super::script::Script;
use super::super::prelude::*;
use super::command::{Arguments, Command, Redirect, Word};
use super::shell::pipelines;

pub(crate) static RULE: Rule = Rule {
    code: "strace-summary",
    family: Family::Pipeline,
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    check: Check::Script(check),
};

/// Options of strace that take a value (strace(1)).
const VALUED: [&str; 15] = ["a", "b", "e", "E", "I", "o", "O", "p", "P", "s", "S", "u", "U", "X", "output"];

/// So far behind the command its output is looked for, also where steps are texts of their own.
const NEAR: usize = 4096;

/// So many commands of a pipeline are asked whether they search it.
const NEXT: usize = 8;

fn check(script: &Script<'_>, sink: &mut Sink<'_>) {
    for pipeline in pipelines(script) {
        for (at, command) in pipeline.iter().enumerate() {
            let Some(words) = command.program(&["strace"]) else { continue };
            let arguments = Arguments::of(&words, &VALUED, true);
            if !arguments.has(&["c", "summary-only"]) {
                continue;
            }
            let given = arguments.values(&["o", "output"]).first().copied();
            let read = match given.or_else(|| errors(command)) {
                Some("1") => pipeline[at + 1..].iter().take(NEXT).find_map(parenthesis),
                Some(file) => reader(script.text, words[0].span.end, file),
                None => None,
            };
            if let Some(read) = read {
                let message = "`strace -c` writes a table: there is no call in it for a pattern to find";
                let finding = sink.report(words[0].span.clone(), message);
                finding.label(read, "looks for a call and its parenthesis");
                finding.hint(
                    "callgate learn -o PROFILE -- COMMAND; or strace -f without -c, and callgate import",
                );
            }
        }
    }
}

/// Where errors go, and with them the table: a file, or `1` for where output goes.
fn errors(command: &Command) -> Option<&str> {
    let to = |word: &&Word| word.redirect == Some(Redirect::Errors);
    command.words.iter().find(to).map(|word| word.text.as_str())
}

/// The word of a command that has a parenthesis in it, as patterns for calls do.
fn parenthesis(command: &Command) -> Option<Range<usize>> {
    command.words.iter().find(|word| word.text.contains('(')).map(|word| word.span.clone())
}

/// Where a line names a file beside a parenthesis that begins no substitution.
fn reader(text: &str, from: usize, file: &str) -> Option<Range<usize>> {
    let near = text.floor_char_boundary(from.saturating_add(NEAR));
    let mut at = from;
    for line in text.get(from..near)?.split_inclusive('\n') {
        let start = at;
        at += line.len();
        // The command's own line goes on with its options, which name the file, too.
        let place = line.rfind(file).filter(|_| !line.trim_start().starts_with('#'));
        if let Some(place) = place.filter(|_| line.replace("$(", "").contains('(')) {
            return Some(start + place..start + place + file.len());
        }
    }
    None
}
