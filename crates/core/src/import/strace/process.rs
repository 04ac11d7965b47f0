//! Processes: which ABI a line's call belongs to, which executable made it, and what it has begun.

use std::collections::BTreeMap;

use super::family::Family;
use crate::arch::Arch;

/// A call of which the end has not been seen.
#[derive(Debug)]
pub(super) struct Pending {
    /// Its cell; `None`: a name that was no call.
    pub(super) cell: Option<usize>,
    /// What was seen after its parenthesis, where that matters.
    pub(super) text: Vec<u8>,
    /// The line it began on.
    pub(super) line: u64,
    /// Whether it makes a process.
    pub(super) forks: bool,
}

/// One process or thread.
#[derive(Debug)]
pub(super) struct Process {
    /// Its id; 0 until a line names it.
    pub(super) pid: u32,
    pub(super) arch: Arch,
    pub(super) executable: u32,
    /// The tally's scope of the two above.
    pub(super) scope: usize,
    pub(super) pending: Option<Pending>,
    /// Nobody has said yet whose child it is.
    pub(super) guessed: bool,
    /// The line it was first seen on.
    pub(super) born: u64,
}

/// The processes alive at one line of a log.
#[derive(Debug, Default)]
pub(super) struct Processes {
    slots: Vec<Process>,
    by_pid: BTreeMap<u32, usize>,
    /// Announced and not seen yet, and whether whose child it is was guessed.
    expected: BTreeMap<u32, (Start, bool)>,
    current: usize,
    /// Who began to make a process, and on which line, latest last; those that have ended are among them.
    forking: Vec<(u64, u32)>,
    pub(super) family: Family,
    /// Ever seen.
    pub(super) count: u64,
}

/// What a new process starts as.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub(super) arch: Arch,
    pub(super) executable: u32,
    pub(super) scope: usize,
}

impl Processes {
    /// The process of a line, if it is the one of the line before.
    pub(super) fn same(&self, pid: Option<u32>) -> Option<usize> {
        let current = self.slots.get(self.current)?;
        (pid? == current.pid).then_some(self.current)
    }

    /// The process with this id, and makes it the current one.
    pub(super) fn find(&mut self, pid: u32) -> Option<usize> {
        self.current = *self.by_pid.get(&pid)?;
        Some(self.current)
    }

    /// The process of a line that names none: the only one there is, or the last.
    pub(super) fn unnamed(&self) -> Option<usize> {
        (!self.slots.is_empty()).then_some(self.current)
    }

    /// Access by place.
    pub(super) fn get(&mut self, at: usize) -> Option<&mut Process> {
        self.slots.get_mut(at)
    }

    /// The one without a name, which a name has come for.
    pub(super) fn name(&mut self, pid: u32) -> Option<usize> {
        if self.expected.contains_key(&pid) {
            return None;
        }
        let at = self.by_pid.remove(&0)?;
        self.slots[at].pid = pid;
        self.family.is_named(pid);
        self.forking.iter_mut().filter(|(_, of)| *of == 0).for_each(|(_, of)| *of = pid);
        self.by_pid.insert(pid, at);
        self.current = at;
        Some(at)
    }

    /// What a process nobody announced is probably a copy of: the one that is just making one. Its ABI is that of
    /// its parent, as after every fork; a mode line says so when that changes.
    pub(super) fn likely_parent(&mut self) -> Option<Start> {
        self.forget_ended_forks();
        let (_, pid) = self.forking.last()?;
        self.slots.get(*self.by_pid.get(pid)?).map(Process::start)
    }

    /// A process begins to make another one, on this line.
    pub(super) fn begins_fork(&mut self, at: usize, line: u64) {
        self.forget_ended_forks();
        if let Some(process) = self.slots.get(at) {
            self.forking.push((line, process.pid));
        }
    }

    /// Takes the latest forks away that are no longer going on: each is looked at once.
    fn forget_ended_forks(&mut self) {
        while let Some((line, pid)) = self.forking.last() {
            let process = self.by_pid.get(pid).and_then(|at| self.slots.get(*at));
            let pending = process.and_then(|p| p.pending.as_ref());
            if pending.is_some_and(|p| p.forks && p.line == *line) {
                return;
            }
            self.forking.pop();
        }
    }

    /// Whether the process without a name waits for the end of a call.
    pub(super) fn unnamed_is_within(&self) -> bool {
        let unnamed = self.by_pid.get(&0).and_then(|at| self.slots.get(*at));
        unnamed.is_some_and(|p| p.pending.is_some())
    }

    /// A process that another line announces: it counts as seen only once a line is its own.
    pub(super) fn expect(&mut self, pid: u32, start: Start, guessed: bool) {
        self.expected.insert(pid, (start, guessed));
    }

    /// The one announced process, where there is no other.
    pub(super) fn only_expected(&self) -> Option<u32> {
        self.expected.keys().next().copied().filter(|_| self.expected.len() == 1)
    }

    /// What an announced process starts as.
    pub(super) fn expected(&mut self, pid: u32) -> Option<(Start, bool)> {
        self.expected.remove(&pid)
    }

    /// Adds one.
    pub(super) fn add(&mut self, pid: u32, start: Start, guessed: bool, born: u64) -> usize {
        let Start { arch, executable, scope } = start;
        self.slots.push(Process { pid, arch, executable, scope, pending: None, guessed, born });
        let at = self.slots.len() - 1;
        self.by_pid.insert(pid, at);
        self.count += 1;
        if pid > 0 {
            let making = self.likely_parent().is_some();
            self.family.appears(pid, making);
        }
        at
    }

    /// Makes one the current one.
    pub(super) fn enter(&mut self, at: usize) {
        self.current = at;
    }

    /// Removes one that has ended; returns what it had begun.
    pub(super) fn remove(&mut self, at: usize) -> Option<Pending> {
        if at >= self.slots.len() {
            return None;
        }
        let gone = self.slots.swap_remove(at);
        self.by_pid.remove(&gone.pid);
        if let Some(moved) = self.slots.get(at) {
            self.by_pid.insert(moved.pid, at);
        }
        self.current = self.current.min(self.slots.len().saturating_sub(1));
        gone.pending
    }

    /// Removes all; returns what they had begun.
    pub(super) fn clear(&mut self) -> Vec<Pending> {
        self.by_pid.clear();
        self.current = 0;
        std::mem::take(&mut self.slots).into_iter().filter_map(|p| p.pending).collect()
    }
}

impl Process {
    /// What a child of it starts as.
    pub(super) fn start(&self) -> Start {
        Start { arch: self.arch, executable: self.executable, scope: self.scope }
    }

    /// Becomes what a process starts as.
    pub(super) fn become_like(&mut self, start: Start) {
        (self.arch, self.executable, self.scope) = (start.arch, start.executable, start.scope);
    }
}
