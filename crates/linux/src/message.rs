//! What keeper and owner tell each other: one JSON document per message, with its length before it.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Status {
    /// It exited.
    Exited(i32),
    /// A signal ended it.
    Signaled(i32),
}

impl Status {
    /// From wait(2)'s status.
    pub(crate) fn from_wait(status: i32) -> Self {
        if libc::WIFSIGNALED(status) {
            Self::Signaled(libc::WTERMSIG(status))
        } else {
            Self::Exited(libc::WEXITSTATUS(status))
        }
    }

    /// The exit code a shell would report: 128 plus the signal's number.
    pub fn code(self) -> i32 {
        match self {
            Self::Exited(code) => code,
            Self::Signaled(signal) => 128 + signal,
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exit status {code}"),
            Self::Signaled(31) => f.write_str("killed by SIGSYS, as seccomp filters do"),
            Self::Signaled(signal) => write!(f, "killed by signal {signal}"),
        }
    }
}

/// A call that the profile under test refuses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Miss {
    /// `seccomp_data.arch`.
    pub token: u32,
    /// `seccomp_data.nr`, x32 bit included.
    pub nr: u32,
    /// The argument registers.
    pub args: [u64; 6],
    /// The thread.
    pub tid: u32,
    /// The executable's path.
    pub executable: String,
    /// Whether it went ahead all the same (audit, complain).
    pub went_ahead: bool,
}

/// What the keeper tells its owner.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Message {
    /// What was recorded so far, as a trace file.
    Snapshot(String),
    /// A refused call, the first of its kind.
    Miss(Miss),
    /// How many of each kind there were, by its index, and how many of kinds beyond those told.
    MissCounts(Vec<u64>, u64),
    /// The program ended; descendants may live on.
    MainEnded(Status),
    /// The program cannot be recorded this way, and was ended.
    Stopped(String),
    /// A thread died of SIGSYS: its executable.
    KilledBySigsys(String),
    /// So many calls were interrupted before they could be looked at; a handler without SA_RESTART makes them fail.
    Disturbed(u64),
    /// Everything is over.
    Finished,
    /// The program never started: what was tried, errno, hint.
    NotStarted {
        /// What was tried.
        doing: String,
        /// What the kernel said.
        errno: i32,
        /// The way out.
        hint: Option<String>,
    },
}

/// What the owner tells its keeper: one byte each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Order {
    /// Send a snapshot.
    Snapshot = b'S',
    /// Ask every descendant to end (SIGTERM).
    Terminate = b'T',
    /// End every descendant (SIGKILL).
    Kill = b'K',
}

impl Order {
    /// Reads an order.
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        [Self::Snapshot, Self::Terminate, Self::Kill].into_iter().find(|o| *o as u8 == byte)
    }
}

/// Writes one message.
pub(crate) fn send(to: &mut impl Write, message: &Message) -> io::Result<()> {
    let bytes = serde_json::to_vec(message).map_err(io::Error::other)?;
    to.write_all(&(bytes.len() as u32).to_ne_bytes())?;
    to.write_all(&bytes)
}

/// Reads one message; `None` at the end.
pub(crate) fn receive(from: &mut impl Read) -> io::Result<Option<Message>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let mut bytes = vec![0; u32::from_ne_bytes(length) as usize];
    from.read_exact(&mut bytes)?;
    serde_json::from_slice(&bytes).map(Some).map_err(io::Error::other)
}
