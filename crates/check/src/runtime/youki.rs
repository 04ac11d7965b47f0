//! youki (github.com/youki-dev/youki, `crates/libcontainer/src/seccomp/mod.rs`): known from its source only.

use callgate_core::{Diagnostic, set::Op};

use super::{Made, Outcome, action, is_valid, judged, known, note_split, repeats_an_index, rules};
use crate::document::{Document, Refusal};
use crate::libseccomp::{Added, arches};
use crate::target::Target;

pub(super) fn apply(
    document: &Document,
    target: &Target,
    notes: &mut Vec<Diagnostic>,
) -> Result<Outcome, Refusal> {
    let action_of = |name: &str, errno| {
        action(name, errno).ok_or_else(|| Refusal::new(format!("unknown variant `{name}`")))
    };
    let default = action_of(document.default_action.as_deref().unwrap_or_default(), document.default_errno)?;
    let mut listed = Vec::new();
    for name in document.architectures.iter().filter(|name| *name != "SCMP_ARCH_NATIVE") {
        let short = name.strip_prefix("SCMP_ARCH_").unwrap_or_default().to_ascii_lowercase();
        match arches::add(&short, target.machine.arch, target.libseccomp) {
            arches::Added::Unknown => return Err(Refusal::new(format!("unknown variant `{name}`"))),
            arches::Added::OtherEndian => return Err(Refusal::new("failed to add arch to seccomp")),
            added => listed.push(added),
        }
    }
    let mut added = Added::by(target.libseccomp);
    for entry in &document.rules {
        let action = action_of(&entry.action, entry.errno).map_err(|refusal| refusal.in_rule(entry))?;
        if entry.conditions.iter().any(|c| c.operator() == Some(Op::MaskedEq)) {
            return Ok(Outcome::Undecided("do not rely on SCMP_CMP_MASKED_EQ with youki".to_owned()));
        }
        let wrong = entry.conditions.iter().any(|c| c.operator().is_none() || c.index > 5);
        if wrong || !is_valid(action) {
            return Err(Refusal::new("a rule is not valid").in_rule(entry));
        }
        if action == default {
            continue;
        }
        if repeats_an_index(entry) {
            note_split(entry, "youki", notes);
        }
        let calls = known(entry, target, notes);
        added.add(&calls, rules(entry, action));
    }
    let filter = added.build(&judged(&listed, target.machine.arch), default)?;
    Ok(Outcome::Filtered(Made { filter, flags: document.flags.clone().unwrap_or_default() }))
}
