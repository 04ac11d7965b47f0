//! Counting: calls by ABI, executable and name, and the texts of their arguments, each read once.

use std::collections::BTreeMap;

use super::plan::{self, Wanted};
use super::text::{Next, argument};
use super::value;
use crate::arch::Arch;
use crate::import::name::{self, Resolved};
use crate::trace::{Observation, Outcome, Phase, Trace};
use crate::{args, sysno};

/// Distinct texts of one argument that are looked up; further ones are read anew each time.
const MAX_TEXTS: usize = 64;
/// Distinct values kept of one argument; the trace keeps fewer.
const MAX_VALUES: usize = 1024;
/// Executables told apart; calls of further ones belong to none in particular.
const MAX_EXECUTABLES: usize = 512;
/// Places of a scope's cache: a power of two.
const PLACES: usize = 128;
/// Longer names are looked up the slow way.
const SHORT: usize = 23;

/// What a call does to processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follow {
    /// Nothing that matters here.
    Nothing,
    /// Puts another executable into this process.
    Exec,
    /// The same, with a directory before the path: execveat(2).
    ExecAt,
    /// Makes a process or a thread.
    Fork,
}

/// One call of one executable.
#[derive(Debug)]
pub(super) struct Cell {
    pub(super) arch: Arch,
    pub(super) name: Box<str>,
    pub(super) resolved: Resolved,
    executable: u32,
    phase: Phase,
    first_ms: u64,
    /// How often; `None`: the table does not say.
    pub(super) count: Option<u64>,
    /// How often it ended with EPERM or ENOSYS.
    pub(super) denied: u64,
    pub(super) follow: Follow,
    wanted: Vec<Wanted>,
    texts: Vec<Texts>,
}

/// The texts of one argument.
#[derive(Debug, Default)]
struct Texts {
    list: Vec<Text>,
    /// Where the last one was found: calls of one kind come in groups.
    last: usize,
    /// Values of texts beyond the list.
    more: BTreeMap<u64, u64>,
    /// Some call did not show it.
    any: bool,
}

#[derive(Debug)]
struct Text {
    bytes: Box<[u8]>,
    value: Option<u64>,
    count: u64,
}

/// Arguments of one call that were not understood: by register.
pub(super) type Unknown = Vec<u8>;

/// What one name means to one executable in one ABI.
struct Scope {
    arch: Arch,
    executable: u32,
    cache: Box<[Place; PLACES]>,
    cells: BTreeMap<Box<[u8]>, usize>,
}

#[derive(Clone, Copy, Default)]
struct Place {
    name: [u8; SHORT],
    length: u8,
    cell: u32,
}

/// Where a name lies in the cache.
fn place(name: &[u8]) -> usize {
    let byte = |at: usize| usize::from(name.get(at).copied().unwrap_or(0));
    let last = name.len().saturating_sub(1);
    (byte(0) ^ byte(last / 2) << 2 ^ byte(last) << 4 ^ byte(1) << 1 ^ name.len() << 3) % PLACES
}

/// All that was counted.
pub(super) struct Tally {
    pub(super) cells: Vec<Cell>,
    scopes: Vec<Scope>,
    by_scope: BTreeMap<(Arch, u32), usize>,
    executables: Vec<String>,
    ids: BTreeMap<String, u32>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            cells: Vec::new(),
            scopes: Vec::new(),
            by_scope: BTreeMap::new(),
            executables: vec![String::new()],
            ids: BTreeMap::new(),
        }
    }
}

impl Tally {
    /// The number of an executable; 0 is the unknown one.
    pub(super) fn executable(&mut self, path: &str) -> u32 {
        if let Some(id) = self.ids.get(path) {
            return *id;
        }
        if self.executables.len() > MAX_EXECUTABLES {
            return 0;
        }
        let id = self.executables.len() as u32;
        self.executables.push(path.to_owned());
        self.ids.insert(path.to_owned(), id);
        id
    }

    /// The program that the log begins with; empty where it was running already.
    pub(super) fn command(&self) -> &str {
        let first = self.cells.first().filter(|c| c.phase == Phase::Floor);
        first.and_then(|c| self.executables.get(c.executable as usize)).map_or("", String::as_str)
    }

    /// The scope of an executable in an ABI.
    pub(super) fn scope(&mut self, arch: Arch, executable: u32) -> usize {
        let scopes = &mut self.scopes;
        *self.by_scope.entry((arch, executable)).or_insert_with(|| {
            let cache = Box::new([Place::default(); PLACES]);
            scopes.push(Scope { arch, executable, cache, cells: BTreeMap::new() });
            scopes.len() - 1
        })
    }

    /// The cell of a name that was met before.
    pub(super) fn known(&mut self, scope: usize, name: &[u8]) -> Option<usize> {
        let scope = self.scopes.get_mut(scope)?;
        let place = &mut scope.cache[place(name)];
        if usize::from(place.length) == name.len() && place.name[..name.len()] == *name {
            return Some(place.cell as usize);
        }
        let cell = *scope.cells.get(name)?;
        if name.len() <= SHORT {
            place.name[..name.len()].copy_from_slice(name);
            place.length = name.len() as u8;
            place.cell = cell as u32;
        }
        Some(cell)
    }

    /// Makes the cell of a name that was not met before; `None`: the ABI has no such call.
    pub(super) fn meet(
        &mut self,
        scope: usize,
        name: &[u8],
        number: Option<u32>,
        at_ms: u64,
    ) -> Option<usize> {
        let (arch, executable) = self.scopes.get(scope).map(|s| (s.arch, s.executable))?;
        let cell = self.make((arch, executable), name, number, (Phase::Unphased, at_ms))?;
        self.scopes[scope].cells.insert(name.into(), cell);
        Some(cell)
    }

    /// Gives a cell another name in its scope.
    pub(super) fn alias(&mut self, scope: usize, name: &[u8], cell: usize) {
        if let Some(scope) = self.scopes.get_mut(scope) {
            scope.cells.insert(name.into(), cell);
        }
    }

    /// Says which program the call that starts it has started: that call is the program's own floor.
    pub(super) fn start(&mut self, cell: usize, executable: u32) {
        if let Some(cell) = self.cells.get_mut(cell).filter(|c| c.phase == Phase::Floor) {
            cell.executable = executable;
        }
    }

    /// Makes a cell that no later line adds to.
    pub(super) fn make(
        &mut self,
        (arch, executable): (Arch, u32),
        name: &[u8],
        number: Option<u32>,
        (phase, first_ms): (Phase, u64),
    ) -> Option<usize> {
        let name = std::str::from_utf8(name).ok()?;
        let resolved = name::resolve(arch, name, number)?;
        // The arguments are those strace decodes: of the call named, whichever call carried it out.
        let call = resolved.nr.and_then(|nr| sysno::name(arch, nr)).unwrap_or(name);
        let wanted = if resolved.nr.is_some() { plan::of(arch, call) } else { Vec::new() };
        let follow = match call {
            "execve" => Follow::Exec,
            "execveat" => Follow::ExecAt,
            "fork" | "vfork" | "clone" | "clone3" => Follow::Fork,
            _ => Follow::Nothing,
        };
        let texts = wanted.iter().map(|_| Texts::default()).collect();
        let (name, count, denied) = (call.into(), Some(0), 0);
        let cell =
            Cell { arch, name, resolved, executable, phase, first_ms, count, denied, follow, wanted, texts };
        self.cells.push(cell);
        Some(self.cells.len() - 1)
    }

    /// Folds everything into a trace, in the order in which it was first seen.
    pub(super) fn fold(&self, trace: &mut Trace) {
        for cell in &self.cells {
            if let Some(nr) = cell.resolved.nr {
                trace.observe_call(&self.observation(cell, nr, cell.count));
                cell.fold(trace, nr);
            }
            if let Some(carrier) = cell.resolved.carrier {
                // Which of two calls it was is not known: seen, and not counted.
                let count = cell.count.filter(|_| cell.resolved.nr.is_none());
                trace.observe_call(&self.observation(cell, carrier.nr, count));
                let key = (cell.arch, carrier.nr, Outcome::Made);
                trace.observe_argument(key, 0, Some(carrier.call), count);
            }
        }
    }

    fn observation(&self, cell: &Cell, nr: u32, count: Option<u64>) -> Observation {
        Observation {
            arch: cell.arch,
            nr,
            args: [0; 6],
            outcome: Outcome::Made,
            count,
            phase: cell.phase,
            executable: self.executables.get(cell.executable as usize).cloned().unwrap_or_default(),
            at_ms: cell.first_ms,
        }
    }
}

impl Cell {
    /// Counts one call.
    pub(super) fn add(&mut self, calls: u64) {
        self.count = self.count.map(|n| n.saturating_add(calls));
    }

    /// Whether its arguments are to be looked at.
    pub(super) fn learns(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// Takes note that arguments were not shown.
    pub(super) fn learn_nothing(&mut self) {
        self.texts.iter_mut().for_each(|t| t.any = true);
    }

    /// Learns from the text after the parenthesis; returns what was not understood.
    pub(super) fn learn(&mut self, text: &[u8]) -> Unknown {
        let mut unknown = Unknown::new();
        if self.wanted.first().is_some_and(|w| w.label.is_some()) && self.learn_labelled(text, &mut unknown) {
            return unknown;
        }
        let (mut at, mut printed, mut next) = (0, 0, 0);
        while let Some(wanted) = self.wanted.get(next).copied() {
            let (end, after) = argument(text, at);
            let cut = after == Next::Cut;
            // `f()` has no argument, not an empty one.
            let none = end == at && printed == 0 && !cut;
            if wanted.printed == printed && !none {
                if cut || !self.learn_text(next, &text[at..end]) {
                    self.texts[next].any = true;
                    unknown.push(wanted.index);
                }
                next += 1;
            }
            printed += 1;
            match after {
                Next::Argument(place) => at = place,
                Next::Close(_) => break,
                Next::Cut => {
                    unknown.extend(self.wanted.iter().skip(next).map(|w| w.index));
                    break;
                }
            }
        }
        // strace leaves out what the kernel does not look at (the mode of an open that creates nothing): any value.
        self.texts.iter_mut().skip(next).for_each(|t| t.any = true);
        unknown
    }

    /// Learns an argument that is found by its label; `false`: none is labelled (`-e raw=clone`).
    fn learn_labelled(&mut self, text: &[u8], unknown: &mut Unknown) -> bool {
        let Some(Wanted { index, label: Some(label), .. }) = self.wanted.first().copied() else {
            return false;
        };
        let mut at = 0;
        loop {
            let (end, next) = argument(text, at);
            if text[at..end].starts_with(label) {
                if next == Next::Cut || !self.learn_text(0, &text[at..end]) {
                    self.texts[0].any = true;
                    unknown.push(index);
                }
                return true;
            }
            match next {
                Next::Argument(place) => at = place,
                _ => return false,
            }
        }
    }

    /// Counts one text of one argument; whether it was understood.
    fn learn_text(&mut self, which: usize, text: &[u8]) -> bool {
        let texts = &mut self.texts[which];
        if let Some(known) = texts.find(text) {
            known.count += 1;
            return known.value.is_some();
        }
        let index = self.wanted[which].index;
        let value = value::register(self.arch, &self.name, index, text);
        if texts.list.len() < MAX_TEXTS {
            texts.last = texts.list.len();
            texts.list.push(Text { bytes: text.into(), value, count: 1 });
        } else if let Some(value) = value {
            let dangerous = args::danger(self.arch, &self.name, usize::from(index), value).is_some();
            let most = if dangerous { 2 * MAX_VALUES } else { MAX_VALUES };
            if texts.more.len() < most || texts.more.contains_key(&value) {
                *texts.more.entry(value).or_default() += 1;
            } else {
                texts.any = true;
            }
        }
        texts.any |= value.is_none();
        value.is_some()
    }

    fn fold(&self, trace: &mut Trace, nr: u32) {
        let key = (self.arch, nr, Outcome::Made);
        for (wanted, texts) in self.wanted.iter().zip(&self.texts) {
            for text in &texts.list {
                trace.observe_argument(key, wanted.index, text.value, Some(text.count));
            }
            for (value, count) in &texts.more {
                trace.observe_argument(key, wanted.index, Some(*value), Some(*count));
            }
            if texts.any {
                trace.observe_argument(key, wanted.index, None, None);
            }
        }
    }
}

impl Texts {
    fn find(&mut self, text: &[u8]) -> Option<&mut Text> {
        let last = self.last;
        if self.list.get(last).is_some_and(|t| *t.bytes == *text) {
            return self.list.get_mut(last);
        }
        self.last = self.list.iter().position(|t| *t.bytes == *text)?;
        self.list.get_mut(self.last)
    }
}
