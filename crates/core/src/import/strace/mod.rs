//! Reads strace's text: logs of every form (`-f`, `-ff`, `-t`, `-r`, `-n`, `-i`, `-T`, `-y`, `-X`, `-k` …) and tables of
//! `-c` and `-C`.
//!
//! The form is that of strace(1) and its sources up to 7.2, checked with 6.1. A call counts where it is entered, so that
//! one that never returns counts, too. Nothing that is not understood is dropped: an unknown name is an error, an unknown
//! value means any, and the rest is counted and said.
//!
//! ```text
//!  bytes ─► line ─► prefix (who, when) ─► event ─► text (arguments, end) ─► tally ─► Trace
//!                                          └► process: ABI, executable     └► value
//! ```

mod event;
mod family;
mod findings;
mod message;
mod plan;
mod prefix;
mod process;
mod summary;
mod tally;
mod text;
mod value;

use super::clock::Clock;
use super::lines::MAX_LINE;
use super::{Format, HEAD, ImportError, Imported, foreign};
use crate::arch::Arch;
use crate::trace::{Provenance, Trace};

use findings::Findings;
use process::Processes;
use summary::Table;
use tally::Tally;

/// Reads one log, of one file or of those of `-ff`, in pieces of any size.
pub struct Reader {
    base: Arch,
    tally: Tally,
    processes: Processes,
    findings: Findings,
    clock: Clock,
    /// The file being read, and the process its name says it is of.
    file: String,
    file_pid: Option<u32>,
    line: u64,
    /// The beginning of a line whose end has not come.
    carry: Vec<u8>,
    head: Vec<u8>,
    first_file: String,
    table: Option<Table>,
    /// The ABI of the next table.
    table_arch: Arch,
    /// The call that starts the program has not been seen.
    floor: bool,
    bytes: u64,
}

impl Reader {
    /// A reader of a log whose processes start in this ABI.
    pub fn new(arch: Arch) -> Self {
        Self {
            base: arch,
            tally: Tally::default(),
            processes: Processes::default(),
            findings: Findings::default(),
            clock: Clock::default(),
            file: String::new(),
            file_pid: None,
            line: 0,
            carry: Vec::new(),
            head: Vec::new(),
            first_file: String::new(),
            table: None,
            table_arch: arch,
            floor: true,
            bytes: 0,
        }
    }

    /// Begins a file; `pid` is that of the process it is of, as the names of `-ff` have it.
    pub fn begin(&mut self, file: &str, pid: Option<u32>) {
        if self.first_file.is_empty() {
            file.clone_into(&mut self.first_file);
        }
        file.clone_into(&mut self.file);
        (self.file_pid, self.line, self.table, self.table_arch) = (pid, 0, None, self.base);
    }

    /// Takes the next piece of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        if self.head.len() < HEAD {
            self.head.extend_from_slice(&bytes[..bytes.len().min(HEAD - self.head.len())]);
        }
        let mut rest = bytes;
        if !self.carry.is_empty() {
            let Some(end) = memchr::memchr(b'\n', rest) else { return self.keep(rest) };
            self.keep(&rest[..end]);
            rest = &rest[end + 1..];
            let line = std::mem::take(&mut self.carry);
            self.whole_line(&line);
        }
        while let Some(end) = memchr::memchr(b'\n', rest) {
            self.whole_line(&rest[..end]);
            rest = &rest[end + 1..];
        }
        self.keep(rest);
    }

    /// Ends the file.
    pub fn end(&mut self) {
        let last = std::mem::take(&mut self.carry);
        if !last.is_empty() {
            self.last_line(&last);
        }
        if self.table.take().is_some_and(|t| t.begun()) {
            self.findings.cut_tables += 1;
        }
        if self.file_pid.is_none() {
            self.forget_all();
        }
    }

    /// Makes the trace.
    pub fn finish(mut self) -> Result<Imported, ImportError> {
        self.forget_all();
        let file = self.first_file.clone();
        if self.bytes == 0 {
            return Err(ImportError::Empty { file });
        }
        let unknown = self.findings.unknown.calls();
        if self.findings.calls + self.findings.rows == 0 {
            // ltrace writes as strace does; without one call that is known it is not worth calling the names unknown.
            let other = foreign::guess(&self.head).filter(|o| o.format() != Some(Format::Strace));
            let strace = self.findings.lines > 0 && unknown.is_empty() && other.is_none();
            return Err(match strace {
                true => ImportError::NoCall { file },
                false if other.is_none() && !unknown.is_empty() => {
                    ImportError::UnknownCalls { calls: unknown }
                }
                false => ImportError::OtherFormat { file, format: Format::Strace, other },
            });
        }
        if !unknown.is_empty() {
            return Err(ImportError::UnknownCalls { calls: unknown });
        }
        if let Some(error) = self.findings.mode.take() {
            return Err(error);
        }
        Ok(self.imported())
    }

    fn imported(mut self) -> Imported {
        let processes = self.processes.count;
        if !self.findings.childless(processes) {
            self.findings.missing = self.processes.family.missing();
        }
        let complete = !self.findings.incomplete() && !self.findings.childless(processes);
        let mut trace = Trace { complete, ..Trace::default() };
        self.tally.fold(&mut trace);
        trace.recordings.push(Provenance {
            backend: "strace".to_owned(),
            command: self.tally.command().to_owned(),
            started: self.clock.started(),
            duration_ms: self.clock.now_ms(),
            notes: self.findings.notes(&self.tally, self.base, processes),
            ..Provenance::default()
        });
        let samples = std::mem::take(&mut self.findings.foreign.samples);
        Imported { format: Format::Strace, trace, samples, processes, arguments: self.findings.calls > 0 }
    }

    /// Keeps the beginning of a line.
    fn keep(&mut self, part: &[u8]) {
        let room = MAX_LINE.saturating_sub(self.carry.len());
        if part.len() > room && self.carry.len() < MAX_LINE {
            self.findings.long((&self.file, self.line + 1));
        }
        self.carry.extend_from_slice(&part[..part.len().min(room)]);
    }
}

#[cfg(test)]
mod tests;
