//! The ring of events: who did what first.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::os::fd::AsFd;

use callgate_bpf::ebpf::recorder::layout::{RING_BYTES, event};

use super::kernel::Kernel;
use crate::error::{Doing, Result};
use crate::sys::mapped::Mapped;

/// A record is being written (`BPF_RINGBUF_BUSY_BIT`, `include/uapi/linux/bpf.h`).
const BUSY: u32 = 1 << 31;
/// A record was given up (`BPF_RINGBUF_DISCARD_BIT`).
const DISCARDED: u32 = 1 << 30;
/// The pid namespace of the machine itself (`PROC_PID_INIT_INO`, `include/linux/proc_ns.h`).
const ROOT_NAMESPACE: &str = "pid:[4026531836]";
/// Before each record (`BPF_RINGBUF_HDR_SZ`).
const HEADER: u64 = 8;
/// Set in the numbers of executables that nobody executed since the beginning.
const PRESENT: u32 = 1 << 31;

/// The first sighting of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct First {
    pub(super) executable: String,
    /// On the monotonic clock.
    pub(super) at_ns: u64,
}

/// So many executables are kept whoever lives still: a few megabytes of paths.
const MANY: usize = 1 << 15;
/// The latest are kept in any case.
const LATEST: u32 = 1 << 10;

/// What the events said so far.
#[derive(Debug)]
pub(super) struct Events {
    /// The page that says how far we have read.
    ours: Mapped,
    /// The page that says how far the kernel has written, and the records.
    theirs: Mapped,
    page: usize,
    /// By slot, bucket, and ABI and number.
    firsts: HashMap<(u32, u32, u32), First>,
    /// Executables by the number of their exec.
    executed: Executed,
    /// Executables of those who were there at the beginning.
    present: Vec<String>,
    /// Whether /proc numbers processes as the kernel's programs do.
    root_namespace: bool,
}

/// Executables by the number of their exec, which the kernel's programs count up.
#[derive(Debug, Default)]
struct Executed {
    paths: HashMap<u32, String>,
    /// How many the last forgetting left.
    kept: usize,
}

impl Executed {
    /// Whether it is time to forget: not for every few that come once many live.
    fn is_full(&self) -> bool {
        self.paths.len() > MANY.max(2 * self.kept)
    }

    /// Keeps those that are in use, and the latest, of whom there may be events still.
    fn keep(&mut self, living: &BTreeSet<u32>) {
        let last = self.paths.keys().max().copied().unwrap_or_default();
        self.paths.retain(|number, _| living.contains(number) || last - *number < LATEST);
        self.kept = self.paths.len();
    }
}

/// A record's fields.
struct Record {
    kind: i32,
    slot: u32,
    bucket: u32,
    call: u32,
    process: u32,
    executable: u32,
    at_ns: u64,
    path: Vec<u8>,
}

impl Events {
    pub(super) fn new(kernel: &Kernel) -> Result<Self> {
        let page = rustix::param::page_size();
        let ring = kernel.events.as_fd();
        let doing = "map the ring of events";
        Ok(Self {
            ours: Mapped::new(ring, page, 0, true).doing(doing)?,
            // The records stand there twice, so that none is cut at the end.
            theirs: Mapped::new(ring, page + 2 * RING_BYTES as usize, page, false).doing(doing)?,
            page,
            firsts: HashMap::new(),
            executed: Executed::default(),
            present: Vec::new(),
            root_namespace: fs::read_link("/proc/self/ns/pid").is_ok_and(|l| l.as_os_str() == ROOT_NAMESPACE),
        })
    }

    /// Reads all there is: how many calls were new.
    pub(super) fn take(&mut self) -> usize {
        let mut new = 0;
        loop {
            let read = self.ours.long(0);
            if read >= self.theirs.long(0) {
                return new;
            }
            let at = self.page + (read % u64::from(RING_BYTES)) as usize;
            let length = self.theirs.word(at);
            if length & BUSY != 0 {
                return new;
            }
            let bytes = u64::from(length & !(BUSY | DISCARDED));
            if length & DISCARDED == 0 {
                new += usize::from(self.note(&self.record(at + HEADER as usize, bytes as usize)));
            }
            self.ours.set_long(0, read + (HEADER + bytes).next_multiple_of(8));
        }
    }

    fn record(&self, at: usize, bytes: usize) -> Record {
        let word = |offset: usize| self.theirs.word(at + offset);
        let path = (event::CALL_SIZE as usize..bytes).map(|i| self.theirs.byte(at + i));
        Record {
            kind: word(0) as i32,
            slot: word(4),
            bucket: word(8),
            call: word(12),
            process: word(20),
            executable: word(24),
            at_ns: self.theirs.long(at + 32),
            path: path.take_while(|b| *b != 0).collect(),
        }
    }

    /// Whether it was a new call.
    fn note(&mut self, record: &Record) -> bool {
        if record.kind == event::EXEC {
            let given = String::from_utf8_lossy(&record.path).into_owned();
            // The kernel's number of a process means another one in a pid namespace: then only the path as given is known.
            let seen = self.root_namespace.then(|| executable_of(record.process)).flatten();
            let path = seen.unwrap_or(given);
            self.executed.paths.insert(record.executable, path);
            return false;
        }
        let first = First { executable: self.executable(record.executable), at_ns: record.at_ns };
        self.firsts.entry((record.slot, record.bucket, record.call)).or_insert(first);
        true
    }

    /// A number for the executable of a process that is there at the beginning; its children inherit it.
    pub(super) fn present(&mut self, pid: u32) -> u32 {
        let path = executable_of(pid).unwrap_or_default();
        let known = self.present.iter().position(|p| *p == path);
        let index = known.unwrap_or_else(|| {
            self.present.push(path);
            self.present.len() - 1
        });
        PRESENT | index as u32
    }

    /// The executable with this number; empty where it is not known, and left out everywhere then.
    fn executable(&self, number: u32) -> String {
        let path = match number & PRESENT {
            0 => self.executed.paths.get(&number),
            _ => self.present.get((number & !PRESENT) as usize),
        };
        path.cloned().unwrap_or_default()
    }

    /// Forgets the executables of those who are gone, once there are many; `living` are the numbers of the others.
    pub(super) fn forget(&mut self, living: impl FnOnce() -> BTreeSet<u32>) {
        if self.executed.is_full() {
            self.executed.keep(&living());
        }
    }

    /// ABI times the count of numbers, plus number, of every call that was seen.
    pub(super) fn calls(&self) -> impl Iterator<Item = u32> {
        self.firsts.keys().map(|(_, _, call)| *call)
    }

    /// Who made this call first.
    pub(super) fn first(&self, slot: u32, bucket: u32, call: u32) -> Option<&First> {
        self.firsts.get(&(slot, bucket, call))
    }
}

/// What a process executes, where that has a path: a file that was mounted by itself and is mounted no more, as runc does
/// with its own, is called `/` by the kernel.
pub(super) fn executable_of(pid: u32) -> Option<String> {
    let path = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    Some(path.to_string_lossy().into_owned()).filter(|path| path != "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executables_of_the_living_and_the_latest_are_kept_however_many_there_were() {
        let mut executed = Executed::default();
        let living = BTreeSet::from([7]);
        for number in 0..10 * MANY as u32 {
            executed.paths.insert(number, String::new());
            if executed.is_full() {
                executed.keep(&living);
                assert!(executed.paths.contains_key(&7) && executed.paths.contains_key(&number));
            }
            assert!(executed.paths.len() <= MANY + 1);
        }
        // Where many live it is not asked about every newcomer.
        let living: BTreeSet<u32> = (0..2 * MANY as u32).collect();
        executed.paths.extend(living.iter().map(|n| (*n, String::new())));
        executed.keep(&living);
        assert!(!executed.is_full());
    }
}
