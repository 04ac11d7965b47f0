//! The memory that programs and callgate share: which bytes of which map mean what.

use std::fmt;

use callgate_core::trace::{MAX_VALUES, Phase, learned_value};
use callgate_core::{Arch, args, sysno};

/// A map of the recorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Map {
    /// What is known of a task: task storage of [`task::SIZE`] bytes.
    Tasks,
    /// One element of [`globals::SIZE`] bytes, mapped into callgate.
    Globals,
    /// Which arguments are kept: one element, a [`Plan`]'s bytes.
    Plan,
    /// What was seen: [`SLOTS`] elements of [`slot::SIZE`] bytes, mapped into callgate.
    Slots,
    /// Argument values seen, a hash of [`values::KEY`] bytes.
    Values,
    /// Numbers beyond the tables, a hash of [`odd::KEY`] bytes.
    Odd,
    /// Calls another filter answered, a hash of [`refused::KEY`] bytes, each with its count (`u64`).
    Refused,
    /// What is new, as it happens, for evidence and the live view; nothing of the result depends on it.
    Events,
}

impl Map {
    /// Every map, with its name in the kernel.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Tasks, "tasks"),
        (Self::Globals, "globals"),
        (Self::Plan, "plan"),
        (Self::Slots, "slots"),
        (Self::Values, "values"),
        (Self::Odd, "odd"),
        (Self::Refused, "refused"),
        (Self::Events, "events"),
    ];
}

impl fmt::Display for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL[*self as usize].1)
    }
}

/// System call numbers below this have a byte of their own; others go to [`Map::Odd`]. Linux 6.18 has numbers up to 469.
pub const NUMBERS: u32 = 512;
/// The ABIs a machine runs, native first: x86_64 and i386, or aarch64 and arm.
pub const ABIS: u32 = 2;
/// Groups of processes that are told apart: those present at the start, and each that came into the scope later.
pub const SESSIONS: u32 = 128;
/// Each session has a slot for what came before its filter, and one for what came after.
pub const SLOTS: u32 = 2 * SESSIONS;
/// Buckets of a slot, see [`bucket`].
pub const BUCKETS: u32 = 8;
/// Arguments of all calls and ABIs that are kept.
pub const ARGUMENTS: u32 = 1024;
/// Entries of [`Map::Values`].
pub const MAX_VALUES_ALL: u32 = 1 << 16;
/// Entries of [`Map::Odd`].
pub const MAX_ODD: u32 = 1 << 10;
/// Entries of [`Map::Refused`].
pub const MAX_REFUSED: u32 = 1 << 12;
/// Bytes of [`Map::Events`].
pub const RING_BYTES: u32 = 1 << 18;

/// What is known of a task.
pub mod task {
    /// `u32`: slot plus one; 0 is out of scope.
    pub const SLOT: i16 = 0;
    /// `u32`: the generation this was found out in.
    pub const GENERATION: i16 = 4;
    /// `u32`: how many filters the task had as it came into the scope.
    pub const BASE: i16 = 8;
    /// `u32`: see the flags.
    pub const FLAGS: i16 = 12;
    /// `u32`: its executable: the number of an exec.
    pub const EXECUTABLE: i16 = 16;
    /// `u32`: 1 between the beginning of a call and its end; [`BORN`] until a child begins its first.
    pub const PENDING: i16 = 20;
    /// `u64`: the address of its root directory as it came into the scope from outside; 0 of who was there before, and of
    /// the descendants of those.
    pub const ROOT: i16 = 24;
    /// In bytes.
    pub const SIZE: u32 = 32;
    /// It was made, and has not returned from the call that made it.
    pub const BORN: i32 = 2;
    /// The program of this task was executed: since it came into the scope or, once inside, since its filter.
    pub const EXECUTED: i32 = 1;
    /// Its filter chain has grown: what it does is the workload's.
    pub const INSIDE: i32 = 2;
    /// A call of it was seen from the beginning: an end without a beginning means another filter answered.
    pub const BEGUN: i32 = 4;
    /// A program of it was executed under another root directory than the one it came with, without a filter so far.
    pub const ROOTED: i32 = 8;
}

/// Words shared by all programs.
pub mod globals {
    /// `u32`: counts changes of who is in the scope.
    pub const GENERATION: u32 = 0;
    /// `u32`: the phase, as number.
    pub const PHASE: u32 = 4;
    /// `u32`: sessions so far; the first is those who were there.
    pub const NEXT_SESSION: u32 = 8;
    /// `u32`: executables so far.
    pub const NEXT_EXECUTABLE: u32 = 12;
    /// `u64`: the id of the cgroup in scope; 0 is none.
    pub const CGROUP: u32 = 16;
    /// `u32`: the number of the hierarchy in which a cgroup is waited for (`/proc/self/cgroup`); 0 is v2.
    pub const AWAITED_IN: u32 = 24;
    /// Its path from the root of that hierarchy, [`PATH`] bytes with zeroes at the end.
    pub const AWAITED: u32 = 1024;
    /// The longest path that is waited for, its zero included.
    pub const PATH: u32 = 256;
    /// `u64` each: see [`Loss`](super::Loss).
    pub const LOSSES: u32 = 64;
    /// `u64` per processor, [`CALLS_STRIDE`] bytes apart: calls in scope. About: a program may be interrupted by another one
    /// of its processor, and of more processors than [`CALLS_LINES`] some share a line.
    pub const CALLS: u32 = 4096;
    /// A line of the cache each.
    pub const CALLS_STRIDE: u32 = 64;
    /// How many there are.
    pub const CALLS_LINES: u32 = 512;
    /// In bytes.
    pub const SIZE: u32 = CALLS + CALLS_LINES * CALLS_STRIDE;
}

/// What can be lost, each counted by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// Calls of tasks for which the kernel gave no memory.
    TaskMemory,
    /// Tasks that were born in scope and could not be marked.
    Births,
    /// Sessions beyond [`SESSIONS`]: recorded, and not told apart.
    Sessions,
    /// Argument values for which there was no room: the argument counts as widened.
    Values,
    /// Numbers beyond the tables for which there was no room.
    OddNumbers,
    /// Refused calls for which there was no room.
    Refused,
    /// News for which the ring had no room: the evidence says less, the calls are there.
    Events,
}

impl Loss {
    /// Every loss, with its name in traces.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::TaskMemory, "task-memory"),
        (Self::Births, "births"),
        (Self::Sessions, "sessions"),
        (Self::Values, "values"),
        (Self::OddNumbers, "odd-numbers"),
        (Self::Refused, "refused-calls"),
        (Self::Events, "events"),
    ];

    /// Whether calls, or values that a profile has to know of, are missing for it.
    pub fn is_of_calls(self) -> bool {
        matches!(self, Self::TaskMemory | Self::Births | Self::OddNumbers | Self::Refused)
    }

    /// Where its counter is among the globals.
    pub fn at(self) -> u32 {
        globals::LOSSES + 8 * self as u32
    }
}

/// What was seen of a session.
pub mod slot {
    use super::{ABIS, ARGUMENTS, BUCKETS, NUMBERS};

    /// `u32`: 1 once a task of this session went inside.
    pub const GREW: i16 = 0;
    /// `u32`: the process that came.
    pub const PID: i16 = 4;
    /// `u64`: when, on the monotonic clock, in nanoseconds.
    pub const CAME: i16 = 8;
    /// `u8` per bucket, ABI and number: 1 once seen.
    pub const SEEN: i16 = 64;
    /// `u64` per argument: the last value.
    pub const LAST: i16 = SEEN + (BUCKETS * ABIS * NUMBERS) as i16;
    /// `u32` per argument: how many values, or [`WIDE`].
    pub const COUNT: i16 = LAST + (8 * ARGUMENTS) as i16;
    /// In bytes.
    pub const SIZE: u32 = COUNT as u32 + 4 * ARGUMENTS;
    /// More values than are kept.
    pub const WIDE: i32 = i32::MAX;
}

/// Where in a workload's life a call was seen.
pub mod bucket {
    /// Before the session's filter and before an exec: a runtime setting up.
    pub const SETUP: u32 = 0;
    /// After an exec, without a filter of its own: the workload, where no filter ever comes.
    pub const UNCONFINED: u32 = 1;
    /// Inside, and this plus the phase.
    pub const INSIDE: u32 = 2;
    /// After an exec under another root directory, without a filter of its own: a container's program, where no filter ever
    /// comes. In the session's second slot, so that the values of arguments are kept apart from those of the set-up.
    pub const ROOTED: u32 = 7;
}

/// Keys of [`Map::Values`].
pub mod values {
    /// `u64` value, `u32` slot, `u32` argument.
    pub const KEY: u32 = 16;
}

/// Keys of [`Map::Odd`].
pub mod odd {
    /// `u32` slot, `u32` bucket, `u32` ABI, `u32` number.
    pub const KEY: u32 = 16;
}

/// Keys of [`Map::Refused`].
pub mod refused {
    /// `u32` slot, `u32` ABI, `u32` number, `u32` errno; 0 where something else than an error was answered.
    pub const KEY: u32 = 16;
}

/// Records of [`Map::Events`].
pub mod event {
    /// `u32` [`CALL`] or [`EXEC`], `u32` slot, `u32` bucket, `u32` ABI times [`NUMBERS`](super::NUMBERS) plus number,
    /// `u64` process and thread, `u32` executable, `u32` nothing, `u64` time.
    pub const CALL_SIZE: u32 = 40;
    /// As [`CALL_SIZE`], and the executable's path.
    pub const EXEC_SIZE: u32 = CALL_SIZE + PATH;
    /// Bytes kept of a path.
    pub const PATH: u32 = 128;
    /// A call was seen for the first time.
    pub const CALL: i32 = 1;
    /// A program was executed.
    pub const EXEC: i32 = 2;
}

/// How many values are kept of an argument of a session.
pub const VALUES_PER_ARGUMENT: i32 = MAX_VALUES as i32;
/// Where the masks begin among a plan's bytes.
pub const PLAN_MASKS: u32 = 4 * ABIS * NUMBERS;
/// Bytes of a plan.
pub const PLAN_SIZE: u32 = PLAN_MASKS + 8 * ARGUMENTS;
/// The lowest bit that stands for an argument in a plan's word; the bits below are the number of the first one.
pub const PLAN_FIRST_BIT: u32 = 16;

/// An argument that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The ABI.
    pub arch: Arch,
    /// The call.
    pub nr: u32,
    /// Which argument.
    pub index: u8,
    /// The bits that are kept.
    pub mask: u64,
}

/// Which arguments are kept, of which calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// In the order of their numbers in the maps.
    pub kept: Vec<Kept>,
    /// The machine's ABIs.
    pub abis: [Arch; ABIS as usize],
}

impl Plan {
    /// All that [`callgate_core::args`] holds worth learning.
    ///
    /// The first argument is number 1, so that 0 stands for a call of which none is kept.
    pub fn new(abis: [Arch; ABIS as usize]) -> Self {
        let mut kept = Vec::new();
        for arch in abis {
            for nr in 0..NUMBERS {
                let params =
                    sysno::name(arch, nr).and_then(|name| args::params_on(arch, name)).unwrap_or_default();
                for (index, param) in params.iter().enumerate().take(6) {
                    let mask = learned_value(param, arch.truncate(u64::MAX)).unwrap_or(0);
                    if mask != 0 {
                        kept.push(Kept { arch, nr, index: index as u8, mask });
                    }
                }
            }
        }
        Self { kept, abis }
    }

    /// The bytes of [`Map::Plan`]: a word per ABI and number, and the masks.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; PLAN_SIZE as usize];
        for (i, kept) in self.kept.iter().enumerate() {
            let number = i as u32 + 1;
            let abi = u32::from(self.abis[0] != kept.arch);
            let at = 4 * (abi * NUMBERS + kept.nr) as usize;
            let mut word = u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap_or_default());
            if word == 0 {
                word = number;
            }
            word |= 1 << (PLAN_FIRST_BIT + u32::from(kept.index));
            bytes[at..at + 4].copy_from_slice(&word.to_ne_bytes());
            let at = (PLAN_MASKS + 8 * number) as usize;
            bytes[at..at + 8].copy_from_slice(&kept.mask.to_ne_bytes());
        }
        bytes
    }

    /// The argument with this number in the maps.
    pub fn argument(&self, number: u32) -> Option<&Kept> {
        self.kept.get((number as usize).checked_sub(1)?)
    }
}

/// The bucket of a phase, for what happens inside.
pub fn inside(phase: Phase) -> u32 {
    bucket::INSIDE + phase as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_argument_worth_learning_has_a_number() {
        for abis in [[Arch::X86_64, Arch::X86], [Arch::Aarch64, Arch::Arm]] {
            let plan = Plan::new(abis);
            assert!(plan.kept.len() > 400 && plan.kept.len() < ARGUMENTS as usize, "{}", plan.kept.len());
            assert_eq!(plan.argument(0), None);
        }
    }

    #[test]
    fn a_calls_word_has_its_first_argument_and_a_bit_for_each() {
        let plan = Plan::new([Arch::X86_64, Arch::X86]);
        let nr = sysno::number(Arch::X86_64, "socket").unwrap();
        let at = 4 * nr as usize;
        let word = u32::from_ne_bytes(plan.bytes()[at..at + 4].try_into().unwrap());
        let first = plan.argument(word & 0xffff).unwrap();
        assert_eq!((first.nr, first.index, word >> PLAN_FIRST_BIT), (nr, 0, 0b111));
    }

    #[test]
    fn every_number_of_the_tables_has_a_byte() {
        for arch in [Arch::X86_64, Arch::X86, Arch::Aarch64] {
            assert!(sysno::table(arch).iter().all(|e| e.nr < NUMBERS), "{arch:?}");
        }
    }

    #[test]
    fn phases_fit_into_the_buckets() {
        assert!(Phase::ALL.iter().all(|(phase, _)| inside(*phase) < bucket::ROOTED));
        const { assert!(bucket::ROOTED < BUCKETS) };
    }
}
