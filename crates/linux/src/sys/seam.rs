//! What the keeper's thinking needs of the kernel, as traits: the real ones are beside it, the scripted ones in `fake`.

use std::io;

use callgate_core::{Call, SeccompData};

/// A call that waits for an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notification {
    /// Names the waiting call.
    pub(crate) id: u64,
    /// The thread, as this process's pid namespace numbers it.
    pub(crate) tid: u32,
    /// What the filter saw.
    pub(crate) data: SeccompData,
}

/// The answer to a waiting call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Response {
    /// Let it go ahead.
    Continue,
    /// Fail it with this errno; 0 makes it claim success.
    Errno(u16),
}

/// A source of waiting calls.
pub(crate) trait Listener {
    /// The next waiting call; `None` when it was gone before it could be fetched.
    fn receive(&mut self) -> io::Result<Option<Notification>>;
    /// Answers a waiting call. A task that is gone meanwhile is no error.
    fn respond(&mut self, id: u64, response: Response) -> io::Result<()>;
    /// Whether the call still waits: what was read about its task in between belongs to that task.
    fn is_valid(&self, id: u64) -> bool;
}

/// What is asked about a task.
pub(crate) trait Tasks {
    /// The executable's path.
    fn executable(&self, tid: u32) -> io::Result<String>;
    /// The process a thread belongs to.
    fn process_of(&self, tid: u32) -> Option<u32>;
    /// Whether the executable has a set-id bit or file capabilities at all.
    fn grants_privilege(&self, tid: u32) -> bool;
    /// Whether it has some that no_new_privs took away from this task.
    fn lost_privilege(&self, tid: u32) -> bool;
    /// Whether a waiting rt_sigaction (or an older form of it) installs a handler without SA_RESTART.
    fn interrupts(&self, tid: u32, call: &Call) -> bool;
}
