//! Plain lists: one name per line, `#` begins a comment.

use callgate_core::profile::Profile;
use callgate_core::{Arch, Diagnostic, suggest, sysno};

use super::{Lost, Otherwise, Written, allowed, allowing};

pub(super) fn write(profile: &Profile, otherwise: Otherwise) -> Written {
    if profile.default.action.permits() {
        let message = "the profile allows what it does not name: a list of what it allows has no end";
        return Written { text: String::new(), lost: vec![Lost::fatal(0, message)] };
    }
    let (names, mut lost) = allowed(profile, otherwise);
    if names.is_empty() {
        lost.push(Lost::fatal(
            0,
            "the profile allows no call whatever its arguments: there is nothing to list",
        ));
        return Written { text: String::new(), lost };
    }
    lost.push(Lost::new(0, format!("what happens to all other calls ({})", profile.default.action)));
    if !profile.architectures.is_empty() {
        lost.push(Lost::new(0, "architectures"));
    }
    if profile.rules.iter().any(|rule| !rule.action.action.permits() && rule.action != profile.default) {
        lost.push(Lost::new(0, "actions and errnos of single refused calls"));
    }
    Written { text: names.join("\n") + "\n", lost }
}

pub(super) fn read(text: &str, native: Arch) -> Result<(Profile, Vec<Diagnostic>), String> {
    let (mut names, mut notes) = (Vec::new(), Vec::new());
    for (at, line) in text.lines().enumerate() {
        let words = line.split('#').next().unwrap_or_default();
        for name in words.split([' ', '\t', ',']).filter(|word| !word.is_empty()) {
            let Some(known) = sysno::canonical(name) else {
                let note = Diagnostic::warning(
                    "unknown-call",
                    format!("line {}: there is no system call `{name}`", at + 1),
                );
                let near = suggest::nearest(name, sysno::names().iter().copied());
                notes.push(
                    near.into_iter().fold(note, |note, near| note.hint(format!("did you mean `{near}`?"))),
                );
                continue;
            };
            names.push(known.to_owned());
        }
    }
    names.sort();
    names.dedup();
    if names.is_empty() {
        return Err("the list names no system call".to_owned());
    }
    let arches: Vec<Arch> = std::iter::once(native).chain(native.companions().iter().copied()).collect();
    Ok((allowing(names, &arches), notes))
}
