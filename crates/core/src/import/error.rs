//! Why no trace can be made of a text.

use super::{Format, Other};
use crate::arch::Arch;

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
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// Nothing in it.
    #[error("{file} is empty")]
    Empty {
        /// The log.
        file: String,
    },
    /// Not of this format.
    #[error("{file} is not {}{}", format.words(), other.map(|o| format!(": it looks like {}", o.words())).unwrap_or_default())]
    OtherFormat {
        /// The text.
        file: String,
        /// What it was said to be.
        format: Format,
        /// What it looks like.
        other: Option<Other>,
    },
    /// Of this format, and broken.
    #[error("{file}: {message}")]
    Invalid {
        /// The document.
        file: String,
        /// What is wrong with it.
        message: String,
    },
    /// A profile that lists what is refused.
    #[error("{file} allows what it does not name: it is no list of calls that were made")]
    AllowsByDefault {
        /// The profile.
        file: String,
    },
    /// Of this format, without a call.
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
