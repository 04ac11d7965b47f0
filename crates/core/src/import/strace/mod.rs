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

mod clock;
mod event;
mod findings;
mod foreign;
mod message;
mod name;
mod plan;
mod prefix;
mod process;
mod summary;
mod tally;
mod text;
mod value;

use crate::arch::Arch;
use crate::trace::{Provenance, Trace};

use clock::Clock;
use findings::Findings;
use process::Processes;
use summary::Table;
use tally::Tally;

pub use foreign::Other;

/// A longer line is cut: no call of strace's is that long, unless somebody asked for strings without limit (`-s`).
const MAX_LINE: usize = 1 << 20;
/// How much of a text is kept to say what it is instead.
const HEAD: usize = 4096;

/// A line as it stands in a log; it may hold anything, and is shown escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The log.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// Its beginning.
    pub text: String,
}

/// What came of reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The calls, with notes in its one recording.
    pub trace: Trace,
    /// The first lines that are not strace's.
    pub samples: Vec<Sample>,
    /// How many processes and threads the text names.
    pub processes: u64,
    /// Whether there are arguments at all, or tables only.
    pub arguments: bool,
}

/// A name that is no call of its ABI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownCall {
    /// As it stands there.
    pub name: String,
    /// The ABI it was taken for.
    pub arch: Arch,
    /// The log with the first of them.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// How often.
    pub count: u64,
    /// The nearest name of this ABI.
    pub near: Option<&'static str>,
    /// ABIs that have it.
    pub elsewhere: Vec<Arch>,
}

/// Why no trace can be made of a text.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// Nothing in it.
    #[error("{file} is empty")]
    Empty {
        /// The log.
        file: String,
    },
    /// Not strace's.
    #[error("{file} is not a log of strace{}", other.map(|o| format!(": it looks like {}", o.words().0)).unwrap_or_default())]
    NotStrace {
        /// The text.
        file: String,
        /// What it looks like.
        other: Option<Other>,
    },
    /// strace's, without a call.
    #[error("{file} holds no system call")]
    NoCall {
        /// The log.
        file: String,
    },
    /// Names that are no calls; leaving them out would refuse them silently.
    #[error("{} names in the log are no system calls", calls.len())]
    UnknownCalls {
        /// Each once.
        calls: Vec<UnknownCall>,
    },
    /// A mode line of an ABI there is no table for.
    #[error("{file}:{line}: there is no table of system calls for `{mode}` mode on {arch}")]
    UnknownMode {
        /// The log.
        file: String,
        /// The line, from 1.
        line: u64,
        /// As strace says it: `32 bit`.
        mode: String,
        /// The architecture strace ran on.
        arch: Arch,
    },
}

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
        let unknown = self.findings.unknown_calls();
        if self.findings.calls + self.findings.rows == 0 {
            // ltrace writes as strace does; without one call that is known it is not worth calling the names unknown.
            let other = foreign::guess(&self.head);
            let strace = self.findings.lines > 0 && unknown.is_empty() && other.is_none();
            return Err(match strace {
                true => ImportError::NoCall { file },
                false if other.is_none() && !unknown.is_empty() => {
                    ImportError::UnknownCalls { calls: unknown }
                }
                false => ImportError::NotStrace { file, other },
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
        let samples = std::mem::take(&mut self.findings.samples);
        Imported { trace, samples, processes, arguments: self.findings.calls > 0 }
    }

    /// Keeps the beginning of a line.
    fn keep(&mut self, part: &[u8]) {
        let room = MAX_LINE.saturating_sub(self.carry.len());
        self.carry.extend_from_slice(&part[..part.len().min(room)]);
    }
}

#[cfg(test)]
mod tests;
