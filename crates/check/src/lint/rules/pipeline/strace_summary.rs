//! A list of calls out of a summary that has none.
//!
//! ## What it finds
//! `strace -c` whose output is searched for calls with an opening parenthesis, or made into a profile.
//!
//! ## Why it matters
//! With `-c` strace writes a table, in which no call has a parenthesis; with `-f -o` every line begins with a process number. The list stays
//! empty, and a profile of it refuses everything.
//!
//! ## Example
//! ```yaml file=.gitlab-ci.yml
//! validate:
//!   stage: test
//!   script:
//!     - |
//!       strace -c -f -o calls.log ./app
//!       grep -oP "^[a-z_0-9]+(?=\\()" calls.log > names.txt
//! ```
//!
//! ## Better
//! ```yaml file=.gitlab-ci.yml
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

use super::super::super::script::Script;
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "strace-summary",
    family: Family::Pipeline,
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    check: Check::Script(check),
};

fn check(script: &Script<'_>, sink: &mut Sink<'_>) {
    for (start, line) in script.lines() {
        let Some(at) = line.find("strace ") else { continue };
        let options = line[at..].split_whitespace().skip(1).take(4);
        let is_summary = |word: &str| word.starts_with('-') && !word.starts_with("--") && word.contains('c');
        let summary = options.take_while(|word| *word != "--").any(is_summary);
        if summary {
            let message = "`strace -c` writes a table: there is no call in it for a pattern to find";
            let finding = sink.report(Script::place(start, line, "strace"), message);
            finding
                .hint("callgate learn -o PROFILE -- COMMAND; or strace -f without -c, and callgate import");
        }
    }
}
