//! Maps and programs in the kernel.

use std::fmt::Display;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use callgate_bpf::ebpf::btf::{self, Btf, Kind};
use callgate_bpf::ebpf::recorder::layout::{
    MAX_ODD, MAX_REFUSED, MAX_VALUES_ALL, PLAN_SIZE, RING_BYTES, SLOTS, globals, odd, refused, slot, task,
    values,
};
use callgate_bpf::ebpf::recorder::{Hook, Machine, Map, Offsets, Plan, Scope};

use super::Target;
use super::available::BTF;
use crate::error::{Doing, Error, Result};
use crate::sys::bpf::{self, MapSpec, MapType};
use crate::sys::mapped::Mapped;

/// Everything of one recording that lives in the kernel.
#[derive(Debug)]
pub(super) struct Kernel {
    pub(super) globals: Mapped,
    pub(super) slots: Mapped,
    pub(super) tasks: OwnedFd,
    pub(super) values: OwnedFd,
    pub(super) odd: OwnedFd,
    pub(super) refused: OwnedFd,
    pub(super) events: OwnedFd,
    pub(super) plan: Plan,
    programs: Vec<(Hook, OwnedFd)>,
    links: Vec<OwnedFd>,
}

/// What each map is to be.
fn spec(map: Map) -> MapSpec {
    let (kind, key, value, entries, flags) = match map {
        Map::Tasks => (MapType::TaskStorage, 4, task::SIZE, 0, bpf::NO_PREALLOC),
        Map::Globals => (MapType::Array, 4, globals::SIZE, 1, bpf::MAPPABLE),
        Map::Plan => (MapType::Array, 4, PLAN_SIZE, 1, bpf::READ_ONLY_IN_PROGRAMS),
        Map::Slots => (MapType::Array, 4, slot::SIZE, SLOTS, bpf::MAPPABLE),
        Map::Values => (MapType::Hash, values::KEY, 8, MAX_VALUES_ALL, 0),
        Map::Odd => (MapType::Hash, odd::KEY, 8, MAX_ODD, 0),
        Map::Refused => (MapType::Hash, refused::KEY, 8, MAX_REFUSED, 0),
        Map::Events => (MapType::Ring, 0, 0, RING_BYTES, 0),
    };
    MapSpec { name: Map::ALL[map as usize].1, kind, key, value, entries, flags }
}

impl Kernel {
    /// Makes the maps and loads the programs; nothing is attached yet.
    pub(super) fn load(target: &Target) -> Result<Self> {
        let blob = fs::read(BTF).doing(format!("read {BTF}, the kernel's own types"))?;
        let types = Btf::read(&blob).map_err(|e| unsupported(format!("read {BTF}"), &e))?;
        let machine = Machine::native()
            .ok_or_else(|| unsupported("record by eBPF", &"this architecture is not known"))?;
        let offsets = Offsets::read(&types, machine)
            .map_err(|e| unsupported("find what the recorder reads in this kernel", &e))?;
        let scope = scope(target, &types)?;
        let plan = Plan::new(machine.abis());
        let maps = create_maps()?;
        let map = |map: Map| maps[map as usize].as_fd();
        bpf::update(map(Map::Plan), &0_u32.to_ne_bytes(), &plan.bytes())
            .doing("write the plan of arguments")?;
        bpf::freeze(map(Map::Plan)).doing("freeze the plan of arguments")?;
        let mut programs = Vec::new();
        for hook in Hook::ALL {
            let program = hook
                .program(&offsets, scope)
                .map_err(|e| unsupported(format!("put together the program for {}", hook.name()), &e))?;
            let bytes = program.bytes(|m| map(m).as_raw_fd());
            let kind = format!("btf_trace_{}", hook.name());
            let Some(id) = types.id(Kind::Typedef, &kind) else {
                return Err(Error::new(
                    format!("find the tracepoint {} in this kernel", hook.name()),
                    io::ErrorKind::NotFound,
                ));
            };
            let fd = bpf::load_program("callgate", &bytes, id).map_err(|e| rejected(hook, e))?;
            programs.push((hook, fd));
        }
        let globals = Mapped::new(map(Map::Globals), globals::SIZE as usize, 0, true);
        let slots = Mapped::new(map(Map::Slots), (slot::SIZE * SLOTS) as usize, 0, false);
        let [tasks, _globals, _plan, _slots, values, odd, refused, events] = maps;
        Ok(Self {
            globals: globals.doing("map the recorder's globals")?,
            slots: slots.doing("map what was seen")?,
            tasks,
            values,
            odd,
            refused,
            events,
            plan,
            programs,
            links: Vec::new(),
        })
    }

    /// Attaches a program until the end of the recording.
    pub(super) fn attach(&mut self, hook: Hook) -> Result<()> {
        for (_, program) in self.programs.iter().filter(|(h, _)| *h == hook) {
            let link = bpf::attach(program.as_fd()).doing(format!("attach to {}", hook.name()))?;
            self.links.push(link);
        }
        Ok(())
    }

    /// Every descriptor.
    pub(super) fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        let maps = [&self.tasks, &self.values, &self.odd, &self.refused, &self.events];
        let programs = self.programs.iter().map(|(_, fd)| fd);
        maps.into_iter().chain(programs).chain(&self.links).map(AsFd::as_fd).collect()
    }

    /// How often programs could not run because they ran already.
    pub(super) fn missed(&self) -> io::Result<u64> {
        let mut sum = 0_u64;
        for (_, program) in &self.programs {
            sum = sum.saturating_add(bpf::missed(program.as_fd())?);
        }
        Ok(sum)
    }
}

/// Who is recorded, as the programs ask for it.
fn scope(target: &Target, types: &Btf<'_>) -> Result<Scope> {
    let Target::Cgroup(cgroup) = target else { return Ok(Scope::Tree) };
    let Some(controller) = cgroup.controller() else { return Ok(Scope::Cgroup(None)) };
    // `blkio` is the name of v1, `io` that of the kernel.
    let name = if controller == "blkio" { "io" } else { controller };
    let number = types.enumerator(&format!("{name}_cgrp_id")).and_then(|n| u8::try_from(n).ok());
    let number = number.ok_or_else(|| {
        unsupported(format!("record by the controller `{controller}`"), &"this kernel has none")
    })?;
    Ok(Scope::Cgroup(Some(number)))
}

/// All maps, in the order of [`Map::ALL`].
fn create_maps() -> Result<[OwnedFd; Map::ALL.len()]> {
    let (blob, key, value) = btf::for_map(task::SIZE / 4);
    let types = bpf::load_btf(&blob).doing("give the kernel the type of what is kept for a task")?;
    let mut maps = Vec::new();
    for (map, name) in Map::ALL {
        let types = (map == Map::Tasks).then(|| (types.as_fd(), key, value));
        maps.push(bpf::create_map(&spec(map), types).doing(format!("make the map `{name}` for eBPF"))?);
    }
    maps.try_into().map_err(|_maps: Vec<_>| unsupported("make maps for eBPF", &"one is missing"))
}

/// Something this kernel lacks. The errno survives the way to whoever reports it, the reason is the hint.
fn unsupported(doing: impl Into<String>, reason: &dyn Display) -> Error {
    Error::new(doing, io::Error::from_raw_os_error(libc::ENOTSUP)).hint(reason.to_string())
}

/// The verifier's last words belong to whoever reports this.
fn rejected(hook: Hook, rejected: bpf::Rejected) -> Error {
    let error = Error::new(format!("load the program for {}", hook.name()), rejected.source);
    if rejected.log.is_empty() {
        return error;
    }
    let lines: Vec<_> = rejected.log.trim_end().lines().collect();
    let last = lines[lines.len().saturating_sub(12)..].join("\n  ");
    error.hint(format!("this kernel's verifier refuses it; please report this:\n  {last}"))
}
