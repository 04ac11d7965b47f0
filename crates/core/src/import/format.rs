//! The formats, and what is said about each.

/// Whose text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// strace's logs and tables.
    Strace,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 1] = [Self::Strace];

    /// The name: of `--from`, and of the recording's backend in the trace.
    pub fn name(self) -> &'static str {
        match self {
            Self::Strace => "strace",
        }
    }

    /// What such a text is.
    pub fn words(self) -> &'static str {
        match self {
            Self::Strace => "a log of strace",
        }
    }

    /// What no such text can show.
    pub fn blind(self) -> &'static str {
        match self {
            Self::Strace => {
                "calls answered by the vDSO, io_uring operations, and what strace was told to leave out (-e, -P, -z)"
            }
        }
    }

    /// How to make one.
    pub fn recipe(self) -> &'static str {
        match self {
            Self::Strace => "strace -f -o LOG COMMAND",
        }
    }
}
