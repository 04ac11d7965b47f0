//! Editions: a default profile as one release of its runtime has it.

use super::{Baseline, Machine, ResolvedRules, Rule, all};
use crate::floor::Version;
use crate::meaning::Meaning;
use crate::suggest;

/// A default profile as of one release.
#[derive(Clone, Debug)]
pub struct Edition {
    /// Of which default.
    pub baseline: &'static Baseline,
    /// The release as it was asked for; `None`: the newest known.
    pub asked: Option<String>,
    release: Version,
}

/// No such default.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownDefault {
    /// No such name.
    #[error("unknown default profile `{name}`{}; known: {}", near.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default(), known())]
    Name {
        /// As given.
        name: String,
        /// The nearest known one.
        near: Option<&'static str>,
    },
    /// What stands behind the `@` is no version.
    #[error("`{0}` is no version: write containerd@1.6.20, or containerd@1.6 for the last of a series")]
    Version(String),
    /// Only one is known.
    #[error("{0}'s default profile is known in one version: write {0}")]
    Single(&'static str),
    /// Before the data begin.
    #[error("{name} {asked} is too old: its default profile is known from {oldest} on")]
    TooOld {
        /// The default.
        name: &'static str,
        /// As given.
        asked: String,
        /// The first one known.
        oldest: Version,
    },
}

fn known() -> String {
    all().iter().map(|b| b.name).collect::<Vec<_>>().join(", ")
}

/// The default of that name, `docker`, of the release named behind it, `containerd@1.6.20`, or of the newest.
///
/// A short version means the last release of its series, which `containerd@1.6` is on a machine kept up to date.
pub fn named(text: &str) -> Result<Edition, UnknownDefault> {
    let (name, version) = text.split_once('@').map_or((text, None), |(name, version)| (name, Some(version)));
    let Some(baseline) = super::find(name) else {
        let names = all().iter().flat_map(|b| std::iter::once(b.name).chain(b.aliases.iter().copied()));
        return Err(UnknownDefault::Name { name: name.to_owned(), near: suggest::nearest(name, names) });
    };
    let Some(version) = version else { return Ok(baseline.newest()) };
    let Some((oldest, _)) = baseline.known else { return Err(UnknownDefault::Single(baseline.name)) };
    let release = Version::last(version).map_err(|_bad| UnknownDefault::Version(version.to_owned()))?;
    if release < oldest {
        return Err(UnknownDefault::TooOld { name: baseline.name, asked: version.to_owned(), oldest });
    }
    Ok(Edition { baseline, asked: Some(version.to_owned()), release })
}

impl Baseline {
    /// As its newest known release has it.
    pub fn newest(&'static self) -> Edition {
        let release = self.known.map(|(_, newest)| newest).unwrap_or_default();
        Edition { baseline: self, asked: None, release }
    }

    /// Every capability that decides whether a rule counts, sorted.
    pub fn deciding_caps(&self) -> Vec<&'static str> {
        let mut caps: Vec<_> =
            self.rules.iter().flat_map(|r| r.when.caps.iter().chain(r.unless.caps).copied()).collect();
        caps.sort_unstable();
        caps.dedup();
        caps
    }
}

impl Edition {
    /// `containerd 1.6.20`, `docker`.
    pub fn name(&self) -> String {
        match (&self.asked, self.baseline.known) {
            (Some(asked), _) => format!("{} {asked}", self.baseline.name),
            (None, Some((_, newest))) => format!("{} {newest}", self.baseline.name),
            (None, None) => self.baseline.name.to_owned(),
        }
    }

    /// What is to be said about how far the answer can be relied on: releases newer than the data may differ.
    pub fn note(&self) -> Option<String> {
        let (_, newest) = self.baseline.known?;
        let newer = self.release > newest && !self.release.is_series_of(newest);
        newer.then(|| {
            format!("{} is newer than what callgate knows; this is the default of {newest}", self.name())
        })
    }

    /// The rules that count on this machine.
    pub fn rules(&self, machine: &Machine) -> ResolvedRules {
        let counts = |r: &&Rule| self.has(r) && r.when.all_hold(machine) && !r.unless.any_holds(machine);
        let rules = self.baseline.rules.iter().filter(counts).map(Rule::resolved).collect();
        ResolvedRules { default: self.baseline.default, arches: self.baseline.arches(machine.arch), rules }
    }

    /// What it does on this machine, as [`ResolvedRules::meaning`] says.
    pub fn meaning(&self, machine: &Machine) -> Meaning {
        self.rules(machine).meaning()
    }

    fn has(&self, rule: &Rule) -> bool {
        (rule.since.is_empty() || self.reached(rule.since)) && !self.reached(rule.until)
    }

    /// Whether the release has what came with the first of these, or with another of its own series. The last stands for
    /// every series after it; a series between two of them has not got it.
    fn reached(&self, releases: &[Version]) -> bool {
        let own = releases.iter().any(|r| self.release.is_series_of(*r) && self.release >= *r);
        own || releases.last().is_some_and(|last| self.release > *last && !self.release.is_series_of(*last))
    }
}
