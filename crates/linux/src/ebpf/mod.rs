//! Recording what runs already, by eBPF: processes and their descendants, or a cgroup, from outside.
//!
//! ```text
//!   scope ──► kernel: maps made, programs loaded and attached ──► events (evidence) ──┐
//!                     the kernel marks what it sees in mapped arrays ──► result ──────┴──► Trace
//! ```
//!
//! Everything ends with the descriptors: killed at any time, callgate leaves nothing in the kernel.

mod available;
mod blocked;
mod cgroups;
mod events;
mod kernel;
mod mark;
mod result;

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use callgate_bpf::ebpf::recorder::layout::{ABIS, NUMBERS, globals};
use callgate_bpf::ebpf::recorder::{Hook, Loss};
use callgate_core::trace::{Observation, Phase, Provenance};
use callgate_core::{Trace, sysno};

use crate::error::{Doing, Result};
use crate::proc;
pub use available::{Missing, missing};
pub use cgroups::{Cgroup, awaited, container, named, unit};
use events::Events;
use kernel::Kernel;

/// Who is to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A process that runs, and its descendants.
    Process(i32),
    /// A process that callgate started and that waits, and its descendants: what it does after it loaded a filter.
    Child(i32),
    /// A cgroup and those below it: who is in it, and who comes.
    Cgroup(Cgroup),
}

/// A recording that is going on.
#[derive(Debug)]
pub struct Recorder {
    kernel: Kernel,
    events: Events,
    provenance: Provenance,
    started: Instant,
    target: Target,
    /// How many processes were there at the beginning.
    present: usize,
    /// Whether the ends of calls are seen.
    filtered: bool,
    /// When they were not from the beginning: since when, in milliseconds.
    late: Option<u128>,
    /// Whether who came later counts.
    later: bool,
    /// The calls that they waited in then.
    blocked: Vec<Observation>,
}

/// Has the kernel take a cgroup for the scope as soon as it is made, if it is not there yet.
fn wait_for(kernel: &mut Kernel, cgroup: &Cgroup) -> Result<()> {
    let Some(awaited) = cgroup.awaited()? else { return Ok(()) };
    kernel.globals.set_word(globals::AWAITED_IN as usize, awaited.hierarchy);
    for (word, at) in awaited.path.as_bytes().chunks(8).zip((globals::AWAITED as usize..).step_by(8)) {
        let mut bytes = [0; 8];
        bytes[..word.len()].copy_from_slice(word);
        kernel.globals.set_long(at, u64::from_ne_bytes(bytes));
    }
    kernel.attach(Hook::Made)?;
    // It may have been made a moment before.
    if kernel.globals.long(globals::CGROUP as usize) == 0 {
        kernel.globals.set_long(globals::CGROUP as usize, cgroup.id_now());
    }
    Ok(())
}

impl Recorder {
    /// Begins. What happens from here on is seen, what happened before is not.
    ///
    /// `later`: whether who comes into the scope later, from outside, counts.
    pub fn start(target: Target, later: bool, provenance: Provenance) -> Result<Self> {
        let mut kernel = Kernel::load(&target)?;
        kernel.globals.set_word(globals::GENERATION as usize, 1);
        kernel.globals.set_word(globals::NEXT_SESSION as usize, 1);
        kernel.globals.set_word(globals::PHASE as usize, Phase::Unphased as u32);
        let mut events = Events::new(&kernel)?;
        // Births first: who is born of somebody marked is marked, so that the search below comes to an end.
        kernel.attach(Hook::Fork)?;
        kernel.attach(Hook::Exec)?;
        if let Target::Cgroup(cgroup) = &target {
            kernel.globals.set_long(globals::CGROUP as usize, cgroup.id());
            kernel.attach(Hook::Moved)?;
            wait_for(&mut kernel, cgroup)?;
        }
        let present = mark::present(&kernel, &target, &mut events)?;
        // Refused calls are seen at their end, and only a filter refuses. Where none is, half of the cost is saved.
        let filtered =
            !matches!(target, Target::Process(_)) || present.iter().any(|pid| proc::filters(*pid) > 0);
        if filtered {
            kernel.attach(Hook::Exit)?;
        }
        kernel.attach(Hook::Enter)?;
        // Only now: who has left its call by then is seen by the next one.
        let blocked = match &target {
            Target::Child(_) => Vec::new(),
            _ => present.iter().flat_map(|pid| blocked::calls(*pid)).collect(),
        };
        let present = present.len();
        let (started, late) = (Instant::now(), None);
        Ok(Self { kernel, events, provenance, started, target, present, filtered, late, later, blocked })
    }

    /// Says which phase the workload is in.
    pub fn set_phase(&self, phase: Phase) {
        self.kernel.globals.set_word(globals::PHASE as usize, phase as u32);
    }

    /// Readable when there is news.
    pub fn news(&self) -> BorrowedFd<'_> {
        self.kernel.events.as_fd()
    }

    /// Every descriptor the recording lives by.
    pub(crate) fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        self.kernel.descriptors()
    }

    /// Takes note of the news: how many calls were seen for the first time.
    pub fn take_news(&mut self) -> usize {
        let new = self.events.take();
        self.events.forget(|| mark::executables(&self.kernel));
        if !self.filtered && self.loads_filters() {
            self.filtered = self.kernel.attach(Hook::Exit).is_ok();
            self.late = Some(self.started.elapsed().as_millis());
        }
        new
    }

    /// About how many calls were made in scope.
    pub fn calls(&self) -> u64 {
        let lines = (0..globals::CALLS_LINES).map(|line| globals::CALLS + line * globals::CALLS_STRIDE);
        lines.map(|at| self.kernel.globals.long(at as usize)).fold(0, u64::wrapping_add)
    }

    /// Whether somebody who had no filter may have loaded one: by seccomp(2) or prctl(2).
    fn loads_filters(&self) -> bool {
        let abis = self.kernel.plan.abis;
        let name = |call: u32| sysno::name(abis[(call / NUMBERS % ABIS) as usize], call % NUMBERS);
        self.events.calls().any(|call| matches!(name(call), Some("seccomp" | "prctl")))
    }

    /// Whether anybody in scope is left, or may come: a cgroup may be empty for a while.
    pub fn anybody_left(&self) -> bool {
        mark::anybody_left(&self.kernel, &self.target)
    }

    /// Every counter of what was lost, by name, zeroes included.
    pub fn losses(&self) -> Result<BTreeMap<String, u64>> {
        let mut losses: BTreeMap<_, _> = Loss::ALL
            .iter()
            .map(|(loss, name)| ((*name).to_owned(), self.kernel.globals.long(loss.at() as usize)))
            .collect();
        losses.insert(
            "missed-runs".to_owned(),
            self.kernel.missed().doing("ask how often programs were missed")?,
        );
        Ok(losses)
    }

    /// All that was seen so far.
    pub fn trace(&mut self) -> Result<Trace> {
        self.events.take();
        let losses = self.losses()?;
        let mut provenance = self.provenance.clone();
        provenance.duration_ms = self.started.elapsed().as_millis() as u64;
        let mut trace = result::read(&self.kernel, &self.events, (self.present, self.later), provenance)?;
        self.add_blocked(&mut trace);
        if let Some((ms, recording)) =
            self.late.filter(|_| trace.loads_filters()).zip(trace.recordings.last_mut())
        {
            recording.notes.push(format!(
                "no filter was there at the beginning; what one refused before {ms} ms were over was not seen"
            ));
        }
        let of_calls = |name: &str| {
            name == "missed-runs" || Loss::ALL.iter().any(|(loss, n)| *n == name && loss.is_of_calls())
        };
        trace.lost = losses.iter().filter(|(name, _)| of_calls(name)).map(|(_, n)| *n).sum();
        trace.complete = trace.lost == 0;
        trace.losses = losses;
        Ok(trace)
    }

    /// Adds what was waited in at the beginning.
    fn add_blocked(&self, trace: &mut Trace) {
        self.blocked.iter().for_each(|call| trace.observe(call));
        let names: BTreeSet<_> = self.blocked.iter().filter_map(|c| sysno::name(c.arch, c.nr)).collect();
        if let Some(recording) = trace.recordings.last_mut().filter(|_| !names.is_empty()) {
            let names = names.into_iter().collect::<Vec<_>>().join(", ");
            recording
                .notes
                .push(format!("taken for made, since threads waited in it at the beginning: {names}"));
        }
    }
}
