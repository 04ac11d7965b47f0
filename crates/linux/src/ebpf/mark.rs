//! Marks who is in scope at the beginning.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

use callgate_bpf::ebpf::recorder::layout::{globals, task};

use super::Target;
use super::events::Events;
use super::kernel::Kernel;
use crate::error::{Doing, Error, Result};
use crate::proc;
use crate::sys::bpf;

/// Rounds of looking for processes that were born meanwhile. Each finds the children of those the last one found.
const MAX_ROUNDS: usize = 1000;

/// What is known of somebody who is marked.
struct Mark {
    /// The slot: a session's first one, or its second.
    slot: u32,
    base: u32,
    flags: i32,
}

impl Mark {
    fn bytes(&self, generation: u32, executable: u32) -> Vec<u8> {
        let mut bytes = vec![0; task::SIZE as usize];
        let mut put = |at: i16, value: u32| {
            bytes[at as usize..at as usize + 4].copy_from_slice(&value.to_ne_bytes());
        };
        put(task::SLOT, self.slot + 1);
        put(task::GENERATION, generation);
        put(task::BASE, self.base);
        put(task::FLAGS, self.flags as u32);
        put(task::EXECUTABLE, executable);
        bytes
    }
}

/// Marks who is there, until two rounds agree: who is left of them.
///
/// Births are watched already, so whoever is born of somebody marked is marked; the search ends as soon as a round finds
/// nobody new.
pub(super) fn present(kernel: &Kernel, target: &Target, events: &mut Events) -> Result<Vec<i32>> {
    let mark = match target {
        // A child that waits begins as a container does: outside, until its filter.
        Target::Child(pid) => Mark { slot: 0, base: proc::filters(*pid), flags: 0 },
        Target::Process(_) | Target::Cgroup(_) => {
            Mark { slot: 1, base: 0, flags: task::INSIDE | task::EXECUTED }
        }
    };
    let mut marked = BTreeSet::new();
    for _ in 0..MAX_ROUNDS {
        let found = candidates(target);
        let new: Vec<_> = found.into_iter().filter(|pid| !marked.contains(pid)).collect();
        if new.is_empty() {
            break;
        }
        for pid in new {
            marked.insert(pid);
            put(kernel, pid, &mark, events.present(pid as u32))?;
        }
    }
    let alive: Vec<i32> = marked.into_iter().filter(|pid| !proc::has_ended(*pid)).collect();
    match target {
        Target::Process(pid) | Target::Child(pid) if alive.is_empty() => {
            Err(Error::new(format!("record process {pid}"), io::Error::from_raw_os_error(libc::ESRCH)))
        }
        _ => Ok(alive),
    }
}

fn candidates(target: &Target) -> BTreeSet<i32> {
    match target {
        Target::Child(pid) => BTreeSet::from([*pid]),
        Target::Process(pid) => {
            let mut found = proc::descendants(*pid);
            found.insert(*pid);
            found
        }
        Target::Cgroup(cgroup) => cgroup.processes(),
    }
}

/// Marks a process; one that is gone needs no mark.
fn put(kernel: &Kernel, pid: i32, mark: &Mark, executable: u32) -> Result<()> {
    let Ok(pidfd) = bpf::pidfd(pid) else { return Ok(()) };
    let generation = kernel.globals.word(globals::GENERATION as usize);
    let key = pidfd.as_raw_fd().to_ne_bytes();
    match bpf::update(kernel.tasks.as_fd(), &key, &mark.bytes(generation, executable)) {
        Err(e) if matches!(e.raw_os_error(), Some(libc::ENOENT | libc::ESRCH)) => Ok(()),
        other => other.doing(format!("mark process {pid} for the recording")),
    }
}

/// What is kept for a process, where it is in scope.
fn marked(kernel: &Kernel, pid: i32) -> Option<Vec<u8>> {
    let mut value = vec![0; task::SIZE as usize];
    let pidfd = bpf::pidfd(pid).ok()?;
    let key = pidfd.as_raw_fd().to_ne_bytes();
    let found = bpf::lookup(kernel.tasks.as_fd(), &key, &mut value).unwrap_or(false);
    (found && value[..4] != [0; 4]).then_some(value)
}

/// The numbers of the executables of all that are in scope.
pub(super) fn executables(kernel: &Kernel) -> BTreeSet<u32> {
    let number = |value: Vec<u8>| {
        let at = task::EXECUTABLE as usize;
        u32::from_ne_bytes([value[at], value[at + 1], value[at + 2], value[at + 3]])
    };
    proc::processes().into_iter().filter_map(|pid| marked(kernel, pid)).map(number).collect()
}

/// Whether anybody in scope is left, or may come.
pub(super) fn anybody_left(kernel: &Kernel, target: &Target) -> bool {
    if let Target::Cgroup(cgroup) = target {
        let id = kernel.globals.long(globals::CGROUP as usize);
        return id == 0 || cgroup.is(id);
    }
    proc::processes().into_iter().any(|pid| marked(kernel, pid).is_some() && !proc::has_ended(pid))
}
