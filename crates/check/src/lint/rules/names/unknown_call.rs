//! A name that no system call has.
//!
//! ## What it finds
//! A misspelt name, a number, a name in capital letters, with `sys_` or `__NR_` before it, or with space around it.
//!
//! ## Why it matters
//! Runtimes skip such a name and say nothing that anybody reads: what it was to allow stays refused, and what it was to refuse
//! stays allowed.
//!
//! ## Example
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["opneat", "SYS_write"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## Better
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["openat", "write"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## References
//! - opencontainers/runc, `libcontainer/seccomp/seccomp_linux.go`, matchCall
//! - containers/crun, `src/libcrun/seccomp.c`
//! - opencontainers/runtime-spec#972

use callgate_core::profile::Name;
use callgate_core::suggest;

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "unknown-call",
    family: Family::Names,
    severity: Severity::Warning,
    confidence: Confidence::High,
    check: Check::Profile(check),
};

/// So many unknown names get a guess: each is compared with all names there are, and a file may hold many.
const MAX_GUESSES: usize = 20;

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    // The reader looked every name up already.
    let found =
        subject.read.as_ref().is_ok_and(|(_, notes)| notes.iter().any(|note| note.code == "unknown-call"));
    if !found {
        return;
    }
    let mut guesses = 0;
    let unknown = |name: &&Name| !sysno::is_known(&name.text);
    for rule in &profile.rules {
        let effect =
            if rule.action.action.permits() { "it stays refused" } else { "nothing is refused by it" };
        for name in rule.names.iter().filter(unknown) {
            let text = &name.text;
            let plain = meant(text);
            let is_number = text.trim().parse::<u32>().is_ok() || text.trim().starts_with("0x");
            let what = if is_number {
                "a number is no name of a system call"
            } else {
                "there is no such system call"
            };
            let finding =
                sink.report(name.span.clone(), format!("`{text}`: {what}; runtimes skip it, and {effect}"));
            let near = plain.or_else(|| {
                guesses += 1;
                suggest::nearest(text, sysno::names().iter().copied().filter(|_| guesses <= MAX_GUESSES))
            });
            if let Some(near) = near {
                let edit = Edit::replace(name.span.clone(), format!("\"{near}\""));
                let hint = if plain.is_some() {
                    format!("its name is `{near}`")
                } else {
                    format!("did you mean `{near}`?")
                };
                finding.hint(hint).unsafe_fix(format!("write `{near}`"), vec![edit]);
            }
        }
    }
}

/// The call that a name means beyond doubt: by its number on x86_64 too, since that is what lists of numbers are of.
fn meant(text: &str) -> Option<&'static str> {
    let lower = text.trim().to_ascii_lowercase();
    let bare = ["__nr_", "sys_", "nr_", "__x64_sys_"].iter().find_map(|prefix| lower.strip_prefix(prefix));
    let bare = bare.unwrap_or(&lower);
    sysno::position(bare).map(|at| sysno::names()[at])
}
