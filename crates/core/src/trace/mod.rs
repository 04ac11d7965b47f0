//! Traces: observations folded into a set, with provenance and counts.
//!
//! Folding and merging never lose evidence: counts add, sets unite, and every weakness of a recording (losses, widened
//! values, something it could not see) stays with the result.

mod counterparts;
mod format;
mod translate;

use std::collections::{BTreeMap, BTreeSet};

use crate::arch::Arch;
use crate::args;

pub use counterparts::{Otherwise, all as counterparts};
pub use format::{ReadError, SCHEMA, read, write};
pub use translate::{Translated, translate};

/// Distinct values kept per argument; beyond it the argument is *widened*: any value may have occurred.
pub const MAX_VALUES: usize = 64;
/// Distinct executables kept per call.
pub const MAX_EXECUTABLES: usize = 32;

/// The part of a workload's life a call was seen in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Between loading the filter and the program's first instruction.
    Floor,
    /// Until ready.
    StartUp,
    /// From ready to the stop.
    Serving,
    /// After the stop was asked for.
    Shutdown,
    /// Readiness was never defined.
    Unphased,
}

impl Phase {
    /// Every phase, in order, with its name in files.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Floor, "floor"),
        (Self::StartUp, "start-up"),
        (Self::Serving, "serving"),
        (Self::Shutdown, "shutdown"),
        (Self::Unphased, "unphased"),
    ];

    /// The name in files.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// Looks a name up.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, n)| *n == name).map(|(phase, _)| *phase)
    }
}

/// What one recording had to say about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Provenance {
    /// `notify`, `ptrace` …
    pub backend: String,
    /// The program as started: argv\[0\] only, since arguments may be secrets.
    pub command: String,
    /// Start, in seconds since the epoch.
    pub started: u64,
    /// Length in milliseconds.
    pub duration_ms: u64,
    /// Kernel release.
    pub kernel: String,
    /// Whether no_new_privs was on.
    pub no_new_privs: bool,
    /// Whether calls already known were left out of the recording.
    pub trimmed: bool,
    /// What the recording altered or could not see.
    pub notes: Vec<String>,
}

/// How a note begins that says a program ran otherwise than it does unrecorded.
pub const ALTERED: &str = "altered: ";

/// Whether a call went ahead or another filter refused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It reached the kernel.
    Made,
    /// Another filter refused it with this errno.
    Refused(u16),
}

/// The values of one argument.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// Value → how often; `None` from trimmed runs.
    pub seen: BTreeMap<u64, Option<u64>>,
    /// More than [`MAX_VALUES`], or some that the recording does not hold: any value may have occurred.
    pub widened: bool,
}

/// All that was seen of one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// How often; `None` where only trimmed runs saw it.
    pub count: Option<u64>,
    /// When in the workload's life.
    pub phases: BTreeSet<Phase>,
    /// Which executables made it (paths); capped at [`MAX_EXECUTABLES`].
    pub executables: BTreeSet<String>,
    /// The executable that made it first.
    pub first_by: String,
    /// Milliseconds from the start of its recording to the first such call.
    pub first_ms: u64,
    /// Argument index → values, for arguments worth learning.
    pub args: BTreeMap<u8, Values>,
}

/// One system call seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The ABI.
    pub arch: Arch,
    /// The number within it.
    pub nr: u32,
    /// The argument registers.
    pub args: [u64; 6],
    /// Made or refused.
    pub outcome: Outcome,
    /// How often; `None` when the recorder did not count.
    pub count: Option<u64>,
    /// When in the workload's life.
    pub phase: Phase,
    /// By which executable.
    pub executable: String,
    /// Milliseconds since the start of the recording.
    pub at_ms: u64,
}

/// Calls by ABI, number and outcome.
pub type Calls = BTreeMap<(Arch, u32, Outcome), Record>;

/// A set of calls with evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// One entry per recording that went in.
    pub recordings: Vec<Provenance>,
    /// The calls.
    pub calls: Calls,
    /// Whether every recording ended as planned and lost nothing.
    pub complete: bool,
    /// Calls known to be lost.
    pub lost: u64,
    /// Every counter a recorder keeps of what it may lose, by name; those that lose no call included.
    pub losses: BTreeMap<String, u64>,
}

impl Default for Trace {
    fn default() -> Self {
        Self { recordings: Vec::new(), calls: Calls::new(), complete: true, lost: 0, losses: BTreeMap::new() }
    }
}

/// Adds two counts, where absent means "seen, not counted".
fn add(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (None, x) | (x, None) => x,
        (Some(a), Some(b)) => Some(a.saturating_add(b)),
    }
}

impl Values {
    /// `must`: a dangerous value, which is kept however many there are.
    fn insert(&mut self, value: u64, count: Option<u64>, must: bool) {
        if self.seen.len() >= MAX_VALUES && !self.seen.contains_key(&value) {
            self.widened = true;
            if !must {
                return;
            }
        }
        let slot = self.seen.entry(value).or_default();
        *slot = add(*slot, count);
    }
}

/// Cuts a register to what is worth comparing of this argument: its width, less the bits that do not matter.
///
/// `None` for arguments that are never learned.
pub fn learned_value(param: &args::Param, register: u64) -> Option<u64> {
    if param.class == args::Class::Never {
        return None;
    }
    let width = if param.bits >= 64 { u64::MAX } else { (1 << param.bits) - 1 };
    Some(register & width & !param.ignore)
}

impl Record {
    fn learn(&mut self, (arch, name): (Arch, &str), index: u8, value: u64, count: Option<u64>) {
        let dangerous = args::danger(arch, name, index.into(), value).is_some();
        let dangerous = dangerous && self.dangers(index) < MAX_VALUES;
        self.args.entry(index).or_default().insert(value, count, dangerous);
    }

    /// How many values were kept beyond the limit because they are dangerous.
    fn dangers(&self, index: u8) -> usize {
        self.args.get(&index).map_or(0, |v| v.seen.len().saturating_sub(MAX_VALUES))
    }

    fn add_executable(&mut self, path: &str) {
        // Nothing stands for one that is not known.
        let known = !path.is_empty() && self.executables.len() < MAX_EXECUTABLES;
        if known && !self.executables.contains(path) {
            self.executables.insert(path.to_owned());
        }
    }

    fn merge(&mut self, other: &Self) {
        self.count = add(self.count, other.count);
        self.phases.extend(&other.phases);
        other.executables.iter().for_each(|e| self.add_executable(e));
        for (index, values) in &other.args {
            let mine = self.args.entry(*index).or_default();
            mine.widened |= values.widened;
            for (value, count) in &values.seen {
                // Which of them are dangerous was decided when they were seen: none is forgotten here.
                mine.insert(*value, *count, mine.seen.len() < 2 * MAX_VALUES);
            }
        }
    }
}

impl Trace {
    /// Folds one observation in.
    pub fn observe(&mut self, seen: &Observation) {
        self.observe_call(seen);
        for (index, register) in seen.args.into_iter().enumerate() {
            let key = (seen.arch, seen.nr, seen.outcome);
            self.observe_argument(key, index as u8, Some(register), seen.count);
        }
    }

    /// Folds in a call of which whole registers are not known, as other recorders' text has it: `seen.args` is not
    /// looked at. What is known of the arguments follows by [`Trace::observe_argument`].
    pub fn observe_call(&mut self, seen: &Observation) {
        let record = self.calls.entry((seen.arch, seen.nr, seen.outcome)).or_default();
        if record.first_by.is_empty() {
            record.first_by.clone_from(&seen.executable);
            record.first_ms = seen.at_ms;
        }
        record.count = add(record.count, seen.count);
        record.phases.insert(seen.phase);
        record.add_executable(&seen.executable);
    }

    /// Folds in the register of one argument of a call that was observed; `None`: any value may have occurred.
    ///
    /// Does nothing for arguments that are never learned, and for calls that were not observed.
    pub fn observe_argument(
        &mut self,
        key: (Arch, u32, Outcome),
        index: u8,
        register: Option<u64>,
        count: Option<u64>,
    ) {
        let (arch, nr, _) = key;
        let Some(name) = crate::sysno::name(arch, nr) else { return };
        let param = args::params_on(arch, name).and_then(|params| params.get(usize::from(index)));
        let (Some(param), Some(record)) = (param, self.calls.get_mut(&key)) else { return };
        match register {
            Some(register) => {
                if let Some(value) = learned_value(param, register) {
                    record.learn((arch, name), index, value, count);
                }
            }
            None if param.class != args::Class::Never => record.args.entry(index).or_default().widened = true,
            None => {}
        }
    }

    /// The same calls, as if nobody had refused any: what a profile would have to allow.
    #[must_use]
    pub fn with_refused_as_made(self) -> Self {
        let mut all = Self { calls: Calls::new(), ..self };
        for ((arch, nr, _), record) in self.calls {
            let calls = Calls::from([((arch, nr, Outcome::Made), record)]);
            all.merge(&Self { calls, complete: true, ..Self::default() });
        }
        all
    }

    /// Adds another trace: a union that loses no evidence.
    pub fn merge(&mut self, other: &Self) {
        for (key, record) in &other.calls {
            match self.calls.get_mut(key) {
                Some(mine) => mine.merge(record),
                None => {
                    self.calls.insert(*key, record.clone());
                }
            }
        }
        self.recordings.extend(other.recordings.iter().cloned());
        self.complete &= other.complete;
        self.lost = self.lost.saturating_add(other.lost);
        for (name, count) in &other.losses {
            let mine = self.losses.entry(name.clone()).or_default();
            *mine = mine.saturating_add(*count);
        }
    }

    /// The calls that reached the kernel.
    pub fn made(&self) -> impl Iterator<Item = (Arch, u32, &Record)> {
        self.calls.iter().filter(|(k, _)| k.2 == Outcome::Made).map(|((arch, nr, _), r)| (*arch, *nr, r))
    }

    /// The calls another filter refused and never let through.
    pub fn refused(&self) -> impl Iterator<Item = (Arch, u32, u16, &Record)> {
        self.calls.iter().filter_map(|((arch, nr, outcome), record)| match outcome {
            Outcome::Refused(errno) if !self.calls.contains_key(&(*arch, *nr, Outcome::Made)) => {
                Some((*arch, *nr, *errno, record))
            }
            _ => None,
        })
    }

    /// What the recordings say ran otherwise than it does unrecorded.
    pub fn altered(&self) -> BTreeSet<&str> {
        let notes = self.recordings.iter().flat_map(|r| &r.notes);
        notes.filter_map(|note| note.strip_prefix(ALTERED)).collect()
    }

    /// Whether a program loaded a filter of its own: seccomp(2), or prctl(2) with PR_SET_SECCOMP.
    pub fn loads_filters(&self) -> bool {
        const SET_MODE_FILTER: u64 = 1;
        const PR_SET_SECCOMP: u64 = 22;
        self.made().any(|(arch, nr, record)| {
            let wanted = match crate::sysno::name(arch, nr) {
                Some("seccomp") => SET_MODE_FILTER,
                Some("prctl") => PR_SET_SECCOMP,
                _ => return false,
            };
            record.args.get(&0).is_none_or(|v| v.widened || v.seen.contains_key(&wanted))
        })
    }

    /// How many different things are known: calls and argument values. What saturation counts.
    pub fn distinct(&self) -> usize {
        self.calls.values().map(|r| 1 + r.args.values().map(|v| v.seen.len()).sum::<usize>()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(name: &str, args: [u64; 6], count: Option<u64>) -> Observation {
        Observation {
            arch: Arch::X86_64,
            nr: crate::sysno::number(Arch::X86_64, name).unwrap(),
            args,
            outcome: Outcome::Made,
            count,
            phase: Phase::Unphased,
            executable: "/bin/x".to_owned(),
            at_ms: 3,
        }
    }

    fn key(name: &str) -> (Arch, u32, Outcome) {
        (Arch::X86_64, crate::sysno::number(Arch::X86_64, name).unwrap(), Outcome::Made)
    }

    #[test]
    fn arguments_worth_learning_are_kept_and_others_are_not() {
        let mut trace = Trace::default();
        trace.observe(&seen("socket", [10, 0x80001, 0, 0, 0, 0], Some(1)));
        trace.observe(&seen("read", [7, 0x7fff_0000_1234, 99, 0, 0, 0], Some(1)));
        assert!(trace.calls[&key("socket")].args[&0].seen.contains_key(&10));
        assert!(trace.calls[&key("read")].args.is_empty());
    }

    #[test]
    fn merging_adds_counts_and_uncounted_sightings_change_none() {
        let (mut a, mut b) = (Trace::default(), Trace::default());
        a.observe(&seen("getpid", [0; 6], Some(2)));
        b.observe(&seen("getpid", [0; 6], None));
        b.observe(&seen("getppid", [0; 6], None));
        a.merge(&b);
        assert_eq!(a.calls[&key("getpid")].count, Some(2));
        assert_eq!(a.calls[&key("getppid")].count, None);
    }

    #[test]
    fn too_many_values_widen_and_are_not_forgotten() {
        let mut trace = Trace::default();
        for cmd in 0..100 {
            trace.observe(&seen("ioctl", [1, 0x9000 + cmd, 0, 0, 0, 0], Some(1)));
        }
        let values = &trace.calls[&key("ioctl")].args[&1];
        assert!(values.widened);
        assert_eq!(values.seen.len(), MAX_VALUES);
    }

    #[test]
    fn an_argument_whose_value_is_not_known_may_have_had_any() {
        let mut trace = Trace::default();
        trace.observe_call(&seen("socket", [0; 6], Some(2)));
        trace.observe_argument(key("socket"), 0, Some(10), Some(1));
        trace.observe_argument(key("socket"), 0, None, Some(1));
        trace.observe_argument(key("read"), 0, None, Some(1));
        let record = &trace.calls[&key("socket")];
        assert_eq!((record.count, record.args.len()), (Some(2), 1));
        assert!(record.args[&0].widened && record.args[&0].seen.contains_key(&10));
        assert!(!trace.calls.contains_key(&key("read")));
    }

    #[test]
    fn a_dangerous_value_is_kept_however_many_came_before_it() {
        let mut trace = Trace::default();
        for cmd in 0..100 {
            trace.observe(&seen("ioctl", [1, 0x9000 + cmd, 0, 0, 0, 0], Some(1)));
        }
        trace.observe(&seen("ioctl", [1, 0x5412, 0, 0, 0, 0], Some(1)));
        assert!(trace.calls[&key("ioctl")].args[&1].seen.contains_key(&0x5412));
    }

    #[test]
    fn a_call_that_was_also_made_does_not_count_as_refused() {
        let mut trace = Trace::default();
        trace.observe(&seen("clone3", [0; 6], Some(1)));
        trace.observe(&Observation { outcome: Outcome::Refused(38), ..seen("clone3", [0; 6], Some(1)) });
        trace.observe(&Observation { outcome: Outcome::Refused(1), ..seen("bpf", [0; 6], Some(1)) });
        let names: Vec<_> =
            trace.refused().map(|(a, n, e, _)| (crate::sysno::name(a, n).unwrap(), e)).collect();
        assert_eq!(names, [("bpf", 1)]);
    }
}
