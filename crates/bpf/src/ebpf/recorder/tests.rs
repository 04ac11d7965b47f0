//! The programs as text, for whoever reads them line by line, and what they do without a kernel.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::layout::{event, globals, slot, task};
use super::*;
use crate::ebpf::disasm::disassemble;
use crate::ebpf::interpret::{self, Fault, Stack};

/// Offsets of no kernel in particular, far apart.
const OFFSETS: Offsets = Offsets {
    filter_count: 3000,
    group_leader: 2000,
    compat: (16, 2),
    arguments: [112, 104, 96, 56, 72, 64],
    compat_arguments: [40, 88, 96, 104, 112, 32],
    number: (120, true),
    fs: 2400,
    root: 32,
    interp: 96,
    cgroup: CgroupOffsets {
        cgroups: 2800,
        unified: 136,
        subsys: 0,
        of_subsys: 0,
        level: 224,
        ancestors: 8000,
        node: 256,
        root: 264,
        hierarchy: 4100,
        id: 96,
    },
};

#[test]
fn the_programs_are_what_their_reviewed_text_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ebpf/recorder/golden");
    for hook in Hook::ALL {
        for (scope, name) in [(Scope::Tree, "tree"), (Scope::Cgroup(Some(8)), "cgroup")] {
            let text = disassemble(&hook.program(&OFFSETS, scope).unwrap());
            let file = folder.join(format!("{}-{name}.txt", hook.name()));
            if std::env::var_os("CALLGATE_BLESS").is_some() {
                fs::create_dir_all(&folder).unwrap();
                fs::write(&file, &text).unwrap();
            }
            let expected = fs::read_to_string(&file).unwrap_or_default();
            assert!(text == expected, "{} differs: read it, and take it by CALLGATE_BLESS=1", file.display());
        }
    }
}

/// Where things are in the memory of the fake kernel.
const TASK: u64 = 0x1_0000_0000;
const LEADER: u64 = 0x2_0000_0000;
const REGISTERS: u64 = 0x3_0000_0000;
const CONTEXT: u64 = 0x4_0000_0000;
const STORAGE: u64 = 0x5_0000_0000;
const VALUES: u64 = 0x6_0000_0000;
/// Each map has this much room.
const MAP: u64 = 0x10_0000_0000;
const MAPS: u64 = 0x100_0000_0000;

/// A kernel of one task.
#[derive(Default)]
struct Fake {
    memory: BTreeMap<u64, u8>,
    /// Tasks that have storage.
    stored: Vec<u64>,
    /// Hashes: map and key to where the value is.
    hashes: BTreeMap<(u64, Vec<u8>), u64>,
    full: bool,
    events: usize,
}

impl Fake {
    fn get(&self, at: u64, bytes: usize) -> u64 {
        (0..bytes as u64).rev().fold(0, |n, i| n << 8 | u64::from(*self.memory.get(&(at + i)).unwrap_or(&0)))
    }

    fn set(&mut self, at: u64, bytes: usize, value: u64) {
        for i in 0..bytes {
            self.memory.insert(at + i as u64, (value >> (8 * i)) as u8);
        }
    }

    fn map_at(map: Map) -> u64 {
        MAPS + MAP * map as u64
    }

    fn storage_of(task: u64) -> u64 {
        STORAGE + (task >> 32) * 0x100
    }

    fn slot(number: u64) -> u64 {
        Self::map_at(Map::Slots) + number * u64::from(slot::SIZE)
    }

    fn seen(&self, slot: u64, bucket: u64, call: u64) -> bool {
        self.get(Self::slot(slot) + slot::SEEN as u64 + bucket * 1024 + call, 1) == 1
    }

    /// A marked task, inside since its exec.
    fn marked() -> Self {
        let mut fake = Self::default();
        fake.set(TASK + OFFSETS.group_leader as u64, 8, LEADER);
        fake.set(CONTEXT, 8, REGISTERS);
        fake.set(Self::map_at(Map::Globals) + u64::from(globals::PHASE), 4, 4);
        fake.stored.push(TASK);
        let at = Self::storage_of(TASK);
        fake.set(at + task::SLOT as u64, 4, 2);
        fake.set(at + task::FLAGS as u64, 4, (task::INSIDE | task::EXECUTED) as u64);
        for (i, byte) in Plan::new(Machine::X86.abis()).bytes().into_iter().enumerate() {
            fake.set(Self::map_at(Map::Plan) + i as u64, 1, byte.into());
        }
        fake
    }

    fn run(&mut self, hook: Hook, second: u64) {
        self.set(CONTEXT + 8, 8, second);
        let program = hook.program(&OFFSETS, Scope::Tree).unwrap();
        assert_eq!(interpret::run(&program, CONTEXT, self), Ok(0));
    }

    fn call(&mut self, name: &str, args: [u64; 6]) {
        for (offset, value) in OFFSETS.arguments.into_iter().zip(args) {
            self.set(REGISTERS + offset as u64, 8, value);
        }
        let nr = callgate_core::sysno::number(callgate_core::Arch::X86_64, name).unwrap();
        self.set(REGISTERS + OFFSETS.number.0 as u64, 8, nr.into());
        self.run(Hook::Enter, nr.into());
    }

    fn loss(&self, loss: Loss) -> u64 {
        self.get(Self::map_at(Map::Globals) + u64::from(loss.at()), 8)
    }
}

impl interpret::Kernel for Fake {
    type Map = Map;

    fn call(&mut self, helper: Helper, args: [u64; 5], stack: &mut Stack) -> Result<u64, Fault> {
        let key = |stack: &Stack, size: usize| stack.read(args[1], size);
        Ok(match helper {
            Helper::GetCurrentTaskBtf => TASK,
            Helper::GetSmpProcessorId => 3,
            Helper::GetCurrentPidTgid => 7 << 32 | 8,
            Helper::KtimeGetNs => 99,
            Helper::TaskStorageGet if self.stored.contains(&args[1]) => Self::storage_of(args[1]),
            Helper::TaskStorageGet if args[3] == 1 && !self.full => {
                self.stored.push(args[1]);
                let at = Self::storage_of(args[1]);
                // Its first value is on the stack, or it is all zeroes.
                if args[2] != 0 {
                    let first = stack.read(args[2], task::SIZE as usize)?;
                    first.iter().zip(0..).for_each(|(byte, i)| self.set(at + i, 1, (*byte).into()));
                }
                at
            }
            Helper::TaskStorageGet => 0,
            Helper::MapLookup if args[0] == Self::map_at(Map::Slots) => {
                let number = u32::from_le_bytes(key(stack, 4)?.try_into().unwrap());
                Self::slot(number.into())
            }
            Helper::MapLookup => self.hashes.get(&(args[0], key(stack, 16)?)).copied().unwrap_or(0),
            Helper::MapUpdate if self.full => -7_i64 as u64,
            Helper::MapUpdate => {
                let at = VALUES + 8 * self.hashes.len() as u64;
                let value = u64::from_le_bytes(stack.read(args[2], 8)?.try_into().unwrap());
                self.set(at, 8, value);
                self.hashes.insert((args[0], key(stack, 16)?), at);
                0
            }
            Helper::RingbufOutput => {
                assert!([event::CALL_SIZE, event::EXEC_SIZE].map(u64::from).contains(&args[2]));
                stack.read(args[1], args[2] as usize)?;
                self.events += 1;
                0
            }
            Helper::ProbeReadKernelStr => {
                let bytes: Vec<u8> = (0..args[1]).map(|i| self.get(args[2] + i, 1) as u8).collect();
                let length = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len() - 1);
                stack.write(args[0], &[&bytes[..length], &[0]].concat())?;
                length as u64 + 1
            }
            Helper::ProbeReadKernel => -14_i64 as u64,
        })
    }

    fn map(&mut self, map: Map) -> u64 {
        Self::map_at(map)
    }

    fn map_value(&mut self, map: Map, off: u32) -> u64 {
        Self::map_at(map) + u64::from(off)
    }

    fn read(&mut self, address: u64, size: Size) -> Result<u64, Fault> {
        Ok(self.get(address, size.bytes()))
    }

    fn write(&mut self, address: u64, size: Size, value: u64) -> Result<(), Fault> {
        self.set(address, size.bytes(), value);
        Ok(())
    }
}

/// openat(AT_FDCWD, path, 0x241, mode)
const OPEN: [u64; 6] = [-100_i64 as u64, 0x7fff_0000, 0x241, 0o644, 0, 0];

#[test]
fn a_call_is_marked_once_with_its_values_and_told_once() {
    let mut fake = Fake::marked();
    fake.call("openat", OPEN);
    fake.call("openat", OPEN);
    assert!(fake.seen(1, 6, 257));
    assert_eq!(fake.events, 1);
    // Flags and mode; neither the descriptor nor the pointer.
    assert_eq!(fake.hashes.len(), 2, "{:?}", fake.hashes);
    fake.call("openat", [OPEN[0], 1, 0x80000, 0o644, 0, 0]);
    assert_eq!(fake.hashes.len(), 3);
}

#[test]
fn a_task_that_is_not_marked_leaves_no_trace() {
    let mut fake = Fake::marked();
    fake.stored.clear();
    fake.set(Fake::storage_of(TASK), 4, 0);
    fake.call("openat", OPEN);
    assert!(!fake.seen(1, 6, 257) && fake.events == 0 && fake.hashes.is_empty());
    // It is remembered as such, so that it costs one look-up from now on.
    assert_eq!(fake.stored, [TASK]);
}

#[test]
fn a_thread_is_in_scope_as_its_leader_is() {
    let mut fake = Fake::marked();
    fake.stored = vec![LEADER];
    fake.set(Fake::storage_of(TASK), 8, 0);
    let at = Fake::storage_of(LEADER);
    fake.set(at + task::SLOT as u64, 4, 2);
    fake.set(at + task::FLAGS as u64, 4, (task::INSIDE | task::EXECUTED) as u64);
    fake.call("openat", OPEN);
    assert!(fake.seen(1, 6, 257));
}

#[test]
fn what_comes_before_the_filter_is_kept_apart_and_its_values_are_not_kept() {
    let mut fake = Fake::marked();
    let at = Fake::storage_of(TASK);
    fake.set(at + task::SLOT as u64, 4, 1);
    fake.set(at + task::FLAGS as u64, 4, 0);
    fake.call("openat", OPEN);
    assert!(fake.seen(0, 0, 257) && fake.hashes.is_empty());
    fake.set(TASK + OFFSETS.filter_count as u64, 4, 1);
    fake.call("openat", OPEN);
    // The floor: inside, and nothing was executed yet.
    assert!(fake.seen(1, 2, 257) && !fake.seen(1, 6, 257));
    assert_eq!(fake.get(Fake::slot(0) + slot::GREW as u64, 4), 1);
}

#[test]
fn without_a_filter_what_is_executed_under_another_root_is_told_from_what_set_it_up() {
    const FS: u64 = 0xc_0000_0000;
    let mut fake = Fake::marked();
    let at = Fake::storage_of(TASK);
    fake.set(at + task::SLOT as u64, 4, 5);
    fake.set(at + task::FLAGS as u64, 4, 0);
    fake.set(at + task::ROOT as u64, 8, 0x1000);
    fake.set(TASK + OFFSETS.fs as u64, 8, FS);
    let exec = |fake: &mut Fake, root: u64| {
        fake.set(FS + OFFSETS.root as u64, 8, root);
        fake.set(CONTEXT, 8, TASK);
        fake.run(Hook::Exec, 0);
        fake.set(CONTEXT, 8, REGISTERS);
    };
    // A runtime that executes itself anew, and then the container's program.
    exec(&mut fake, 0x1000);
    fake.call("openat", OPEN);
    assert!(fake.seen(4, 1, 257) && !fake.seen(5, 7, 257));
    exec(&mut fake, 0x2000);
    fake.call("openat", OPEN);
    assert!(fake.seen(5, 7, 257));
    // A filter outdoes that: what came before it belongs to nobody.
    fake.set(TASK + OFFSETS.filter_count as u64, 4, 1);
    fake.call("openat", OPEN);
    assert!(fake.seen(5, 2, 257));
    assert_eq!(fake.get(at + task::SLOT as u64, 4), 6);
    exec(&mut fake, 0x3000);
    fake.call("getppid", [0; 6]);
    assert!(fake.seen(5, 6, 110) && !fake.seen(5, 7, 110));
}

#[test]
fn every_call_in_scope_is_counted_and_no_other() {
    let mut fake = Fake::marked();
    for _ in 0..3 {
        fake.call("getppid", [0; 6]);
    }
    let line = Fake::map_at(Map::Globals) + u64::from(globals::CALLS + 3 * globals::CALLS_STRIDE);
    assert_eq!(fake.get(line, 8), 3);
    fake.set(Fake::storage_of(TASK), 4, 0);
    fake.call("getppid", [0; 6]);
    assert_eq!(fake.get(line, 8), 3);
}

#[test]
fn more_values_than_are_kept_widen_the_argument() {
    let mut fake = Fake::marked();
    for value in 0..100 {
        fake.call("openat", [0, 0, value << 20, 0, 0, 0]);
    }
    let counts = (1..1024).map(|i| fake.get(Fake::slot(1) + slot::COUNT as u64 + 4 * i, 4));
    assert_eq!(counts.filter(|n| *n == slot::WIDE as u64).count(), 1);
    assert_eq!(fake.hashes.len(), 64 + 1);
}

#[test]
fn every_lack_of_room_is_counted() {
    let mut fake = Fake::marked();
    fake.full = true;
    fake.call("openat", OPEN);
    assert_eq!(fake.loss(Loss::Values), 2);
    fake.run(Hook::Enter, 777);
    assert_eq!(fake.loss(Loss::OddNumbers), 1);
    fake.stored.clear();
    fake.call("openat", OPEN);
    assert_eq!(fake.loss(Loss::TaskMemory), 1);
}

#[test]
fn an_end_without_a_beginning_is_a_refusal_once_a_beginning_was_seen() {
    let mut fake = Fake::marked();
    fake.set(TASK + OFFSETS.filter_count as u64, 4, 1);
    fake.set(REGISTERS + OFFSETS.number.0 as u64, 8, 110);
    // It began before we looked.
    fake.run(Hook::Exit, -4_i64 as u64);
    assert!(fake.hashes.is_empty());
    fake.call("getppid", [0; 6]);
    fake.run(Hook::Exit, 1);
    assert!(fake.hashes.is_empty());
    for _ in 0..3 {
        fake.run(Hook::Exit, -38_i64 as u64);
    }
    let at = *fake.hashes.values().next().unwrap();
    assert_eq!((fake.hashes.len(), fake.get(at, 8)), (1, 3));
}

#[test]
fn a_childs_return_from_the_call_that_made_it_is_no_answer_of_anybody() {
    const CHILD: u64 = 0xb_0000_0000;
    for returns in [true, false] {
        let mut fake = Fake::marked();
        fake.set(TASK + OFFSETS.filter_count as u64, 4, 1);
        fake.set(CONTEXT, 8, TASK);
        fake.run(Hook::Fork, CHILD);
        // What was kept for the child, as if it ran now.
        let (ours, theirs) = (Fake::storage_of(TASK), Fake::storage_of(CHILD));
        (0..u64::from(task::SIZE)).for_each(|i| fake.set(ours + i, 1, fake.get(theirs + i, 1)));
        fake.set(CONTEXT, 8, REGISTERS);
        if returns {
            fake.run(Hook::Exit, 0);
        }
        assert!(fake.hashes.is_empty());
        // Refusals of its first call are seen, whether the machine shows that return or not.
        fake.run(Hook::Exit, -38_i64 as u64);
        assert_eq!(fake.hashes.len(), 1, "{returns}");
    }
}

#[test]
fn only_the_cgroup_that_is_waited_for_becomes_the_scope() {
    const CGROUP: u64 = 0x7_0000_0000;
    const ROOT: u64 = 0x8_0000_0000;
    const NODE: u64 = 0x9_0000_0000;
    const PATH: u64 = 0xa_0000_0000;
    let became = |awaited: &str, made: &str, hierarchy: u64| {
        let mut fake = Fake::default();
        let offsets = OFFSETS.cgroup;
        fake.set(CGROUP + offsets.root as u64, 8, ROOT);
        fake.set(ROOT + offsets.hierarchy as u64, 4, hierarchy);
        fake.set(CGROUP + offsets.node as u64, 8, NODE);
        fake.set(NODE + offsets.id as u64, 8, 4711);
        fake.set(CONTEXT, 8, CGROUP);
        let globals = Fake::map_at(Map::Globals);
        for (at, text) in [(PATH, made), (globals + u64::from(globals::AWAITED), awaited)] {
            text.bytes().zip(0..).for_each(|(byte, i)| fake.set(at + i, 1, byte.into()));
        }
        fake.run(Hook::Made, PATH);
        (
            fake.get(globals + u64::from(globals::CGROUP), 8),
            fake.get(globals + u64::from(globals::GENERATION), 4),
        )
    };
    assert_eq!(became("/a/b", "/a/b", 0), (4711, 1));
    // One that is cut is as long as there is room for, and so a shorter one is never taken for it.
    let longest = "/".to_owned() + &"x".repeat(253);
    assert_eq!(became(&longest, &longest, 0), (4711, 1));
    assert_eq!(became(&longest, &format!("{longest}/y"), 0), (0, 0));
    for (awaited, made, hierarchy) in
        [("/a/b", "/a/bc", 0), ("/a/bc", "/a/b", 0), ("/a/b", "/a", 0), ("/a/b", "/a/b", 7)]
    {
        assert_eq!(became(awaited, made, hierarchy), (0, 0), "{made} for {awaited}");
    }
}
