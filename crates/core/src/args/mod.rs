//! Arguments of system calls: their names, types and constants, which of them a profile should constrain, and how.
//!
//! [`params`] says what the table knows, [`format_call`] and [`parse_call`] speak and read the strace-like notation,
//! [`danger`] and [`pack`] carry the judgement: values never to be allowed silently, and values that come together.
//! The data are `data/args.csv`, `data/flags.csv` and `data/packs.csv`.

mod format;
mod make;
mod parse;
#[expect(clippy::unreadable_literal, reason = "generated")]
mod table;

use std::collections::BTreeSet;

use crate::arch::Arch;

use crate::set::ArgSet;

pub use format::{HIDDEN, format_call, format_call_private, format_value};
pub use parse::{ParseError, number, parse_call, parse_value};

/// Who constrains an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Decides how much of the kernel can be reached: `--args auto` constrains it.
    Surface,
    /// Has few values worth naming: only `--args exact` constrains it.
    Ordinary,
    /// Differs from run to run (descriptors, addresses, sizes, times): never constrained, never recorded.
    Never,
}

/// How a [`Class::Surface`] argument is constrained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Policy {
    /// Allow only the values seen, and what [`pack`] adds to them.
    Seen,
    /// Allow everything without these bits; a bit that was seen is let off.
    RefuseBits(u64),
    /// Allow everything but these values; a value that was seen is let off.
    RefuseValues(&'static [u64]),
    /// Allow everything that does not have all of these bits at once, unless that was seen.
    NotBoth(u64),
}

/// One argument of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Param {
    /// Its name, as in the manual: `domain`.
    pub name: &'static str,
    /// Its type in our words: `int`, `pointer`, `fd`, `mode` …
    pub ctype: &'static str,
    /// The bits the kernel looks at: 32 or 64. On 32-bit ABIs 64 means the whole register, which has 32.
    pub bits: u32,
    /// Whether the number is signed.
    pub signed: bool,
    /// Who constrains it.
    pub class: Class,
    /// How, where `class` is [`Class::Surface`].
    pub policy: Option<Policy>,
    /// Bits not worth telling apart (`SOCK_CLOEXEC`).
    pub ignore: u64,
    /// The set its constants are from.
    pub set: Option<&'static str>,
}

/// How a constant takes part in a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The value of the set's field, or the whole value where the set has no bits.
    Enum,
    /// One or more bits beside the field.
    Bit,
}

/// A named value.
#[derive(Clone, Copy, Debug)]
struct Constant {
    name: &'static str,
    value: u64,
    kind: Kind,
    /// Bit `n`: holds on the `n`-th of [`Arch::ALL`].
    arches: u16,
    /// Why it must not be allowed silently.
    danger: Option<&'static str>,
}

/// Constants that belong together.
#[derive(Debug)]
struct Set {
    name: &'static str,
    /// The bits of a value that hold one of the [`Kind::Enum`] constants.
    field: u64,
    constants: &'static [Constant],
}

/// A call and its arguments.
struct Entry {
    call: &'static str,
    /// Architectures (as in [`Constant::arches`]) and what the arguments are there. Together they cover all.
    variants: &'static [(u16, &'static [Param])],
}

/// A value that brings others along.
struct Pack {
    call: &'static str,
    index: usize,
    /// Any of these …
    seen: &'static [u64],
    /// … brings all of these.
    brings: &'static [u64],
    reason: &'static str,
}

/// The arguments of a call on x86_64, or where it exists; empty: it takes none, `None`: the call is unknown.
pub fn params(call: &str) -> Option<&'static [Param]> {
    params_on(Arch::X86_64, call)
}

/// The arguments of a call on one architecture: their order, number and constants may differ.
pub fn params_on(arch: Arch, call: &str) -> Option<&'static [Param]> {
    let at = table::ENTRIES.binary_search_by(|e| e.call.cmp(call)).ok()?;
    table::ENTRIES[at].variants.iter().find(|(arches, _)| on(*arches, arch)).map(|(_, params)| *params)
}

/// Every call the table knows, sorted.
pub fn calls() -> impl Iterator<Item = &'static str> {
    table::ENTRIES.iter().map(|e| e.call)
}

/// The calls with an argument of [`Class::Surface`] somewhere, sorted.
pub fn surfaces() -> impl Iterator<Item = &'static str> {
    let is_surface = |(_, params): &(u16, &[Param])| params.iter().any(|p| p.class == Class::Surface);
    table::ENTRIES.iter().filter(move |e| e.variants.iter().any(is_surface)).map(|e| e.call)
}

/// Whether the call is known to take no arguments.
pub fn takes_none(call: &str) -> bool {
    params(call).is_some_and(<[Param]>::is_empty)
}

/// The first constant of `value` that must not be allowed silently, with the reason.
///
/// Only arguments of [`Class::Surface`] have such values.
pub fn danger(arch: Arch, call: &str, index: usize, value: u64) -> Option<(&'static str, &'static str)> {
    let param = params_on(arch, call)?.get(index)?;
    let set = find_set(param.set?).filter(|_| param.class == Class::Surface)?;
    let value = param.low(value);
    // Asks for the personality and sets nothing (`kernel/exec_domain.c`).
    if call == "personality" && value == 0xffff_ffff {
        return None;
    }
    set.on(arch).find_map(|c| Some((c.name, c.danger.filter(|_| set.has(c, value))?)))
}

/// Values of one argument that must not be allowed silently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dangerous {
    /// Which argument.
    pub index: usize,
    /// The constant: `TIOCSTI`.
    pub name: &'static str,
    /// Why, in words that continue "`TIOCSTI` …".
    pub why: &'static str,
    /// The values that contain it, as disjoint sets.
    pub values: Vec<ArgSet>,
}

/// Everything for which [`danger`] has a reason, by argument and constant; a value may contain several constants.
///
/// Values are those that programs pass: registers of 32-bit arguments have an empty upper half.
pub fn dangers(arch: Arch, call: &str) -> Vec<Dangerous> {
    let mut found = Vec::new();
    for (index, param) in params_on(arch, call).unwrap_or_default().iter().enumerate() {
        let set = param.set.and_then(find_set).filter(|_| param.class == Class::Surface);
        for (set, constant) in set.iter().flat_map(|set| set.on(arch).map(move |c| (set, c))) {
            let Some(why) = constant.danger else { continue };
            let mask = match constant.kind {
                Kind::Enum if set.field == 0 => u64::MAX,
                Kind::Enum => set.field,
                Kind::Bit => constant.value,
            };
            let passed = ArgSet::range(0, param.low(u64::MAX));
            let values = ArgSet::masked(mask, constant.value).intersect(&passed);
            // As in `danger`.
            let asks = ArgSet::exactly(0xffff_ffff);
            let but =
                |values: &ArgSet| if call == "personality" { values.subtract(&asks) } else { vec![*values] };
            let values = values.iter().flat_map(but).collect();
            found.push(Dangerous { index, name: constant.name, why, values });
        }
    }
    found
}

/// The constants of a call for which [`danger`] has a reason, in the order of its arguments.
pub fn danger_names(arch: Arch, call: &str) -> Vec<&'static str> {
    let params = params_on(arch, call).unwrap_or_default().iter();
    let sets = params.filter(|param| param.class == Class::Surface).filter_map(|param| find_set(param.set?));
    sets.flat_map(|set| set.on(arch)).filter(|constant| constant.danger.is_some()).map(|c| c.name).collect()
}

/// Values that the seen ones bring along, each with the reason; without those that were seen.
pub fn pack(call: &str, index: usize, seen: &BTreeSet<u64>) -> Vec<(u64, &'static str)> {
    let mut found: Vec<(u64, &'static str)> = Vec::new();
    let packs = table::PACKS.iter().filter(|p| p.call == call && p.index == index);
    for pack in packs.filter(|p| p.seen.iter().any(|v| seen.contains(v))) {
        for value in pack.brings {
            if !seen.contains(value) && found.iter().all(|(v, _)| v != value) {
                found.push((*value, pack.reason));
            }
        }
    }
    found
}

/// The value of a constant, `AF_INET` → 2, whatever set it is from; `None` if there is none on this architecture.
pub fn constant(arch: Arch, name: &str) -> Option<u64> {
    table::SETS.iter().flat_map(|s| s.on(arch)).find(|c| c.name == name).map(|c| c.value)
}

fn on(arches: u16, arch: Arch) -> bool {
    arches >> (arch as u16) & 1 == 1
}

fn find_set(name: &str) -> Option<&'static Set> {
    table::SETS.iter().find(|s| s.name == name)
}

impl Set {
    fn on(&self, arch: Arch) -> impl Iterator<Item = &'static Constant> + use<> {
        self.constants.iter().filter(move |c| on(c.arches, arch))
    }

    /// Whether `value` contains the constant.
    fn has(&self, constant: &Constant, value: u64) -> bool {
        match constant.kind {
            Kind::Enum if self.field == 0 => value == constant.value,
            Kind::Enum => value & self.field == constant.value,
            Kind::Bit => value & constant.value == constant.value,
        }
    }
}

impl Param {
    /// The bits of a register that the kernel looks at.
    pub fn low(&self, value: u64) -> u64 {
        if self.bits == 32 { value & 0xffff_ffff } else { value }
    }

    /// Whether the value is an address, which no filter should compare and no trace may hold.
    pub fn is_pointer(&self) -> bool {
        matches!(self.ctype, "pointer" | "string")
    }
}

#[cfg(test)]
mod tests;
