//! The floors of container runtimes as rules of a profile.

use std::collections::BTreeMap;

use super::constrain::{Constraint, constrain};
use super::{ArgsMode, Builder, Key, Subject};
use crate::action::Action;
use crate::errno::EPERM;
use crate::evidence::{Source, Withheld};
use crate::floor::{Class, Found, Need, Way};
use crate::profile::Condition;
use crate::{Arch, group, sysno};

/// The runtimes that are to start the program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Floors {
    /// The runtimes, with their versions.
    pub runtimes: Vec<Found>,
    /// no_new_privs as it will be; `None`: on or off.
    pub no_new_privs: Option<bool>,
}

impl Floors {
    /// What all of them need, in every way into a container.
    fn needs(&self) -> BTreeMap<&'static str, Need> {
        let mut needs: BTreeMap<&'static str, Need> = BTreeMap::new();
        for (name, need) in self.runtimes.iter().flat_map(|f| f.needs(&Way::ALL, self.no_new_privs)) {
            match needs.get_mut(name) {
                Some(both) => {
                    both.class = both.class.min(need.class);
                    both.why = format!("{}; {}", both.why, need.why);
                }
                None => {
                    needs.insert(name, need);
                }
            }
        }
        needs
    }
}

impl Builder<'_> {
    /// Adds what the runtimes need. Nothing dangerous: that is left out where they live with an errno, and withheld
    /// where they do not.
    pub(super) fn floors(&mut self) {
        let floors = self.options.floors.clone();
        self.notes.extend(floors.runtimes.iter().filter_map(|f| f.note.clone()));
        if !floors.runtimes.is_empty() && self.options.native != Arch::X86_64 {
            let note =
                "floors were measured on x86_64; calls that only this architecture has are not in them";
            self.notes.push(note.to_owned());
        }
        let mut shut = Vec::new();
        for (name, need) in floors.needs() {
            if sysno::number(self.options.native, name).is_none() {
                continue;
            }
            if !group::is_dangerous(name) || self.options.allow.contains(name) {
                self.floor_call(name, &need);
            } else if need.class == Class::Tolerated {
                self.shut_out(name, &need);
                shut.push(name);
            } else {
                self.withhold_floor(name, &need);
            }
        }
        if !shut.is_empty() {
            let note = format!(
                "dangerous calls of a runtime stay refused, which it lives with: {}",
                shut.join(", ")
            );
            self.notes.push(note);
        }
    }

    /// A dangerous call whose refusal the runtime lives with, as long as it is no kill.
    fn shut_out(&mut self, name: &'static str, need: &Need) {
        if !matches!(self.options.default, Action::Errno(_)) {
            self.refuse(name, EPERM, Source::Floor, &need.why);
        }
    }

    fn withhold_floor(&mut self, name: &'static str, need: &Need) {
        self.evidence.withheld.push(Withheld {
            name: name.to_owned(),
            values: Vec::new(),
            why: format!("{}; {}", group::danger(name).unwrap_or("dangerous"), need.why),
            first_by: "the container runtime".to_owned(),
            first_ms: 0,
        });
    }

    /// Allows a call, unless that is said already. Its arguments are those of any call that was not seen: a recording's
    /// exact values are the program's, not the runtime's.
    fn floor_call(&mut self, name: &'static str, need: &Need) {
        if self.has(name, &[]) {
            return;
        }
        let mode = if self.options.args == ArgsMode::Off { ArgsMode::Off } else { ArgsMode::Auto };
        let allowed = self.options.allow.contains(name);
        let whole = constrain(Subject { arch: self.options.native, name, mode, allowed }, None);
        let new = whole.alternatives.into_iter().filter(|a| !self.has(name, &a.conditions)).collect();
        self.allow(name, Constraint { alternatives: new, ..Constraint::default() }, Source::Floor, &need.why);
    }

    /// Whether a rule allows the call under these conditions.
    fn has(&self, name: &str, conditions: &[Condition]) -> bool {
        let allows = |key: &Key| key.errno.is_none() && key.conditions == conditions;
        self.rules.iter().any(|(key, calls)| allows(key) && calls.contains_key(name))
    }
}
