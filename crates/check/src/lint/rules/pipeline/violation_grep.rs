//! A search for violations that finds none.
//!
//! ## What it finds
//! The kernel's log searched for `seccomp` and nothing else: `journalctl -k | grep seccomp`, `dmesg | grep -i seccomp`, the same in
//! kern.log, `journalctl -k --grep seccomp`.
//!
//! ## Why it matters
//! The kernel writes `audit: type=1326`, without that word. And what is refused with an errno is not logged at all unless the filter was
//! loaded with SECCOMP_FILTER_FLAG_LOG.
//!
//! ## Example
//! ```yaml (file=.gitlab-ci.yml)
//! validate:
//!   stage: test
//!   script:
//!     - |
//!       ! journalctl -k | grep seccomp
//! ```
//!
//! ## Better
//! ```yaml (file=.gitlab-ci.yml)
//! validate:
//!   stage: test
//!   script:
//!     - |
//!       ! journalctl -k | grep "type=1326"
//! ```
//!
//! ## References
//! - `callgate import` reads these records
//! - `callgate rule no-log-flag`

use std::ops::Range;

use super::super::super::script::Script;
use super::super::prelude::*;
use super::command::{Arguments, Command, Redirect, search};
use super::shell::pipelines;

pub(crate) static RULE: Rule = Rule {
    code: "violation-grep",
    family: Family::Pipeline,
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    check: Check::Script(check),
};

/// Options of journalctl that take a value (journalctl(1)).
const VALUED: [&str; 17] = [
    "u", "n", "o", "S", "U", "p", "t", "g", "D", "F", "c", "M", "since", "until", "unit", "output",
    "priority",
];

fn check(script: &Script<'_>, sink: &mut Sink<'_>) {
    for pipeline in pipelines(script) {
        let Some((at, place)) = pipeline.iter().enumerate().find_map(|(at, c)| Some((at, log(c)?))) else {
            continue;
        };
        // A file is searched by the command that names it, a journal by itself or by what is behind it.
        let found = pipeline[at..].iter().filter_map(search).any(|s| s.asks && finds_nothing(&s.patterns));
        if found || own_search(&pipeline[at]).is_some_and(|pattern| finds_nothing(&[pattern])) {
            let message = "the kernel's records say `type=1326`, and not `seccomp`: this finds nothing";
            sink.report(place, message).hint("search for type=1326, or: callgate import --from audit");
        }
    }
}

/// Whether a search finds no record, since each of its alternatives asks for the word.
fn finds_nothing(patterns: &[&str]) -> bool {
    patterns.iter().all(|p| p.to_ascii_lowercase().contains("seccomp") && !p.contains("1326"))
}

/// Where a command shows the kernel's log. Not the whole journal: records of the audit transport are told as `SECCOMP` there.
fn log(command: &Command) -> Option<Range<usize>> {
    if let Some(words) = command.program(&["dmesg"]) {
        return Some(words[0].span.clone());
    }
    if let Some(words) = command.program(&["journalctl"]) {
        let arguments = Arguments::of(&words, &VALUED, false);
        let kernel = arguments.has(&["k", "dmesg"])
            || arguments.others.iter().any(|word| word.text == "_TRANSPORT=kernel");
        return kernel.then(|| words[0].span.clone());
    }
    let read = |redirect| matches!(redirect, None | Some(Redirect::Input));
    let mut files = command.words.iter().filter(|word| read(word.redirect));
    files.find(|word| word.text.ends_with("/kern.log")).map(|word| word.span.clone())
}

/// What journalctl itself searches for.
fn own_search(command: &Command) -> Option<&str> {
    let words = command.program(&["journalctl"])?;
    Arguments::of(&words, &[&VALUED[..], &["grep"]].concat(), false).values(&["g", "grep"]).first().copied()
}
