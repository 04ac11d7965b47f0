//! Floors: what a container runtime itself calls between loading the filter and the program's first instruction.
//!
//! A profile that was learned on the host lacks them, and a container under it does not start. They depend on the
//! runtime, its version, on how a process gets into the container and on no_new_privs, which decides when the filter is
//! loaded. The data are `data/floors.toml`, with where each call was measured or read.

mod starts;
mod table;
mod version;

use std::collections::{BTreeMap, BTreeSet};

use crate::suggest;

pub use starts::{Held, Missing, Refusal, starts};
pub use version::{BadVersion, Version};

/// How a process gets into a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// As its first process, by `run` or by `create` and `start`.
    Create,
    /// As one more, by `exec`.
    Exec,
}

impl Way {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Create, Self::Exec];

    /// The runtimes' own word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Exec => "exec",
        }
    }
}

/// What a runtime makes of a call that is refused; the strictest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Nothing starts without it.
    Required,
    /// Made in some runs, by Go's scheduler and its signals, and then needed.
    Asynchronous,
    /// EPERM is lived with, other errnos are not; made only where the process is not root's or its standard streams
    /// belong to somebody else.
    OnlyEperm,
    /// Any errno is lived with; being killed is not.
    Tolerated,
}

impl Class {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Asynchronous => "asynchronous",
            Self::OnlyEperm | Self::Tolerated => "tolerated",
        }
    }
}

/// One call of a floor.
#[derive(Debug, PartialEq, Eq)]
struct Call {
    name: &'static str,
    class: Class,
    /// File and commit where it was read; `None`: measured.
    source: Option<&'static str>,
}

/// The floor of one runtime, in one way and one setting.
#[derive(Debug, PartialEq, Eq)]
pub struct Set {
    runtime: &'static str,
    /// From the first, up to and without the second.
    versions: &'static [(Version, Version)],
    way: Way,
    no_new_privs: bool,
    measured: &'static [&'static str],
    calls: &'static [Call],
}

impl Set {
    fn overlaps(&self, from: Version, until: Version) -> bool {
        self.versions.iter().any(|(first, end)| *first < until && from < *end)
    }

    fn end(&self) -> Version {
        self.versions.iter().map(|(_, end)| *end).max().unwrap_or_default()
    }

    fn first(&self) -> Version {
        self.versions.iter().map(|(first, _)| *first).min().unwrap_or_default()
    }

    fn label(&self) -> String {
        let ranges: Vec<String> =
            self.versions.iter().map(|(from, until)| format!("{from} to before {until}")).collect();
        let privileges = if self.no_new_privs { "no_new_privs" } else { "without no_new_privs" };
        format!("{} {} ({}, {privileges})", self.runtime, ranges.join(" and "), self.way.name())
    }
}

/// What is needed of one call, by all sets that were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The strictest of their classes.
    pub class: Class,
    /// Whether it was measured, rather than read in a source.
    pub measured: bool,
    /// Runtime, versions and provenance, in words.
    pub why: String,
}

/// A runtime somebody asked for, with the sets that speak of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The runtime.
    pub runtime: &'static str,
    /// The version as it was asked for; `None`: all that are known.
    pub version: Option<String>,
    /// What is to be said about how far the answer can be relied on.
    pub note: Option<String>,
    sets: Vec<&'static Set>,
}

/// No floor for what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownRuntime {
    /// No such runtime.
    #[error("unknown runtime `{name}`{}; known: {}", near.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default(), runtimes().join(", "))]
    Name {
        /// As given.
        name: String,
        /// The nearest known one.
        near: Option<&'static str>,
    },
    /// The version cannot be read.
    #[error("`{runtime}@{version}`: {error}")]
    Version {
        /// The runtime.
        runtime: &'static str,
        /// As given.
        version: String,
        /// What is wrong with it.
        error: BadVersion,
    },
    /// Older than everything that is known.
    #[error("the floor of `{runtime}@{version}` is not known: it is known from {oldest} on")]
    TooOld {
        /// The runtime.
        runtime: &'static str,
        /// As given.
        version: String,
        /// The oldest that is known.
        oldest: Version,
    },
}

/// The runtimes whose floors are known, sorted.
pub fn runtimes() -> Vec<&'static str> {
    table::SETS.iter().map(|s| s.runtime).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The floor of `runc`, `runc@1.1` or `runc@1.1.5`: of all known versions, of one series, of one version.
///
/// A version newer than all that are known gets the newest floor, and a note that says so.
pub fn find(text: &str) -> Result<Found, UnknownRuntime> {
    let (name, version) = text.split_once('@').map_or((text, None), |(name, version)| (name, Some(version)));
    let runtimes = runtimes();
    let Some(runtime) = runtimes.iter().copied().find(|r| *r == name) else {
        let near = suggest::nearest(name, runtimes);
        return Err(UnknownRuntime::Name { name: name.to_owned(), near });
    };
    let all = || table::SETS.iter().filter(move |s| s.runtime == runtime);
    let Some(version) = version else {
        return Ok(Found { runtime, version: None, note: None, sets: all().collect() });
    };
    let (from, until) = Version::series(version).map_err(|error| UnknownRuntime::Version {
        runtime,
        version: version.to_owned(),
        error,
    })?;
    let mut found = Found {
        runtime,
        version: Some(version.to_owned()),
        note: None,
        sets: all().filter(|s| s.overlaps(from, until)).collect(),
    };
    if found.sets.is_empty() {
        let oldest = all().map(Set::first).min().unwrap_or_default();
        if from < oldest {
            return Err(UnknownRuntime::TooOld { runtime, version: version.to_owned(), oldest });
        }
        let newest = all().map(Set::end).max().unwrap_or_default();
        found.sets = all().filter(|s| s.end() == newest).collect();
        found.note = Some(format!(
            "{runtime} {version} is newer than the floors that are known, which end before {newest}: the newest is taken for it"
        ));
    }
    Ok(found)
}

impl Found {
    /// `runc@1.1`, or `runc` where all versions are meant.
    pub fn label(&self) -> String {
        self.version.as_ref().map_or_else(|| self.runtime.to_owned(), |v| format!("{}@{v}", self.runtime))
    }

    /// What is needed in these ways, with what each set makes of its refusal; a name may come several times.
    pub fn names(
        &self,
        ways: &[Way],
        no_new_privs: Option<bool>,
    ) -> impl Iterator<Item = (&'static str, Class)> {
        let wanted =
            move |s: &&&Set| ways.contains(&s.way) && no_new_privs.is_none_or(|on| s.no_new_privs == on);
        self.sets.iter().filter(wanted).flat_map(|set| set.calls.iter().map(|call| (call.name, call.class)))
    }

    /// What is needed in these ways, with no_new_privs on, off, or whichever.
    pub fn needs(&self, ways: &[Way], no_new_privs: Option<bool>) -> BTreeMap<&'static str, Need> {
        self.needs_of(ways, no_new_privs, |_| true)
    }

    /// The same, of some calls only.
    fn needs_of(
        &self,
        ways: &[Way],
        no_new_privs: Option<bool>,
        is_asked: impl Fn(&str) -> bool,
    ) -> BTreeMap<&'static str, Need> {
        let mut needs: BTreeMap<&'static str, Need> = BTreeMap::new();
        let wanted = |s: &&&Set| ways.contains(&s.way) && no_new_privs.is_none_or(|on| s.no_new_privs == on);
        for set in self.sets.iter().filter(wanted) {
            for call in set.calls.iter().filter(|call| is_asked(call.name)) {
                let need = need(set, call);
                match needs.get_mut(call.name) {
                    // Of equally strict ones the first says why; the others would say the same.
                    Some(other) if (other.class, !other.measured) <= (need.class, !need.measured) => {}
                    _ => {
                        needs.insert(call.name, need);
                    }
                }
            }
        }
        needs
    }
}

fn need(set: &Set, call: &Call) -> Need {
    let provenance = match call.source {
        Some(source) => format!("from-source {source}"),
        None => format!("measured-by {}", set.measured.join("; ")),
    };
    let why = format!("{} by {}: {provenance}", call.class.name(), set.label());
    Need { class: call.class, measured: call.source.is_none(), why }
}

#[cfg(test)]
mod tests;
