//! gVisor (github.com/google/gvisor, `runsc/specutils/seccomp/seccomp.go`): known from its source only. It looks at profiles
//! only with `--oci-seccomp`.

use callgate_core::{Action, Diagnostic, errno};

use super::{Made, Outcome, known, note_split, repeats_an_index, rules};
use crate::document::{Document, Refusal};
use crate::libseccomp::Added;
use crate::loader::is_nothing;
use crate::target::Target;

pub(super) fn apply(
    document: &Document,
    target: &Target,
    notes: &mut Vec<Diagnostic>,
) -> Result<Outcome, Refusal> {
    let message = "gVisor ignores every profile unless runsc has --oci-seccomp; what follows is of that";
    notes.push(Diagnostic::warning("not-by-default", message));
    if is_nothing(document) {
        return Ok(Outcome::Unconfined(
            "gVisor takes a profile without defaultAction and rules for none".to_owned(),
        ));
    }
    let default = action(document.default_action.as_deref().unwrap_or_default())?;
    let mut added = Added::by(None);
    for entry in &document.rules {
        let action = action(&entry.action).map_err(|refusal| refusal.in_rule(entry))?;
        if entry.conditions.iter().any(|c| c.operator().is_none()) {
            return Err(Refusal::new("unsupported operator").in_rule(entry));
        }
        if entry.conditions.iter().any(|c| c.index > 5) {
            return Ok(Outcome::Undecided("do not rely on an argument index above 5".to_owned()));
        }
        if repeats_an_index(entry) {
            note_split(entry, "gVisor", notes);
        }
        let calls = known(entry, target, notes);
        if action != default {
            added.add(&calls, rules(entry, action));
        }
    }
    let filter = added.build(&[target.machine.arch], default)?;
    Ok(Outcome::Filtered(Made { filter, flags: Vec::new() }))
}

/// The few that it has; errnos are EPERM whatever the profile says.
fn action(name: &str) -> Result<Action, Refusal> {
    match name {
        "SCMP_ACT_KILL" => Ok(Action::KillThread),
        "SCMP_ACT_TRAP" => Ok(Action::Trap(0)),
        "SCMP_ACT_ERRNO" => Ok(Action::Errno(errno::EPERM)),
        "SCMP_ACT_TRACE" => Ok(Action::Trace(errno::EPERM)),
        "SCMP_ACT_ALLOW" => Ok(Action::Allow),
        _ => Err(Refusal::new(format!("invalid action {name}"))),
    }
}
