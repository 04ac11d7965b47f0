//! What the text did not say, or said in a way that was not understood: counted, with the first place of each.

use std::collections::BTreeMap;

use super::tally::{Cell, Follow, Tally};
use crate::arch::Arch;
use crate::args;
use crate::import::ImportError;
use crate::import::lines::MAX_LINE;
use crate::import::unknown::{Count, Spot, Strangers, UnknownNames, base, count};

/// Distinct arguments named in a note.
const MAX_NAMED: usize = 6;

/// Everything found while reading.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Names that are no calls, by ABI.
    pub(super) unknown: UnknownNames,
    /// Arguments not understood: cell and register.
    values: BTreeMap<(usize, u8), Count>,
    /// Lines that are not strace's.
    pub(super) foreign: Strangers,
    /// Calls behind other text on their line.
    hidden: Option<Count>,
    /// Lines that were cut because they are too long.
    long: Option<Count>,
    /// Processes that were made and have no line, and their ids where they are known.
    pub(super) missing: (usize, Vec<u32>),
    /// Calls without an end on their line.
    pub(super) endless: u64,
    /// Calls of which only the end is there.
    pub(super) headless: u64,
    /// Calls strace could not read.
    pub(super) nameless: u64,
    /// Where a text ends within a line.
    pub(super) cut: Vec<(String, u64)>,
    /// Rows of tables, calls that only a table has, and tables that are not whole.
    pub(super) rows: u64,
    pub(super) only_in_table: u64,
    pub(super) cut_tables: u64,
    /// A mode the architecture does not have.
    pub(super) mode: Option<ImportError>,
    /// Whether a line or a number said which ABI a call belongs to.
    pub(super) abi_said: bool,
    /// Children that were made.
    pub(super) children: u64,
    /// Calls, and lines of strace's.
    pub(super) calls: u64,
    pub(super) lines: u64,
}

impl Findings {
    /// Arguments that were not understood.
    pub(super) fn values(&mut self, cell: usize, indices: &[u8], spot: (&str, u64)) {
        for index in indices {
            count(&mut self.values, (cell, *index), spot);
        }
    }

    /// A call that stands behind other text.
    pub(super) fn hidden(&mut self, (file, line): (&str, u64)) {
        self.hidden.get_or_insert_with(|| Count::at((file, line))).count += 1;
    }

    /// A line that is too long.
    pub(super) fn long(&mut self, (file, line): (&str, u64)) {
        self.long.get_or_insert_with(|| Count::at((file, line))).count += 1;
    }

    /// Whether the text is known to lack calls.
    pub(super) fn incomplete(&self) -> bool {
        let lines = self.hidden.is_some() || self.long.is_some() || !self.cut.is_empty();
        lines || self.cut_tables > 0 || self.missing.0 > 0
    }

    /// What is to be said in the trace.
    pub(super) fn notes(&self, tally: &Tally, base: Arch, processes: u64) -> Vec<String> {
        let mut notes = Vec::new();
        self.note_arguments(tally, &mut notes);
        self.note_losses(&mut notes);
        if self.childless(processes) {
            notes.push("strace did not follow the children this program made, so their calls are missing; strace -f does".to_owned());
        }
        self.note_missing(&mut notes);
        let forks = tally.cells.iter().any(|c| c.follow == Follow::Fork);
        if self.calls == 0 && self.rows > 0 && forks {
            notes.push("the program made children; whether their calls are in it, a table does not say: with strace -f they are".to_owned());
        }
        if !self.abi_said && self.calls > 0 && !base.companions().is_empty() {
            notes.push(format!(
                "which ABI a call went through is not in this log (strace -n shows it): all are taken for {base}'s"
            ));
        }
        note_carriers(tally, &mut notes);
        note_denials(tally, &mut notes);
        notes
    }

    fn note_missing(&self, notes: &mut Vec<String>) {
        let (count, pids) = &self.missing;
        if *count == 0 {
            return;
        }
        let mut ids: Vec<String> = pids.iter().take(MAX_NAMED).map(u32::to_string).collect();
        if pids.len() > MAX_NAMED {
            ids.push("…".to_owned());
        }
        let ids = if ids.is_empty() { String::new() } else { format!(" ({})", ids.join(", ")) };
        notes.push(format!(
            "processes that were made and have no line: {count}{ids}; a file of strace -ff was left out, or -f was"
        ));
    }

    /// Children were made, and no other process appears.
    pub(super) fn childless(&self, processes: u64) -> bool {
        self.children > 0 && processes < 2
    }

    fn note_arguments(&self, tally: &Tally, notes: &mut Vec<String>) {
        if self.rows > 0 {
            let only = if self.calls == 0 { "" } else { "of calls that only the table has " };
            if self.calls == 0 || self.only_in_table > 0 {
                notes.push(format!("a table of strace -c holds no arguments: values {only}are not known"));
            }
        }
        let named = self.values.iter().take(MAX_NAMED).filter_map(|((cell, index), found)| {
            let Cell { arch, name, .. } = tally.cells.get(*cell)?;
            let param = args::params_on(*arch, name)?.get(usize::from(*index))?;
            let Spot { file, line } = &found.first;
            Some(format!("{name} {} ({}×, first {}:{line})", param.name, found.count, base(file)))
        });
        let mut named: Vec<String> = named.collect();
        if self.values.len() > MAX_NAMED {
            named.push(format!("{} more", self.values.len() - MAX_NAMED));
        }
        if !named.is_empty() {
            notes.push(format!(
                "values that the text does not show, or in words not known here; any may have occurred: {}",
                named.join(", ")
            ));
        }
    }

    fn note_losses(&self, notes: &mut Vec<String>) {
        for (file, line) in &self.cut {
            notes.push(format!(
                "{}:{line}: the log ends within a line, so what came after is missing",
                base(file)
            ));
        }
        if self.cut_tables > 0 {
            notes.push("a table of strace -c ends before its sum: rows may be missing".to_owned());
        }
        if let Some(Count { count, first: Spot { file, line } }) = &self.hidden {
            notes.push(format!(
                "{count} lines hold a call behind other text and were left out, first {}:{line}; strace -o FILE keeps \
                 its log apart from the program's output",
                base(file)
            ));
        }
        if let Some(Count { count, first: Spot { file, line } }) = &self.long {
            notes.push(format!(
                "{count} lines are longer than {} MiB, first {}:{line}; what comes after was not looked at",
                MAX_LINE >> 20,
                base(file)
            ));
        }
        if self.foreign.count > 0 {
            notes.push(format!("{} lines are not strace's and were passed over", self.foreign.count));
        }
        if self.endless > 0 {
            notes.push(format!("{} calls have no end on their line; they were counted", self.endless));
        }
        if self.headless > 0 {
            notes.push(format!(
                "{} calls had begun before the log did; they were counted, without arguments",
                self.headless
            ));
        }
        if self.nameless > 0 {
            let n = self.nameless;
            notes.push(format!("{n} calls of processes that were ending could not be read by strace"));
        }
    }
}

/// Names of calls, sorted, each once.
fn names<'t>(cells: impl Iterator<Item = &'t Cell>) -> Vec<&'t str> {
    let mut names: Vec<&str> = cells.map(|c| &*c.name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Which call it was does not always show.
fn note_carriers(tally: &Tally, notes: &mut Vec<String>) {
    let both = tally.cells.iter().filter(|c| c.resolved.carrier.is_some() && c.resolved.nr.is_some());
    let names = names(both);
    if !names.is_empty() {
        notes.push(format!(
            "{} may have been made directly or by socketcall or ipc: both are in the trace; strace -n tells them apart",
            names.join(", ")
        ));
    }
}

/// A refusal by another filter looks like the kernel's own error.
fn note_denials(tally: &Tally, notes: &mut Vec<String>) {
    let mut ends: BTreeMap<(Arch, &str), (u64, u64)> = BTreeMap::new();
    for cell in &tally.cells {
        let (calls, denied) = ends.entry((cell.arch, &cell.name)).or_default();
        *calls += cell.count.unwrap_or(0);
        *denied += cell.denied;
    }
    let always = ends.iter().filter(|(_, (calls, denied))| *calls > 0 && calls == denied);
    let names: Vec<&str> = always.map(|((_, name), _)| *name).collect();
    if !names.is_empty() {
        notes.push(format!(
            "{}: every call ended with EPERM or ENOSYS. Whether another filter refused it, strace's text does not say; it \
             counts as made",
            names.join(", ")
        ));
    }
}
