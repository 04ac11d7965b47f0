//! crun (github.com/containers/crun): `src/libcrun/seccomp.c`, libcrun_generate_seccomp and libcrun_apply_seccomp.

use std::borrow::Cow;

use callgate_core::{Action, Diagnostic};

use super::{Made, Outcome, action, is_valid, judged, known, note_split, repeats_an_index, rules};
use crate::document::{Document, Entry, Refusal};
use crate::libseccomp::{Added, arches};
use crate::target::Target;

/// What it can load a filter with.
const FLAGS: [&str; 4] = [
    "SECCOMP_FILTER_FLAG_LOG",
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_TSYNC",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
];

/// It looks at so many conditions of a rule.
const CONDITIONS: usize = 6;

pub(super) fn apply(
    document: &Document,
    target: &Target,
    notes: &mut Vec<Diagnostic>,
) -> Result<Outcome, Refusal> {
    let name = document.default_action.as_deref().unwrap_or_default();
    let default = with_errno(name, document.default_errno)?;
    if !is_valid(default) {
        return Err(Refusal::new("error seccomp_init"));
    }
    let listed = architectures(document, target)?;
    let mut added = Added::by(target.libseccomp);
    for entry in &document.rules {
        let entry = looked_at(entry, notes);
        add(&entry, default, target, (&mut added, notes))?;
    }
    let flags = flags(document)?;
    let filter = added.build(&judged(&listed, target.machine.arch), default)?;
    note_listener(document, default, notes);
    Ok(Outcome::Filtered(Made { filter, flags }))
}

/// An entry with the conditions that are looked at.
fn looked_at<'e>(entry: &'e Entry, notes: &mut Vec<Diagnostic>) -> Cow<'e, Entry> {
    if entry.conditions.len() <= CONDITIONS {
        return Cow::Borrowed(entry);
    }
    let message = format!("{}: crun looks at six conditions and drops the others", super::place(entry));
    notes.push(Diagnostic::warning("dropped-condition", message));
    let conditions = entry.conditions[..CONDITIONS].to_vec();
    Cow::Owned(Entry { conditions, ..entry.clone() })
}

/// An errno goes with ERRNO and TRACE only, as runtime-spec has it.
fn with_errno(name: &str, errno: Option<u64>) -> Result<Action, Refusal> {
    let takes_one = matches!(name, "SCMP_ACT_ERRNO" | "SCMP_ACT_TRACE");
    if errno.is_some() && !takes_one {
        return Err(Refusal::new(format!("errno value specified for action `{name}`")));
    }
    action(name, errno).ok_or_else(|| Refusal::new(format!("action `{name}`")))
}

/// With or without `SCMP_ARCH_`, in small or capital letters.
fn architectures(document: &Document, target: &Target) -> Result<Vec<arches::Added>, Refusal> {
    let mut found = Vec::new();
    for name in &document.architectures {
        let short = name.strip_prefix("SCMP_ARCH_").unwrap_or(name);
        match arches::add(&short.to_ascii_lowercase(), target.machine.arch, target.libseccomp) {
            arches::Added::Unknown => {
                return Err(Refusal::new(format!("seccomp unknown architecture {short}")));
            }
            arches::Added::OtherEndian => {
                return Err(Refusal::new("seccomp adding architecture: Numerical argument out of domain"));
            }
            added => found.push(added),
        }
    }
    Ok(found)
}

fn add(
    entry: &Entry,
    default: Action,
    target: &Target,
    (added, notes): (&mut Added, &mut Vec<Diagnostic>),
) -> Result<(), Refusal> {
    let action = with_errno(&entry.action, entry.errno).map_err(|refusal| refusal.in_rule(entry))?;
    if action == default {
        return Ok(());
    }
    let calls = known(entry, target, notes);
    if calls.is_empty() {
        return Ok(());
    }
    if entry.conditions.iter().any(|c| c.index > 5) {
        return Err(Refusal::new("invalid seccomp index").in_rule(entry));
    }
    if entry.conditions.iter().any(|c| c.operator().is_none()) {
        return Err(Refusal::new("get_seccomp_operator").in_rule(entry));
    }
    if !is_valid(action) {
        return Err(Refusal::new("Invalid argument").in_rule(entry));
    }
    if repeats_an_index(entry) {
        note_split(entry, "crun", notes);
    }
    added.add(&calls, rules(entry, action));
    Ok(())
}

fn flags(document: &Document) -> Result<Vec<String>, Refusal> {
    let Some(flags) = &document.flags else { return Ok(vec!["SECCOMP_FILTER_FLAG_SPEC_ALLOW".to_owned()]) };
    match flags.iter().find(|flag| !FLAGS.contains(&flag.as_str())) {
        Some(flag) => Err(Refusal::new(format!("unknown seccomp option {flag}"))),
        None => Ok(flags.clone()),
    }
}

fn note_listener(document: &Document, default: Action, notes: &mut Vec<Diagnostic>) {
    let asks =
        default == Action::Notify || document.rules.iter().any(|entry| entry.action == "SCMP_ACT_NOTIFY");
    if asks && document.listener_path.is_empty() {
        let message = "there is no listenerPath: calls that are to be asked about fail with ENOSYS";
        notes.push(Diagnostic::warning("no-listener", message));
    }
}
