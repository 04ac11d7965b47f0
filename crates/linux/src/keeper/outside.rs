//! The loop of a keeper that records from outside, by eBPF: the program is not stopped, asked or traced.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::{Duration, Instant};

use callgate_core::trace::{self, Phase, Provenance};

use super::{Keeper, notify};
use crate::ebpf::{Recorder, Target};
use crate::error::{Doing, Result};
use crate::message::{Message, Order};

/// How often it is looked whether anybody in scope is left.
const LOOK: Duration = Duration::from_secs(1);

/// What to record from outside.
#[derive(Debug)]
pub(crate) struct Outside {
    /// `None`: the program this keeper starts.
    pub(crate) target: Option<Target>,
    /// Whether who comes into the scope later is recorded, too.
    pub(crate) later: bool,
    /// What the trace says of this recording.
    pub(crate) provenance: Provenance,
}

/// Records until the program is gone, or what runs already, or the owner wants no more.
pub(super) fn run(keeper: &mut Keeper, outside: Outside, signals: &OwnedFd, command: &str) -> Result<()> {
    let attached = outside.target.is_some();
    let target = outside.target.unwrap_or(Target::Child(keeper.main));
    let recorder = Recorder::start(target, outside.later, outside.provenance);
    if recorder.is_err() {
        // The child still waits, and would do so for ever.
        Keeper::kill_all();
    }
    let mut recorder = recorder?;
    keeper.words().go.store(1, SeqCst);
    keeper.let_go_of_streams(&[&[signals.as_fd()], recorder.descriptors().as_slice()].concat());
    let mut leaving = false;
    let mut looked = Instant::now();
    while !leaving && (attached || !(keeper.main_ended && keeper.children_gone)) {
        let order = keeper.wait(&[recorder.news(), signals.as_fd()]).doing("wait for news")?;
        recorder.set_phase(phase(keeper));
        let new = recorder.take_news() as u64;
        keeper.words().distinct.fetch_add(new, Relaxed);
        keeper.words().calls.store(recorder.calls(), Relaxed);
        notify::reap(keeper, signals, command);
        keeper.post();
        if order {
            leaving = obey(keeper, &mut recorder, attached)?;
        }
        if attached && looked.elapsed() >= LOOK {
            looked = Instant::now();
            leaving |= keeper.socket.is_none() || !recorder.anybody_left();
        }
    }
    snapshot(keeper, &mut recorder)
}

fn phase(keeper: &Keeper) -> Phase {
    let number = keeper.words().phase.load(SeqCst) as usize;
    Phase::ALL.get(number).map_or(Phase::Unphased, |(phase, _)| *phase)
}

/// Does what the owner wants: whether that is to stop looking.
fn obey(keeper: &mut Keeper, recorder: &mut Recorder, attached: bool) -> Result<bool> {
    match keeper.order() {
        Some(Order::Snapshot) => snapshot(keeper, recorder)?,
        // What runs already goes on.
        Some(Order::Terminate | Order::Kill) if attached => return Ok(true),
        Some(Order::Terminate) => keeper.terminate(),
        Some(Order::Kill) => Keeper::kill_all(),
        None => return Ok(attached && keeper.socket.is_none()),
    }
    Ok(false)
}

fn snapshot(keeper: &mut Keeper, recorder: &mut Recorder) -> Result<()> {
    let trace = recorder.trace()?;
    keeper.words().distinct.store(trace.distinct() as u64, Relaxed);
    keeper.tell(&Message::Snapshot(trace::write(&trace)));
    Ok(())
}
