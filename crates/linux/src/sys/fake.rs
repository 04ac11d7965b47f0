//! A listener and tasks that play a script: the keeper's thinking without a kernel.

use std::collections::{BTreeMap, VecDeque};
use std::io;

use callgate_core::Call;

use super::seam::{Listener, Notification, Response, Tasks};

/// Plays notifications and remembers the answers.
#[derive(Default)]
pub(crate) struct FakeListener {
    /// What `receive` gives, in order.
    pub(crate) script: VecDeque<Notification>,
    /// What was answered.
    pub(crate) answers: Vec<(u64, Response)>,
    /// Notifications whose task died.
    pub(crate) dead: Vec<u64>,
}

impl Listener for FakeListener {
    fn receive(&mut self) -> io::Result<Option<Notification>> {
        Ok(self.script.pop_front())
    }

    fn respond(&mut self, id: u64, response: Response) -> io::Result<()> {
        self.answers.push((id, response));
        Ok(())
    }

    fn is_valid(&self, id: u64) -> bool {
        !self.dead.contains(&id)
    }
}

/// Tasks with fixed executables.
#[derive(Default)]
pub(crate) struct FakeTasks {
    /// Thread → executable.
    pub(crate) executables: BTreeMap<u32, String>,
    /// Threads whose executable lost a privilege.
    pub(crate) set_id: Vec<u32>,
}

impl Tasks for FakeTasks {
    fn executable(&self, tid: u32) -> io::Result<String> {
        self.executables.get(&tid).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn process_of(&self, tid: u32) -> Option<u32> {
        Some(tid)
    }

    fn grants_privilege(&self, tid: u32) -> bool {
        self.set_id.contains(&tid)
    }

    fn lost_privilege(&self, tid: u32) -> bool {
        self.set_id.contains(&tid)
    }

    fn interrupts(&self, _tid: u32, call: &Call) -> bool {
        call.args[1] != 0
    }
}
