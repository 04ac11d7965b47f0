//! The formats, and what is said about each.

/// Whose text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// strace's logs and tables.
    Strace,
    /// The audit log, by whatever way it came.
    Audit,
    /// `perf trace`.
    Perf,
    /// sysdig and falco.
    Falco,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Strace, Self::Audit, Self::Perf, Self::Falco];

    /// The name: of `--from`, and of the recording's backend in the trace.
    pub fn name(self) -> &'static str {
        match self {
            Self::Strace => "strace",
            Self::Audit => "audit",
            Self::Perf => "perf",
            Self::Falco => "falco",
        }
    }

    /// What such a text is.
    pub fn words(self) -> &'static str {
        match self {
            Self::Strace => "a log of strace",
            Self::Audit => "an audit log",
            Self::Perf => "a log of perf trace",
            Self::Falco => "a log of sysdig or falco",
        }
    }

    /// What no such text can show.
    pub fn blind(self) -> &'static str {
        match self {
            Self::Strace => {
                "calls answered by the vDSO, io_uring operations, and what strace was told to leave out (-e, -P, -z)"
            }
            Self::Audit => {
                "arguments beyond four, when in the program's life a call was made, and calls that no filter and no rule logs"
            }
            Self::Perf => {
                "arguments, paths of executables, calls that a filter refuses, and what perf was told to leave out (-e, --filter-pids)"
            }
            Self::Falco => {
                "arguments, paths of executables, calls that a filter refuses, and what the driver or a filter left out"
            }
        }
    }

    /// How to make one.
    pub fn recipe(self) -> &'static str {
        match self {
            Self::Strace => "strace -f -o LOG COMMAND",
            Self::Audit => "ausearch --raw -m SECCOMP,SYSCALL",
            Self::Perf => "perf trace -o LOG COMMAND",
            Self::Falco => "sysdig proc.name=NAME > LOG",
        }
    }
}
