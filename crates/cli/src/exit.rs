//! Exit codes: one documented type, the same for every verb.

use std::process::ExitCode;

/// How callgate ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done, equal, allowed, written and proven.
    Ok,
    /// 1: findings, different, refused, written but not proven.
    Findings,
    /// 2: wrong usage, I/O, undecided, nothing written.
    Failed,
    /// 3: nothing to work on.
    NoInput,
    /// 70: a bug of ours that was noticed.
    Bug,
    /// 125: `run` and `record`: callgate itself failed, the command did not run.
    NotRun,
    /// 126: the command cannot be executed.
    NotExecutable,
    /// 127: the command was not found.
    NotFound,
    /// The command's own status.
    Command(u8),
}

impl Exit {
    /// The number.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Findings => 1,
            Self::Failed => 2,
            Self::NoInput => 3,
            Self::Bug => 70,
            Self::NotRun => 125,
            Self::NotExecutable => 126,
            Self::NotFound => 127,
            Self::Command(code) => code,
        }
    }

    /// For `run` and `record`, whose codes are the command's: failures of ours move out of the way.
    pub(crate) fn beside_a_command(self) -> Self {
        match self {
            Self::Failed | Self::NoInput | Self::Findings => Self::NotRun,
            other => other,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// An error with the exit code it ends with and the way out.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Failure {
    /// A failure with code 2.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, message: message.into(), hint: None }
    }

    /// Adds the way out.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Changes the exit code.
    pub(crate) fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(format!("{error:#}"))
    }
}

impl From<callgate_linux::Error> for Failure {
    fn from(error: callgate_linux::Error) -> Self {
        let hint = error.hint.clone();
        Self { hint, ..Self::new(error.to_string()) }
    }
}

/// What a verb returns.
pub(crate) type Outcome = Result<Exit, Failure>;
