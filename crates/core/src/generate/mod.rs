//! From a trace to a profile, with a reason for every rule and for everything left out.

mod constrain;
mod floor;

use std::collections::{BTreeMap, BTreeSet};

use crate::action::Action;
use crate::arch::Arch;
use crate::completion::{self, ENOSYS_FALLBACK, Facts};
use crate::errno::{ENOSYS, EPERM};
use crate::evidence::{self, Evidence, Expected, RuleEvidence, Source, Withheld};
use crate::profile::{Condition, Profile, Rule};
use crate::trace::{Outcome, Phase, Record, Trace};
use crate::{group, suggest, sysno};

use constrain::{Constraint, Subject, constrain};

pub(crate) use constrain::form;
pub use floor::Floors;

/// How arguments are constrained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ArgsMode {
    /// Only those that open attack surface; dangerous bits are refused rather than values enumerated.
    #[default]
    Auto,
    /// Every argument worth learning, to the values seen.
    Exact,
    /// None.
    Off,
}

/// What a profile is to be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How arguments are constrained.
    pub args: ArgsMode,
    /// What happens to everything else.
    pub default: Action,
    /// Calls asked for by name: dangerous ones that were seen go in, unseen ones are added.
    pub allow: BTreeSet<String>,
    /// Whether calls are added by rule.
    pub completion: bool,
    /// The container runtimes that are to start it.
    pub floors: Floors,
    /// The machine's own architecture.
    pub native: Arch,
    /// One rule per group of calls, whatever they are there for; otherwise what was seen and what was added by rule stand
    /// apart.
    pub by_group: bool,
    /// Calls that were translated from another architecture: what from, for the evidence.
    pub translated: BTreeMap<String, String>,
}

impl Options {
    /// The defaults: refuse with ENOSYS, so that libc's fallbacks work.
    pub fn new(native: Arch) -> Self {
        Self {
            args: ArgsMode::Auto,
            default: Action::Errno(ENOSYS),
            allow: BTreeSet::new(),
            completion: true,
            floors: Floors::default(),
            native,
            by_group: false,
            translated: BTreeMap::new(),
        }
    }
}

/// A profile with all that is to be said about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// The profile.
    pub profile: Profile,
    /// Why it says what it says, and what it leaves out.
    pub evidence: Evidence,
    /// What was widened, and why.
    pub notes: Vec<String>,
}

/// Why no profile can be made of a trace.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenerateError {
    /// Nothing was recorded.
    #[error("the trace holds no system call")]
    Empty,
    /// A number without a name: a profile names calls, and leaving it out would refuse it silently.
    #[error("system call number {nr} on {arch} has no name in callgate's tables")]
    Unresolved {
        /// The ABI.
        arch: Arch,
        /// The number.
        nr: u32,
    },
    /// `allow` names something that is no call.
    #[error("unknown system call `{name}`{}", near.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
    UnknownCall {
        /// As given.
        name: String,
        /// The nearest known name.
        near: Option<&'static str>,
    },
    /// The recording lost calls.
    #[error("the trace is incomplete: {lost} calls are known to be lost, or the recording was cut short")]
    Incomplete {
        /// How many.
        lost: u64,
    },
}

/// Checks that a name given by a person is a system call.
pub fn known_call(name: &str) -> Result<(), GenerateError> {
    if sysno::is_known(name) {
        return Ok(());
    }
    let near = suggest::nearest(name, sysno::names().iter().copied());
    Err(GenerateError::UnknownCall { name: name.to_owned(), near })
}

/// Makes a profile of a trace.
pub fn generate(trace: &Trace, options: &Options) -> Result<Generated, GenerateError> {
    for name in &options.allow {
        known_call(name)?;
    }
    let seen = by_name(trace)?;
    if seen.is_empty() {
        return Err(GenerateError::Empty);
    }
    let mut builder = Builder::new(trace, options);
    for (name, (arch, record)) in &seen {
        builder.seen(name, *arch, record);
    }
    builder.asked_for(&seen);
    builder.floors();
    if options.completion {
        builder.complete(&seen);
    }
    builder.refusals(trace);
    Ok(builder.finish(trace))
}

type Seen<'t> = BTreeMap<&'static str, (Arch, Record)>;

/// The calls that were made, by name: a profile's rules speak of names, whatever the ABI.
fn by_name(trace: &Trace) -> Result<Seen<'_>, GenerateError> {
    let mut seen = Seen::new();
    for (arch, nr, record) in trace.made() {
        let name = sysno::name(arch, nr).ok_or(GenerateError::Unresolved { arch, nr })?;
        match seen.get_mut(name) {
            Some((_, mine)) => {
                let mut both = Trace::default();
                both.calls.insert((arch, nr, Outcome::Made), mine.clone());
                let mut other = Trace::default();
                other.calls.insert((arch, nr, Outcome::Made), record.clone());
                both.merge(&other);
                *mine = both.calls.remove(&(arch, nr, Outcome::Made)).unwrap_or_default();
            }
            None => {
                seen.insert(name, (arch, record.clone()));
            }
        }
    }
    Ok(seen)
}

/// What the arguments of calls say about the workload.
fn facts(seen: &Seen<'_>) -> Facts {
    let any = |name: &str, index: fn(Arch) -> u8, holds: fn(u64) -> bool| {
        seen.get(name).is_some_and(|(arch, record)| {
            let values = record.args.get(&index(*arch));
            values.is_some_and(|v| v.widened || v.seen.keys().any(|value| holds(*value)))
        })
    };
    Facts {
        // AF_INET and AF_INET6 (`include/linux/socket.h`).
        inet: any("socket", |_| 0, |domain| [2, 10].contains(&domain)),
        // CLONE_THREAD (`include/uapi/linux/sched.h`); the flags come second on s390x (clone(2)).
        threads: any("clone", |arch| u8::from(arch == Arch::S390x), |flags| flags & 0x0001_0000 != 0),
    }
}

/// What tells rules apart: the rest of a rule's identity are its names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    /// Allow rules first, then refusals by errno.
    errno: Option<u16>,
    source: Source,
    group: &'static str,
    conditions: Vec<Condition>,
}

struct Builder<'o> {
    options: &'o Options,
    arches: BTreeSet<Arch>,
    rules: BTreeMap<Key, BTreeMap<String, String>>,
    allowed: BTreeSet<String>,
    evidence: Evidence,
    notes: Vec<String>,
}

impl<'o> Builder<'o> {
    fn new(trace: &Trace, options: &'o Options) -> Self {
        let mut arches: BTreeSet<Arch> = trace.calls.keys().map(|k| k.0).collect();
        arches.insert(options.native);
        let evidence = Evidence {
            schema: evidence::SCHEMA.to_owned(),
            commands: trace
                .recordings
                .iter()
                .map(|r| r.command.clone())
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            complete: trace.complete,
            proof: Some(evidence::NOT_ASKED.to_owned()),
            ..Evidence::default()
        };
        Self {
            options,
            arches,
            rules: BTreeMap::new(),
            allowed: BTreeSet::new(),
            evidence,
            notes: Vec::new(),
        }
    }

    fn subject<'a>(&self, arch: Arch, name: &'a str) -> Subject<'a> {
        let allowed = self.options.allow.contains(name);
        Subject { arch, name, mode: self.options.args, allowed }
    }

    fn add(&mut self, key: Key, name: &str, why: String) {
        if key.errno.is_none() {
            self.allowed.insert(name.to_owned());
        }
        self.rules.entry(key).or_default().insert(name.to_owned(), why);
    }

    /// Adds an allowed call with its constraint; unseen alternatives of a seen call count as completion.
    fn allow(&mut self, name: &str, constraint: Constraint, source: Source, why: &str) {
        let grouped = source == Source::Seen || self.options.by_group;
        let group = if grouped { group::primary(name).unwrap_or("@other") } else { "" };
        for alternative in constraint.alternatives {
            let unseen = source == Source::Seen && !alternative.seen;
            let source = if unseen { Source::Completion } else { source };
            let why = if unseen { "completes the values seen" } else { why };
            let key = Key { errno: None, source, group, conditions: alternative.conditions };
            self.add(key, name, why.to_owned());
        }
        self.notes.extend(constraint.notes);
    }

    /// A call the recording saw.
    fn seen(&mut self, name: &'static str, arch: Arch, record: &Record) {
        let asked = self.options.allow.contains(name);
        let multiplexed = name == "socketcall" && self.options.args != ArgsMode::Off;
        if (group::is_dangerous(name) || multiplexed) && !asked {
            // socketcall's arguments lie in memory, so no rule about socket holds for it (socketcall(2)).
            let why = group::danger(name)
                .unwrap_or("its arguments cannot be checked: it opens every socket family");
            self.withhold(name, Vec::new(), why, record);
            return;
        }
        if name == "clone3" && self.options.args != ArgsMode::Off && !asked {
            // Its flags are behind a pointer: allowed, it opens every namespace. libc falls back to clone, whose
            // flags a filter can see.
            let why = "its flags cannot be checked; libc falls back to clone, whose flags are".to_owned();
            self.evidence.expected.push(Expected { name: name.to_owned(), errno: ENOSYS, why: why.clone() });
            self.refuse(name, ENOSYS, Source::Completion, &why);
            return;
        }
        let constraint = constrain(self.subject(arch, name), Some(record));
        let values: Vec<String> = constraint.withheld.iter().map(|(value, _)| value.clone()).collect();
        if let Some((_, why)) = constraint.withheld.first() {
            self.withhold(name, values, &why.clone(), record);
        }
        let floor = record.phases.iter().all(|p| *p == Phase::Floor);
        let source = if floor { Source::Floor } else { Source::Seen };
        let asked = if asked { "; its arguments are free, as asked for with --allow" } else { "" };
        let from = self.options.translated.get(name);
        let from = from.map(|f| format!("; translated from {f}")).unwrap_or_default();
        self.allow(name, constraint, source, &format!("{}{from}{asked}", seen_reason(record, floor)));
    }

    fn withhold(&mut self, name: &str, values: Vec<String>, why: &str, record: &Record) {
        self.evidence.withheld.push(Withheld {
            name: name.to_owned(),
            values,
            why: why.to_owned(),
            first_by: record.first_by.clone(),
            first_ms: record.first_ms,
        });
    }

    fn refuse(&mut self, name: &str, errno: u16, source: Source, why: &str) {
        if self.options.default != Action::Errno(errno) {
            let key = Key { errno: Some(errno), source, group: "", conditions: Vec::new() };
            self.add(key, name, why.to_owned());
        }
    }

    /// Calls named by `--allow` that the recording did not see.
    fn asked_for(&mut self, seen: &Seen<'_>) {
        for name in &self.options.allow {
            if !seen.contains_key(name.as_str()) {
                let free = Constraint {
                    alternatives: vec![constrain::Alternative::default()],
                    ..Constraint::default()
                };
                self.allow(name, free, Source::User, "asked for with --allow");
            }
        }
    }

    /// Calls added by rule.
    fn complete(&mut self, seen: &Seen<'_>) {
        let names: BTreeSet<&str> = seen.keys().copied().collect();
        for (name, why) in completion::complete(&names, facts(seen)) {
            let exists = self.arches.iter().find(|a| sysno::number(**a, name).is_some()).copied();
            if let Some(arch) = exists.filter(|_| !self.allowed.contains(name)) {
                let constraint = constrain(self.subject(arch, name), None);
                self.allow(name, constraint, Source::Completion, &why);
            }
        }
    }

    /// What is refused with an errno of its own.
    fn refusals(&mut self, trace: &Trace) {
        for (arch, nr, errno, _) in trace.refused() {
            let Some(name) = sysno::name(arch, nr) else { continue };
            if !self.allowed.contains(name) {
                let why = "another filter refused it while recording, and the workload lived with that";
                self.evidence.expected.push(Expected { name: name.to_owned(), errno, why: why.to_owned() });
                self.refuse(name, errno, Source::Seen, why);
            }
        }
        let default = self.options.default;
        if default == Action::Errno(ENOSYS) {
            let names = group::expand("@privileged").unwrap_or_default();
            self.refuse_all(&names, EPERM, "privileged: programs expect EPERM where they lack the privilege");
        } else if !default.permits() && !matches!(default, Action::Errno(_)) {
            self.refuse_all(ENOSYS_FALLBACK, ENOSYS, "libc does without it when told ENOSYS");
        }
    }

    fn refuse_all(&mut self, names: &[&'static str], errno: u16, why: &str) {
        let taken: BTreeSet<String> = self
            .rules
            .iter()
            .filter(|(k, _)| k.errno.is_some())
            .flat_map(|(_, names)| names.keys().cloned())
            .collect();
        let expected: BTreeSet<String> = self.evidence.expected.iter().map(|e| e.name.clone()).collect();
        for name in names {
            let exists = self.arches.iter().any(|a| sysno::number(*a, name).is_some());
            if exists && !self.allowed.contains(*name) && !taken.contains(*name) && !expected.contains(*name)
            {
                self.refuse(name, errno, Source::Completion, why);
            }
        }
    }

    fn finish(mut self, trace: &Trace) -> Generated {
        let mut profile = Profile {
            default: self.options.default.into(),
            architectures: self.arches.iter().map(|a| (*a).into()).collect(),
            ..Profile::default()
        };
        for (key, calls) in self.rules {
            let action = key.errno.map_or(Action::Allow, Action::Errno);
            let mut rule = Rule::new(calls.keys().cloned(), action);
            rule.comment = Some(comment(&key, &calls, self.options.by_group));
            rule.conditions.clone_from(&key.conditions);
            let same = |other: &&mut Rule| {
                self.options.by_group && other.comment == rule.comment && other.conditions == rule.conditions
            };
            match profile.rules.iter_mut().find(same).filter(|_| key.errno.is_none()) {
                Some(other) => {
                    other.names.append(&mut rule.names);
                    other.names.sort_by(|a, b| a.text.cmp(&b.text));
                    other.names.dedup();
                }
                None => profile.rules.push(rule),
            }
            self.evidence.rules.push(RuleEvidence {
                source: key.source,
                group: key.group.to_owned(),
                conditions: key.conditions.iter().map(evidence::condition_text).collect(),
                calls,
            });
        }
        self.evidence.expected.sort();
        self.evidence.expected.dedup();
        self.evidence.withheld.sort();
        self.notes.extend(trace.recordings.iter().flat_map(|r| r.notes.iter().cloned()));
        for arch in self.arches.iter().filter(|a| **a != self.options.native) {
            self.notes.push(format!(
                "calls through {arch} were seen, so the profile lists it: every name it allows is open there, too, and \
                 {arch} calls that pass their arguments in memory are not constrained"
            ));
        }
        let ring = |(arch, nr, _): (Arch, u32, &Record)| sysno::name(arch, nr) == Some("io_uring_enter");
        if trace.made().any(ring) {
            let note = "io_uring was used: the operations it carries out are neither recorded nor filtered";
            self.notes.push(note.to_owned());
        }
        self.notes.sort();
        self.notes.dedup();
        Generated { profile, evidence: self.evidence, notes: self.notes }
    }
}

/// Docker's `comment` for a rule: the group, or the one reason.
fn comment(key: &Key, calls: &BTreeMap<String, String>, by_group: bool) -> String {
    if let Some(group) = group::find(key.group).filter(|_| by_group && key.errno.is_none()) {
        return format!("{}: {}", group.name, group.about);
    }
    let group = if key.group.is_empty() { String::new() } else { format!(" {}", key.group) };
    match calls.values().next() {
        Some(why) if key.source != Source::Seen && calls.values().all(|w| w == why) => {
            format!("{}{group}: {why}", key.source.name())
        }
        _ => format!("{}{group}", key.source.name()),
    }
}

fn seen_reason(record: &Record, floor: bool) -> String {
    if floor {
        return "starts the program".to_owned();
    }
    let count = record.count.map_or_else(|| "seen".to_owned(), |n| format!("{n}×"));
    let others = match record.executables.len() {
        0 | 1 => String::new(),
        n => format!(" and {} more", n - 1),
    };
    if record.first_by.is_empty() {
        // Tables of other recorders do not say who made a call.
        return count;
    }
    format!("{count}, first by {}{others} after {} ms", record.first_by, record.first_ms)
}

#[cfg(test)]
mod tests;
