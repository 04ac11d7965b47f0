//! Importers: what other recorders wrote, as a [`crate::Trace`].
//!
//! An importer takes bytes in pieces of any size and says what it could not understand. It keeps no more of a log than a
//! line of it, and of a document no more than its greatest size. It is pure: files are the caller's.
//!
//! ```text
//!  bytes ─► lines ─► strace · audit · perf · falco ──────────────────────────┬─► draft ─► Trace
//!     └───► document ─► oci-seccomp-bpf-hook · spo · inspektor-gadget ─► profile ─┘
//! ```

mod audit;
mod clock;
mod document;
mod draft;
mod error;
mod falco;
mod foreign;
mod format;
mod gadget;
mod lines;
pub(crate) mod name;
mod number;
mod oci_hook;
mod perf;
mod profile;
mod spo;
pub mod strace;
mod unknown;
pub mod yaml;

use crate::arch::Arch;
use crate::trace::Trace;

use document::{Documents, Form};
use draft::Draft;
use lines::{Grammar, Lines};

pub use error::{ImportError, UnknownCall};
pub use foreign::Other;
pub use format::Format;

/// How much of a text is kept to say what it is instead.
const HEAD: usize = 4096;

/// What a text is, by its first bytes (some thousand are enough); `None`: nothing that is known here.
pub fn recognise(head: &[u8]) -> Option<Other> {
    foreign::guess(&head[..head.len().min(HEAD)])
}

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
    /// Whose text it was.
    pub format: Format,
    /// The calls, with notes in its one recording.
    pub trace: Trace,
    /// The first lines that are not the recorder's.
    pub samples: Vec<Sample>,
    /// How many processes and threads the text names.
    pub processes: u64,
    /// Whether there are arguments at all.
    pub arguments: bool,
}

/// What reads one format.
trait Source {
    /// Begins a file; `pid` is that of the process it is of, where its name says so.
    fn begin(&mut self, file: &str, pid: Option<u32>);
    /// Takes the next piece of the file.
    fn feed(&mut self, bytes: &[u8]);
    /// Ends the file.
    fn end(&mut self);
    /// Makes the trace.
    fn finish(self: Box<Self>) -> Result<Imported, ImportError>;
}

fn lines(format: Format, grammar: impl Grammar + 'static) -> Box<dyn Source> {
    Box::new(Lines::new(grammar, Draft::new(format)))
}

fn documents(format: Format, form: impl Form + 'static) -> Box<dyn Source> {
    Box::new(Documents::new(form, Draft::new(format)))
}

/// Reads a text of one of the formats, in pieces of any size.
pub struct Reader(Box<dyn Source>);

impl Reader {
    /// A reader of a format; `arch` is the ABI of calls of which the text does not say it.
    pub fn new(format: Format, arch: Arch) -> Self {
        Self(match format {
            Format::Strace => Box::new(strace::Reader::new(arch)),
            Format::Audit => lines(format, audit::Audit::default()),
            Format::Perf => lines(format, perf::Perf::new(arch)),
            Format::Falco => lines(format, falco::Falco::new(arch)),
            Format::OciHook => documents(format, oci_hook::OciHook::new(arch)),
            Format::Spo => documents(format, spo::Spo::new(arch)),
            Format::InspektorGadget => documents(format, gadget::Gadget::new(arch)),
        })
    }

    /// Begins a file; `pid` is that of the process it is of, as the names of `strace -ff` have it.
    pub fn begin(&mut self, file: &str, pid: Option<u32>) {
        self.0.begin(file, pid);
    }

    /// Takes the next piece of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.0.feed(bytes);
    }

    /// Ends the file.
    pub fn end(&mut self) {
        self.0.end();
    }

    /// Makes the trace.
    pub fn finish(self) -> Result<Imported, ImportError> {
        self.0.finish()
    }
}

impl Source for strace::Reader {
    fn begin(&mut self, file: &str, pid: Option<u32>) {
        Self::begin(self, file, pid);
    }

    fn feed(&mut self, bytes: &[u8]) {
        Self::feed(self, bytes);
    }

    fn end(&mut self) {
        Self::end(self);
    }

    fn finish(self: Box<Self>) -> Result<Imported, ImportError> {
        Self::finish(*self)
    }
}

#[cfg(test)]
mod tests;
