//! Errors of the kernel interface: which call, on what, and what the kernel said.

use std::fmt;
use std::io;

/// A system call failed.
#[derive(Debug)]
pub struct Error {
    /// What was tried, in words: `install the recording filter`.
    pub doing: String,
    /// What the kernel said.
    pub source: io::Error,
    /// The way out, where there is one.
    pub hint: Option<String>,
}

/// Short for this crate's results.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error with what was tried.
    pub fn new(doing: impl Into<String>, source: impl Into<io::Error>) -> Self {
        let source = source.into();
        let few = matches!(source.raw_os_error(), Some(libc::EMFILE | libc::ENFILE));
        let hint = few.then(|| "raise the limit of open files: ulimit -n 1024".to_owned());
        Self { doing: doing.into(), source, hint }
    }

    /// Adds the way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}: {}", self.doing, self.source)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Adds what was tried to a plain I/O result.
pub trait Doing<T> {
    /// Names what was tried.
    fn doing(self, what: impl Into<String>) -> Result<T>;
}

impl<T, E: Into<io::Error>> Doing<T> for std::result::Result<T, E> {
    fn doing(self, what: impl Into<String>) -> Result<T> {
        self.map_err(|source| Error::new(what, source))
    }
}
