//! From a profile's text to what happens with every call, where it is used.

use callgate_core::call::Call;
use callgate_core::meaning::Meaning;
use callgate_core::profile::{self, Profile};
use callgate_core::verdict::{Decided, verdict};
use callgate_core::{Action, Arch, Diagnostic};

use crate::document::{Document, Refusal};
use crate::flat;
use crate::loader::{self, Loaded};
use crate::runtime::{self, Made, Outcome};
use crate::target::{Loader, Target};

/// What becomes of a profile.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// What the runtime makes of it.
    pub outcome: Outcome,
    /// What is left out, split or not relied on, on the way.
    pub notes: Vec<Diagnostic>,
    /// What the loader hands over; nothing if it hands nothing over.
    pub document: Option<Document>,
    /// The same as a profile, where no runtime was asked.
    profile: Option<Profile>,
    native: callgate_core::Arch,
}

/// What happens to one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fate {
    /// What; `None`: not known.
    pub action: Option<Action>,
    /// What decides it.
    pub by: By,
}

/// What decides a call's fate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// A rule: which entry of `syscalls`, and the line it starts on (0: it was never in a file).
    Rule {
        /// From 0.
        index: usize,
        /// From 1.
        line: usize,
    },
    /// No rule: `defaultAction`.
    Default,
    /// The number is above the highest the profile names; runc answers ENOSYS.
    Beyond,
    /// The profile does not list the architecture.
    Architecture,
    /// There is no filter.
    Nothing,
    /// Not known, and why.
    Unknown(String),
}

/// What becomes of a profile on its way through the target's loader and runtime.
///
/// A refusal names who refuses; a container does not start then.
pub fn resolve(text: &str, target: &Target) -> Result<Resolved, Refusal> {
    let native = target.machine.arch;
    if target.loader == Loader::Oci && target.runtime.is_none() {
        return raw(text, target);
    }
    let dialect =
        target.runtime.map_or(crate::dialect::Dialect::Go, |runtime| runtime::dialect(runtime.name));
    let mut notes = Vec::new();
    let loaded =
        loader::load(target.loader, (text, dialect), &target.machine, &mut notes).map_err(|refusal| {
            match target.runtime {
                // Nobody read the file before the runtime did.
                Some(runtime) if refusal.by.is_empty() => refusal.by(runtime.to_string()),
                _ => refusal,
            }
        })?;
    let nothing = |outcome, notes| Resolved { outcome, notes, document: None, profile: None, native };
    let document = match loaded {
        Loaded::Profile(document) => *document,
        Loaded::Unconfined => {
            let why = format!("{} takes it for \"no seccomp\"", loader::who(target.loader));
            return Ok(nothing(Outcome::Unconfined(why), notes));
        }
        Loaded::Undecided(why) => return Ok(nothing(Outcome::Undecided(why), notes)),
    };
    let outcome = runtime::apply(&document, target, &mut notes)?;
    let profile = if target.runtime.is_none() { flat::profile(&document).ok() } else { None };
    Ok(Resolved { outcome, notes, document: Some(document), profile, native })
}

/// The raw OCI meaning of callgate's own strict reading.
fn raw(text: &str, target: &Target) -> Result<Resolved, Refusal> {
    let (profile, mut notes) = profile::read(text).map_err(|invalid| Refusal {
        span: Some(invalid.span.clone()),
        line: Some(invalid.line),
        ..Refusal::new(invalid.message).by("callgate")
    })?;
    notes.extend(profile::undecidable(&profile));
    let document = Document::from(&profile);
    Ok(Resolved::of_profile(profile, document, notes, target))
}

impl Resolved {
    /// The raw OCI meaning of a profile that was read already.
    pub fn of_profile(profile: Profile, document: Document, notes: Vec<Diagnostic>, target: &Target) -> Self {
        let native = target.machine.arch;
        let filter = crate::libseccomp::Filter {
            meaning: profile::meaning(&profile, native),
            added: crate::libseccomp::Added::default(),
            undecided: Vec::new(),
        };
        let outcome = Outcome::Filtered(Made { filter, flags: profile.flags.clone() });
        Self { outcome, notes, document: Some(document), profile: Some(profile), native }
    }

    /// The filter's meaning, where there is a filter.
    pub fn meaning(&self) -> Option<&Meaning> {
        match &self.outcome {
            Outcome::Filtered(made) => Some(&made.filter.meaning),
            _ => None,
        }
    }

    /// Why nothing can be proven of the whole: calls about which nothing can be said.
    pub fn undecided(&self) -> &[crate::libseccomp::Undecided] {
        match &self.outcome {
            Outcome::Filtered(made) => &made.filter.undecided,
            _ => &[],
        }
    }

    /// What happens to a call.
    pub fn fate(&self, call: &Call) -> Fate {
        let made = match &self.outcome {
            Outcome::Filtered(made) => made,
            Outcome::Unconfined(_) => return Fate { action: Some(Action::Allow), by: By::Nothing },
            Outcome::Undecided(why) => return Fate { action: None, by: By::Unknown(why.clone()) },
        };
        if let Some(profile) = &self.profile {
            let found = verdict(profile, call, self.native);
            return Fate { action: Some(found.action), by: self.of_verdict(found.decided) };
        }
        let met = made.filter.undecided.iter().find(|u| {
            (u.arch, u.nr) == (call.arch, call.nr)
                && u.args.contains(&Call::new(call.arch, call.nr, call.args).args)
        });
        if let Some(met) = met {
            return Fate { action: None, by: By::Unknown(met.why.to_owned()) };
        }
        let action = made.filter.meaning.action(call);
        Fate { action: Some(action), by: self.decided(made, call) }
    }

    fn decided(&self, made: &Made, call: &Call) -> By {
        let Some(rules) = made.filter.meaning.arches.get(&call.arch) else { return By::Architecture };
        let args = Call::new(call.arch, call.nr, call.args).args;
        let clauses = rules.calls.get(&call.nr).map(Vec::as_slice).unwrap_or_default();
        if clauses.iter().any(|clause| clause.args.contains(&args)) {
            return made.filter.decided_by(call).map_or(By::Beyond, |index| self.rule(index));
        }
        if rules.otherwise(call.nr) != rules.default {
            return By::Beyond;
        }
        // x32 is there where runc's stub says something of some of its numbers, listed or not.
        let unlisted =
            call.arch == Arch::X32 && rules.calls.is_empty() && rules.default == made.filter.meaning.bad_arch;
        if unlisted { By::Architecture } else { By::Default }
    }

    /// Entries are named as they stand in the file, whatever a loader left out before them.
    fn rule(&self, index: usize) -> By {
        let entries = self.document.iter().flat_map(|document| &document.rules);
        let line = entries.into_iter().find(|entry| entry.index == index).map_or(0, |entry| entry.line);
        By::Rule { index, line }
    }

    fn of_verdict(&self, decided: Decided) -> By {
        match decided {
            Decided::Default => By::Default,
            Decided::Architecture => By::Architecture,
            Decided::Rule { index, line } => {
                // A loader may have left out rules before this one.
                let kept = self.document.iter().flat_map(|document| &document.rules);
                let named = kept.into_iter().filter(|entry| !entry.names.is_empty()).nth(index);
                By::Rule { index: named.map_or(index, |entry| entry.index), line }
            }
        }
    }
}
