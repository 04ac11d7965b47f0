//! What is asked about: a meaning, and the profile it is of where there is one.

use callgate_core::verdict::{Decided, verdict};
use callgate_core::{Action, Arch, Call, Meaning, Profile};

/// A meaning, and whose it is.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'s> {
    /// What it does.
    pub meaning: &'s Meaning,
    /// Where it is written; `None`: in no file.
    pub profile: Option<&'s Profile>,
    /// The machine's own architecture.
    pub native: Arch,
}

/// What happens to a call, and the line that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decision {
    /// What happens.
    pub action: Action,
    /// The line of the rule that decides, from 1. `None`: no rule does, or it is in no file.
    pub line: Option<usize>,
}

impl Subject<'_> {
    /// What happens to a call.
    pub fn decide(&self, call: &Call) -> Decision {
        let action = self.meaning.action(call);
        let decided = self.profile.map(|profile| verdict(profile, call, self.native));
        // A runtime may make something else of a profile than it says: then no line of it decides.
        let line = match decided.filter(|verdict| verdict.action == action).map(|verdict| verdict.decided) {
            Some(Decided::Rule { line, .. }) if line > 0 => Some(line),
            _ => None,
        };
        Decision { action, line }
    }
}
