//! A trace being made of another recorder's text, with what is to be said about it.

use std::collections::BTreeSet;

use super::clock::{Clock, Time};
use super::profile::Registers;
use super::unknown::{Strangers, UnknownNames, base};
use super::{Format, HEAD, ImportError, Imported, Sample, foreign, name};
use crate::arch::Arch;
use crate::trace::{Observation, Outcome, Phase, Provenance, Trace};

/// Processes told apart; further ones are not counted.
const MAX_PROCESSES: usize = 1 << 20;
/// Names in a note.
pub(super) const MAX_NAMED: usize = 12;

/// One call as a text has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'t> {
    pub(super) arch: Arch,
    pub(super) nr: u32,
    pub(super) outcome: Outcome,
    /// How often, where the text says it.
    pub(super) count: Option<u64>,
    pub(super) executable: &'t str,
    /// Registers; those that are not there may have held anything.
    pub(super) registers: &'t [Option<u64>],
}

/// What was read so far.
#[derive(Debug)]
pub(super) struct Draft {
    format: Format,
    trace: Trace,
    unknown: UnknownNames,
    strangers: Strangers,
    clock: Clock,
    processes: BTreeSet<u32>,
    /// Calls that another may have carried out.
    carried: BTreeSet<String>,
    file: String,
    line: u64,
    first_file: String,
    bytes: u64,
    head: Vec<u8>,
    /// Lines that are the recorder's, whether or not they hold a call.
    pub(super) known: u64,
    /// Whether any call has arguments.
    pub(super) arguments: bool,
    notes: Vec<String>,
    error: Option<ImportError>,
}

impl Draft {
    /// Nothing yet.
    pub(super) fn new(format: Format) -> Self {
        Self {
            format,
            trace: Trace::default(),
            unknown: UnknownNames::default(),
            strangers: Strangers::default(),
            clock: Clock::default(),
            processes: BTreeSet::new(),
            carried: BTreeSet::new(),
            file: String::new(),
            line: 0,
            first_file: String::new(),
            bytes: 0,
            head: Vec::new(),
            known: 0,
            arguments: false,
            notes: Vec::new(),
            error: None,
        }
    }

    /// Begins a file.
    pub(super) fn begin(&mut self, file: &str) {
        if self.first_file.is_empty() {
            file.clone_into(&mut self.first_file);
        }
        file.clone_into(&mut self.file);
        self.line = 0;
    }

    /// Takes note of bytes.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.head.extend_from_slice(&bytes[..bytes.len().min(HEAD.saturating_sub(self.head.len()))]);
    }

    /// Goes to the next line and says which it is, from 1.
    pub(super) fn next_line(&mut self) -> u64 {
        self.line += 1;
        self.line
    }

    /// Goes to a line of a document.
    pub(super) fn at_line(&mut self, line: u64) {
        self.line = line;
    }

    /// The file being read.
    pub(super) fn file(&self) -> &str {
        &self.file
    }

    /// Takes the time of a line.
    pub(super) fn tick(&mut self, time: Time) {
        self.clock.tick(time);
    }

    /// Takes note of a process.
    pub(super) fn process(&mut self, pid: u32) {
        if self.processes.len() < MAX_PROCESSES {
            self.processes.insert(pid);
        }
    }

    /// Folds in a call.
    pub(super) fn observe(&mut self, seen: Seen<'_>) {
        let key = (seen.arch, seen.nr, seen.outcome);
        self.trace.observe_call(&Observation {
            arch: seen.arch,
            nr: seen.nr,
            args: [0; 6],
            outcome: seen.outcome,
            count: seen.count,
            phase: Phase::Unphased,
            executable: seen.executable.to_owned(),
            at_ms: self.clock.now_ms(),
        });
        for index in 0..6 {
            let register = seen.registers.get(usize::from(index)).copied().flatten();
            self.trace.observe_argument(key, index, register, seen.count);
        }
    }

    /// Folds in a call without arguments by its name; a name that is none is kept for the error.
    pub(super) fn named(&mut self, arch: Arch, text: &[u8], count: Option<u64>, executable: &str) {
        let name = String::from_utf8_lossy(text);
        let Some(resolved) = name::resolve(arch, &name, None) else {
            return self.unknown(text, arch);
        };
        let seen =
            |nr, count, registers| Seen { arch, nr, outcome: Outcome::Made, count, executable, registers };
        if let Some(nr) = resolved.nr {
            self.observe(seen(nr, count, &[]));
        }
        if let Some(carrier) = resolved.carrier {
            // Which of two calls it was is not known: seen, and not counted.
            self.observe(seen(carrier.nr, count.filter(|_| resolved.nr.is_none()), &[Some(carrier.call)]));
            if resolved.nr.is_some() && self.carried.len() <= MAX_NAMED {
                self.carried.insert(name.into_owned());
            }
        }
    }

    /// Folds in a call that a profile allows, uncounted, with the values of its arguments.
    pub(super) fn allowed(&mut self, arch: Arch, name: &str, values: &Registers) {
        let Some(resolved) = name::resolve(arch, name, None) else { return };
        let key = resolved.nr.map(|nr| (arch, nr, Outcome::Made));
        let before = key.and_then(|key| self.trace.calls.get(&key)).map(|r| r.args.clone());
        self.named(arch, name.as_bytes(), None, "");
        let Some(key) = key.filter(|_| values.iter().any(Option::is_some)) else { return };
        for (index, values) in (0_u8..).zip(values) {
            let Some(values) = values else { continue };
            // Naming it has widened every argument: not those whose values are known.
            if let Some(record) = self.trace.calls.get_mut(&key) {
                record.args.remove(&index);
                let known = before.as_ref().and_then(|args| args.get(&index));
                record.args.extend(known.map(|known| (index, known.clone())));
            }
            for value in values {
                self.trace.observe_argument(key, index, Some(*value), None);
            }
        }
        self.arguments = true;
    }

    /// A name that is no call of the ABI.
    pub(super) fn unknown(&mut self, name: &[u8], arch: Arch) {
        self.unknown.add(name, arch, (&self.file, self.line));
    }

    /// A line that is not the recorder's.
    pub(super) fn stranger(&mut self, line: &[u8]) {
        self.strangers.add(line, (&self.file, self.line));
    }

    /// The file ended within the line.
    pub(super) fn cut(&mut self) {
        let (file, line) = (base(&self.file), self.line);
        self.lose(format!("{file}:{line}: the log ends within a line, so what came after is missing"));
    }

    /// Something is missing; it is said.
    pub(super) fn lose(&mut self, note: String) {
        self.trace.complete = false;
        self.note(note);
    }

    /// Counts calls that are known to be missing.
    pub(super) fn lost(&mut self, count: u64) {
        self.trace.lost = self.trace.lost.saturating_add(count);
    }

    /// Something is to be said.
    pub(super) fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// No trace can be made; the first reason is told.
    pub(super) fn fail(&mut self, error: ImportError) {
        self.error.get_or_insert(error);
    }

    /// The text is of another format.
    pub(super) fn not_this(&mut self) {
        let (file, format, other) = (self.first_file.clone(), self.format, self.other());
        self.fail(ImportError::OtherFormat { file, format, other });
    }

    /// What the text looks like, if not what it was said to be.
    pub(super) fn other(&self) -> Option<foreign::Other> {
        foreign::guess(&self.head).filter(|other| other.format() != Some(self.format))
    }

    /// Makes the trace.
    pub(super) fn finish(mut self) -> Result<Imported, ImportError> {
        let file = self.first_file.clone();
        if self.bytes == 0 {
            return Err(ImportError::Empty { file });
        }
        if let Some(error) = self.error {
            return Err(error);
        }
        let calls = self.unknown.calls();
        if self.known == 0 {
            return Err(ImportError::OtherFormat { file, format: self.format, other: self.other() });
        }
        if !calls.is_empty() {
            return Err(ImportError::UnknownCalls { calls });
        }
        if self.trace.calls.is_empty() {
            return Err(ImportError::NoCall { file });
        }
        self.last_notes();
        self.trace.recordings.push(Provenance {
            backend: self.format.name().to_owned(),
            started: self.clock.started(),
            duration_ms: self.clock.now_ms(),
            notes: self.notes,
            ..Provenance::default()
        });
        let samples: Vec<Sample> = self.strangers.samples;
        let processes = self.processes.len() as u64;
        Ok(Imported { format: self.format, trace: self.trace, samples, processes, arguments: self.arguments })
    }

    fn last_notes(&mut self) {
        if self.strangers.count > 0 {
            let (n, name) = (self.strangers.count, self.format.name());
            self.note(format!("{n} lines are not {name}'s and were passed over"));
        }
        if !self.carried.is_empty() {
            let names = listed(self.carried.iter().map(String::as_str));
            self.note(format!(
                "{names} may have been made directly or by socketcall or ipc: both are in the trace"
            ));
        }
    }
}

/// Names with commas, and how many more there are.
pub(super) fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut names: Vec<&str> = names.collect();
    let more = names.len().saturating_sub(MAX_NAMED);
    names.truncate(MAX_NAMED);
    let list = names.join(", ");
    if more > 0 { format!("{list} and {more} more") } else { list }
}
