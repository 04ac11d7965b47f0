//! What the kernel marked, as a trace.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use callgate_bpf::ebpf::recorder::layout::{
    ABIS, BUCKETS, NUMBERS, SESSIONS, bucket, globals, odd, refused, slot, values,
};
use callgate_core::trace::{Observation, Outcome, Phase, Provenance};
use callgate_core::{Arch, Trace, sysno};

use super::events::Events;
use super::kernel::Kernel;
use crate::error::{Doing, Result};
use crate::sys::bpf;

/// A reader of one recording.
struct Reader<'k> {
    kernel: &'k Kernel,
    events: &'k Events,
    /// When the recording began, on the monotonic clock.
    began_ns: u64,
    trace: Trace,
    /// Slots whose content belongs to the workload.
    slots: BTreeSet<u32>,
    /// Sessions that never got a filter of their own.
    unconfined: usize,
    /// Of those that did not, either: the second slots of who executed a program under a root of its own.
    rooted: BTreeSet<u32>,
    /// What those called before.
    set_up: BTreeSet<&'static str>,
}

/// Reads all there is. `present`: how many processes were there at the beginning; `wanted`: whether those who came later
/// count.
pub(super) fn read(
    kernel: &Kernel,
    events: &Events,
    (present, wanted): (usize, bool),
    provenance: Provenance,
) -> Result<Trace> {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let now_ns = now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64;
    let began_ns = now_ns.saturating_sub(provenance.duration_ms * 1_000_000);
    let trace = Trace { recordings: vec![provenance], ..Trace::default() };
    let mut reader = Reader {
        kernel,
        events,
        began_ns,
        trace,
        slots: BTreeSet::new(),
        unconfined: 0,
        rooted: BTreeSet::new(),
        set_up: BTreeSet::new(),
    };
    let sessions = kernel.globals.word(globals::NEXT_SESSION as usize).min(SESSIONS);
    let mut later = Vec::new();
    // Where nobody was, the first who came are who was waited for.
    let first = 1 + u32::from(present == 0);
    for session in (0..sessions).filter(|session| wanted || *session < first) {
        let before = reader.trace.clone();
        reader.session(session);
        if session >= first {
            later.push(new_calls(&before, &reader.trace));
        }
    }
    reader.odd_numbers()?;
    reader.values()?;
    reader.widened();
    let answered = reader.refused()?;
    if !wanted && sessions > first {
        reader.note(format!("left out: {} that came into the scope later", sessions - first));
    }
    reader.notes(&later, &answered);
    Ok(reader.trace)
}

/// The names of calls that one trace has more than another.
fn new_calls(before: &Trace, after: &Trace) -> BTreeSet<&'static str> {
    let new = after.calls.keys().filter(|key| !before.calls.contains_key(key));
    new.filter_map(|(arch, nr, _)| sysno::name(*arch, *nr)).collect()
}

impl Reader<'_> {
    /// A session's own calls: inside its filter; or, if it never had one, from its first exec under a root of its own; or,
    /// if it never had one, either, from its first exec.
    fn session(&mut self, session: u32) {
        let (outside, inside) = (2 * session, 2 * session + 1);
        let grew = [outside, inside]
            .iter()
            .any(|slot| self.kernel.slots.word(place(*slot) + slot::GREW as usize) == 1);
        let rooted = !grew && self.saw_any(inside, bucket::ROOTED);
        let unconfined = !grew && !rooted && self.saw_any(outside, bucket::UNCONFINED);
        if unconfined {
            self.unconfined += 1;
            self.bucket(outside, bucket::UNCONFINED, Phase::Unphased);
        }
        if rooted {
            self.rooted.insert(inside);
            self.bucket(inside, bucket::ROOTED, Phase::Unphased);
            let before = |call: &u32| self.saw(outside, bucket::UNCONFINED, *call);
            let before: Vec<_> =
                (0..ABIS * NUMBERS).filter(before).filter_map(|call| self.name(call)).collect();
            self.set_up.extend(before);
        }
        if rooted || unconfined {
            self.first_exec(outside);
        }
        for (phase, _) in Phase::ALL {
            self.bucket(inside, bucket::INSIDE + phase as u32, phase);
        }
        self.slots.insert(inside);
        if unconfined {
            self.slots.insert(outside);
        }
    }

    /// The exec that a recording without a filter begins with: a filter would have been there before it.
    fn first_exec(&mut self, slot: u32) {
        for call in 0..ABIS * NUMBERS {
            let (arch, nr) = (self.kernel.plan.abis[(call / NUMBERS) as usize], call % NUMBERS);
            let executes = matches!(self.name(call), Some("execve" | "execveat"));
            let before = [bucket::SETUP, bucket::UNCONFINED];
            if executes && before.iter().any(|bucket| self.saw(slot, *bucket, call)) {
                self.observe(arch, nr, Outcome::Made, None, Phase::Floor, String::new(), self.began_ns);
            }
        }
    }

    /// The name of a call by ABI times [`NUMBERS`] plus number.
    fn name(&self, call: u32) -> Option<&'static str> {
        sysno::name(self.kernel.plan.abis[(call / NUMBERS) as usize], call % NUMBERS)
    }

    fn saw_any(&self, slot: u32, bucket: u32) -> bool {
        (0..ABIS * NUMBERS).any(|call| self.saw(slot, bucket, call))
    }

    fn saw(&self, slot: u32, bucket: u32, call: u32) -> bool {
        self.kernel.slots.byte(place(slot) + slot::SEEN as usize + (bucket * ABIS * NUMBERS + call) as usize)
            != 0
    }

    fn bucket(&mut self, slot: u32, bucket: u32, phase: Phase) {
        debug_assert!(bucket < BUCKETS, "no such bucket");
        for call in 0..ABIS * NUMBERS {
            if self.saw(slot, bucket, call) {
                let arch = self.kernel.plan.abis[(call / NUMBERS) as usize];
                let first = self.events.first(slot, bucket, call);
                let at_ns = first.map_or(self.began_ns, |f| f.at_ns);
                let executable = first.map(|f| f.executable.clone()).unwrap_or_default();
                self.observe(arch, call % NUMBERS, Outcome::Made, None, phase, executable, at_ns);
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of an observation")]
    fn observe(
        &mut self,
        arch: Arch,
        nr: u32,
        outcome: Outcome,
        count: Option<u64>,
        phase: Phase,
        executable: String,
        at_ns: u64,
    ) {
        let at_ms = at_ns.saturating_sub(self.began_ns) / 1_000_000;
        let seen = Observation { arch, nr, args: [0; 6], outcome, count, phase, executable, at_ms };
        self.trace.observe_call(&seen);
    }

    /// ABI and number as the rest of callgate names them: x32 is an ABI of its own.
    fn split(&self, abi: u32, nr: u32) -> (Arch, u32) {
        let arch = self.kernel.plan.abis[(abi % ABIS) as usize];
        Arch::split(arch.token(), nr).unwrap_or((arch, nr))
    }

    /// Numbers beyond the tables.
    fn odd_numbers(&mut self) -> Result<()> {
        let keys = keys(self.kernel.odd.as_fd(), odd::KEY).doing("read numbers beyond the tables")?;
        for [slot, bucket, abi, nr] in keys.iter().map(|key| words(key)) {
            let phase =
                Phase::ALL.get(bucket.wrapping_sub(bucket::INSIDE) as usize).map_or(Phase::Unphased, |p| p.0);
            let counts = match bucket {
                bucket::SETUP => false,
                bucket::ROOTED => self.rooted.contains(&slot),
                _ => self.slots.contains(&slot),
            };
            if counts {
                let (arch, nr) = self.split(abi, nr);
                self.observe(arch, nr, Outcome::Made, None, phase, String::new(), self.began_ns);
            }
        }
        Ok(())
    }

    fn values(&mut self) -> Result<()> {
        let keys = keys(self.kernel.values.as_fd(), values::KEY).doing("read the values of arguments")?;
        for key in &keys {
            let [_, _, slot, number] = words(key);
            let value = u64::from_ne_bytes(key[..8].try_into().unwrap_or_default());
            if let Some(kept) = self.kernel.plan.argument(number).filter(|_| self.slots.contains(&slot)) {
                let call = (kept.arch, kept.nr, Outcome::Made);
                self.trace.observe_argument(call, kept.index, Some(value), None);
            }
        }
        Ok(())
    }

    /// Arguments with more values than are kept.
    fn widened(&mut self) {
        for slot in self.slots.clone() {
            for (i, kept) in self.kernel.plan.kept.iter().enumerate() {
                let at = place(slot) + slot::COUNT as usize + 4 * (i + 1);
                if self.kernel.slots.word(at) >= slot::WIDE as u32 {
                    self.trace.observe_argument((kept.arch, kept.nr, Outcome::Made), kept.index, None, None);
                }
            }
        }
    }

    /// Calls that a filter refused; returns those that something else answered.
    fn refused(&mut self) -> Result<BTreeSet<String>> {
        let keys = keys(self.kernel.refused.as_fd(), refused::KEY).doing("read refused calls")?;
        let mut answered = BTreeSet::new();
        for key in &keys {
            let [slot, abi, nr, errno] = words(key);
            let (arch, nr) = self.split(abi, nr);
            if !self.slots.contains(&slot) {
                continue;
            }
            if errno == 0 {
                answered.insert(sysno::name(arch, nr).map_or_else(|| nr.to_string(), str::to_owned));
                continue;
            }
            let mut count = [0; 8];
            bpf::lookup(self.kernel.refused.as_fd(), key, &mut count).doing("read refused calls")?;
            let outcome = Outcome::Refused(errno as u16);
            let count = Some(u64::from_ne_bytes(count));
            self.observe(arch, nr, outcome, count, Phase::Unphased, String::new(), self.began_ns);
        }
        Ok(answered)
    }

    /// What is to be said of this recording.
    fn notes(&mut self, later: &[BTreeSet<&'static str>], answered: &BTreeSet<String>) {
        let mut notes = Vec::new();
        let only: BTreeSet<_> = later.iter().flatten().copied().collect();
        if !only.is_empty() {
            let names = only.into_iter().collect::<Vec<_>>().join(", ");
            notes.push(format!(
                "{} came into the scope later (a start, an exec into it); only they called: {names}",
                later.len()
            ));
        }
        if !self.rooted.is_empty() {
            let called = |name: &&&str| {
                !self.trace.calls.keys().any(|(arch, nr, _)| sysno::name(*arch, *nr) == Some(**name))
            };
            let left_out: Vec<_> = self.set_up.iter().filter(called).copied().collect();
            let left_out = if left_out.is_empty() { "nothing else".to_owned() } else { left_out.join(", ") };
            notes.push(format!(
                "{} of those who came had no seccomp filter of their own and changed their root directory, as containers do: \
                 recorded from the exec after that; before it they called, and it is left out: {left_out}",
                self.rooted.len()
            ));
        }
        if self.unconfined > 0 {
            notes.push(format!(
                "{} of those who came had no seccomp filter of their own: recorded from their first exec, which may be a \
                 runtime's own",
                self.unconfined
            ));
        }
        if !answered.is_empty() {
            let names = answered.iter().cloned().collect::<Vec<_>>().join(", ");
            notes.push(format!(
                "another filter's supervisor or trap answered, so that the kernel never saw: {names}"
            ));
        }
        for note in notes {
            self.note(note);
        }
    }

    fn note(&mut self, note: String) {
        if let Some(recording) = self.trace.recordings.last_mut() {
            recording.notes.push(note);
        }
    }
}

/// Where a slot begins in the mapping.
fn place(slot: u32) -> usize {
    slot as usize * slot::SIZE as usize
}

/// A key of four words.
fn words(key: &[u8]) -> [u32; 4] {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(key.chunks_exact(4)) {
        *word = u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    words
}

/// Every key of a hash that only grows: none is missed, since none is ever removed.
fn keys(map: BorrowedFd<'_>, size: u32) -> io::Result<Vec<Vec<u8>>> {
    let mut keys: Vec<Vec<u8>> = Vec::new();
    let mut next = vec![0; size as usize];
    while bpf::next_key(map, keys.last().map(Vec::as_slice), &mut next)? {
        keys.push(next.clone());
    }
    Ok(keys)
}
