//! Kata Containers' agent (github.com/kata-containers/kata-containers, `src/agent/rustjail/src/seccomp.rs`): known from its
//! source only. The runtime outside the guest takes profiles away unless `disable_guest_seccomp` is turned off.

use callgate_core::{Action, Diagnostic, errno};

use super::{Made, Outcome, action, judged, known, repeats_an_index, rules};
use crate::document::{Document, Refusal};
use crate::libseccomp::{Added, arches};
use crate::target::Target;

pub(super) fn apply(
    document: &Document,
    target: &Target,
    notes: &mut Vec<Diagnostic>,
) -> Result<Outcome, Refusal> {
    let message = "Kata drops every profile unless its configuration has `disable_guest_seccomp = false`; what follows is of that";
    notes.push(Diagnostic::warning("not-by-default", message));
    let name = document.default_action.as_deref().unwrap_or_default();
    let invalid = |what: &str, name: &str| Refusal::new(format!("invalid {what} `{name}`"));
    // It does not look at defaultErrnoRet.
    let default = action(name, Some(errno::EPERM.into())).ok_or_else(|| invalid("action", name))?;
    let mut listed = Vec::new();
    for name in &document.architectures {
        let short = name.strip_prefix("SCMP_ARCH_").unwrap_or_default().to_ascii_lowercase();
        match arches::add(&short, target.machine.arch, target.libseccomp) {
            added @ (arches::Added::Judged(_) | arches::Added::NeverSeen) => listed.push(added),
            _ => return Err(invalid("architecture", name)),
        }
    }
    let mut added = Added::by(target.libseccomp);
    for entry in &document.rules {
        let action: Action = action(&entry.action, entry.errno)
            .ok_or_else(|| invalid("action", &entry.action).in_rule(entry))?;
        let wrong = entry.conditions.iter().any(|c| c.operator().is_none() || c.index > 5);
        if entry.names.is_empty() || wrong || repeats_an_index(entry) || entry.conditions.len() > 6 {
            return Err(Refusal::new("a rule is not valid (EINVAL)").in_rule(entry));
        }
        let calls = known(entry, target, notes);
        if action != default {
            added.add(&calls, rules(entry, action));
        }
    }
    let filter = added.build(&judged(&listed, target.machine.arch), default)?;
    Ok(Outcome::Filtered(Made { filter, flags: document.flags.clone().unwrap_or_default() }))
}
