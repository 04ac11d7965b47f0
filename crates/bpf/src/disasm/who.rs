//! Which calls get somewhere, by name.

use callgate_core::arch::X32_BIT;
use callgate_core::{Arch, args, sysno};

use super::flow::Reach;
use super::numbers::Numbers;
use crate::insn::{DATA_SIZE, OFFSET_ARGS, is_big_endian};

/// How many calls of an architecture are named before the rest is counted.
const NAMED: usize = 4;
/// More architectures than this, treated differently, are not told one by one.
const ARCHES: usize = 3;

/// Half of a 64-bit field of `seccomp_data`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Half {
    /// The argument; for the instruction pointer 0.
    pub(super) index: usize,
    /// Whether it is the more significant half.
    pub(super) upper: bool,
}

impl Half {
    /// The half at an offset; `None`: no half of a 64-bit field.
    pub(super) fn of(offset: u32, big_endian: bool) -> Option<Self> {
        let good = (8..DATA_SIZE).contains(&offset) && offset.is_multiple_of(4);
        let index = offset.saturating_sub(OFFSET_ARGS) as usize / 8;
        good.then(|| Self { index, upper: offset.is_multiple_of(8) == big_endian })
    }
}

/// The half at an offset. Where machines of both byte orders get there, the little-endian ones are meant.
pub(super) fn half(reach: &Reach, offset: u32) -> Option<Half> {
    let big = reach.tokens().all(|token| token.is_some_and(is_big_endian)) && reach.tokens().next().is_some();
    Half::of(offset, big)
}

/// The architecture that gets there, if it is one; x32 counts as x86_64.
pub(super) fn token(reach: &Reach) -> Option<Arch> {
    let mut tokens = reach.tokens();
    let token = tokens.next()??;
    if tokens.next().is_some() { None } else { Arch::ALL.into_iter().find(|arch| arch.token() == token) }
}

/// The raw numbers of one ABI, and whether it is all of them.
fn numbers_of(reach: &Reach, arch: Arch) -> Option<(Numbers, bool)> {
    let raw = reach.numbers(Some(arch.token()))?;
    let (first, last) = match arch {
        Arch::X86_64 => (0, X32_BIT - 1),
        Arch::X32 => (X32_BIT, u32::MAX - 1),
        _ => (0, u32::MAX),
    };
    let own = raw.within(first, last);
    (!own.is_empty()).then(|| {
        let whole = own.intervals() == [(first, last)];
        (own, whole)
    })
}

/// The names of the calls of one ABI that get there, and whether numbers without a name do, too.
fn names(numbers: &Numbers, arch: Arch) -> (Vec<&'static str>, bool) {
    let here = |entry: &&sysno::Entry| numbers.contains(arch.raw(entry.nr).1);
    let names: Vec<_> = sysno::table(arch).iter().filter(here).map(sysno::Entry::name).collect();
    let count: u64 = numbers.intervals().iter().map(|(first, last)| u64::from(last - first) + 1).sum();
    let unnamed = count > names.len() as u64;
    (names, unnamed)
}

/// The calls that get there, of all ABIs, as long as they are few.
fn few(reach: &Reach) -> Option<Vec<(Arch, &'static str)>> {
    if reach.numbers(None).is_some() {
        return None;
    }
    let mut calls = Vec::new();
    for arch in Arch::ALL {
        let Some((numbers, _)) = numbers_of(reach, arch) else { continue };
        let (names, unnamed) = names(&numbers, arch);
        if unnamed || calls.len() + names.len() > 32 {
            return None;
        }
        calls.extend(names.into_iter().map(|name| (arch, name)));
    }
    Some(calls)
}

/// The call that gets there, if it is the only one by name.
pub(super) fn only(reach: &Reach) -> Option<(Arch, &'static str)> {
    let calls = few(reach)?;
    let first = *calls.first()?;
    calls.iter().all(|(_, name)| *name == first.1).then_some(first)
}

/// The name of an argument, if all calls that get there call it so.
pub(super) fn param(reach: &Reach, index: usize) -> Option<&'static str> {
    let calls = few(reach)?;
    let mut names = calls.iter().map(|(arch, call)| Some(args::params_on(*arch, call)?.get(index)?.name));
    let first = names.next()??;
    names.all(|name| name == Some(first)).then_some(first)
}

/// The name of a raw number, if it has one on an architecture that gets there, and the same on all of them.
pub(super) fn name_at(reach: &Reach, raw: u32) -> Option<String> {
    let mut found = None;
    for token in reach.tokens() {
        let (arch, nr) = Arch::split(token?, raw)?;
        let name = sysno::name(arch, nr)?;
        let name = if arch == Arch::X32 { format!("x32 {name}") } else { name.to_owned() };
        if found.as_ref().is_some_and(|other| *other != name) {
            return None;
        }
        found = Some(name);
    }
    found
}

/// Which calls get there: `x86_64: read, write, open, close, 200 more`.
pub(super) fn text(reach: &Reach) -> String {
    // ABIs with the same text stand together.
    let mut parts: Vec<(Vec<&'static str>, String)> = Vec::new();
    for arch in Arch::ALL {
        let Some((numbers, whole)) = numbers_of(reach, arch) else { continue };
        let text = if whole { "every call".to_owned() } else { listed(&numbers, arch) };
        match parts.iter_mut().find(|(_, other)| *other == text) {
            Some((arches, _)) => arches.push(arch.name()),
            None => parts.push((vec![arch.name()], text)),
        }
    }
    let others = reach.numbers(None).is_some();
    if others && parts.iter().all(|(arches, text)| arches.len() == Arch::ALL.len() && text == "every call") {
        return if parts.is_empty() { "other architectures".to_owned() } else { "every call".to_owned() };
    }
    // Numbers of architectures without a table that are told apart: the filter does not check the architecture.
    let unchecked = reach.numbers(None).is_some_and(|numbers| *numbers != Numbers::all());
    if parts.len() > ARCHES || unchecked {
        return ranges(reach);
    }
    let mut texts: Vec<String> =
        parts.iter().map(|(arches, text)| format!("{}: {text}", arches_text(arches, others))).collect();
    if others && parts.iter().all(|(arches, _)| arches.len() <= ARCHES) {
        texts.push("other architectures".to_owned());
    }
    texts.join("; ")
}

/// Names of ABIs; most of them by those that are missing.
fn arches_text(arches: &[&str], others: bool) -> String {
    if !others || arches.len() <= ARCHES {
        return arches.join(", ");
    }
    let missing: Vec<_> =
        Arch::ALL.iter().map(|arch| arch.name()).filter(|name| !arches.contains(name)).collect();
    if missing.is_empty() { "any architecture".to_owned() } else { format!("any but {}", missing.join(", ")) }
}

fn listed(numbers: &Numbers, arch: Arch) -> String {
    let (names, unnamed) = names(numbers, arch);
    let mut parts: Vec<String> = names.iter().take(NAMED).map(|name| (*name).to_owned()).collect();
    if names.len() > NAMED {
        parts.push(format!("{} more", names.len() - NAMED));
    }
    if unnamed {
        parts.push("numbers without a name".to_owned());
    }
    parts.join(", ")
}

/// Where the architecture is not known, names mean nothing.
fn ranges(reach: &Reach) -> String {
    let mut all = Numbers::range(1, 0);
    for token in reach.tokens() {
        if let Some(numbers) = reach.numbers(token) {
            all = all.union(numbers);
        }
    }
    let one = |(first, last): &(u32, u32)| match (first, last) {
        (first, last) if first == last => format!("{first}"),
        (first, &u32::MAX) => format!("{first} and up"),
        (first, last) => format!("{first}-{last}"),
    };
    let mut parts: Vec<String> = all.intervals().iter().take(NAMED).map(one).collect();
    if all.intervals().len() > NAMED {
        parts.push("…".to_owned());
    }
    format!("any architecture: {}", parts.join(", "))
}
