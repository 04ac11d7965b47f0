//! A pipeline that checks profiles for syntax only.
//!
//! ## What it finds
//! `jq empty`, `jq .`, `python -m json.tool` or `jsonlint` on a file whose name speaks of seccomp or of profiles.
//!
//! ## Why it matters
//! Every misspelt call, an empty list of names, Docker's keys, and a profile under which nothing starts are valid JSON.
//!
//! ## Example
//! ```yaml file=.gitlab-ci.yml
//! validate:
//!   stage: test
//!   script:
//!     - |
//!       for profile in seccomp/*.json; do jq empty "$profile"; done
//! ```
//!
//! ## Better
//! ```yaml file=.gitlab-ci.yml
//! validate:
//!   stage: test
//!   script:
//!     - |
//!       callgate lint seccomp/
//! ```
//!
//! ## References
//! - docs/ci.md

use super::super::super::script::Script;
use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "syntax-only-check",
    family: Family::Pipeline,
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    check: Check::Script(check),
};

const CHECKS: [&str; 5] = ["jq empty", "jq .", "jq -e .", "json.tool", "jsonlint"];
const WORDS: [&str; 2] = ["seccomp", "profile"];

fn check(script: &Script<'_>, sink: &mut Sink<'_>) {
    for (start, line) in script.lines() {
        let Some(check) = CHECKS.iter().find(|check| line.contains(**check)) else { continue };
        let lower = line.to_ascii_lowercase();
        if WORDS.iter().any(|word| lower.contains(word)) {
            let message = format!("`{check}` says whether it is JSON, and nothing of what it does");
            sink.report(Script::place(start, line, check), message).hint("callgate lint FOLDER");
        }
    }
}
