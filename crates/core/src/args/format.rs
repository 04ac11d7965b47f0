//! Writes calls the way strace does: `openat(AT_FDCWD, 0x7ffd1000, O_RDONLY|O_CLOEXEC, 0)`.

use super::{Constant, Kind, Param, Set, find_set, params_on};
use crate::arch::Arch;

/// What [`super::parse_call`] reads where an address was hidden: some address, not NULL.
pub const HIDDEN: u64 = 0x1_0000;

/// What stands for a hidden address.
pub(super) const ELLIPSIS: &str = "…";

/// Whether addresses are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Addresses {
    Shown,
    Hidden,
}

/// A call in strace's notation, with constants and addresses.
///
/// [`super::parse_call`] is the inverse. What the kernel does not look at is not written: registers beyond the call's
/// arguments, and the sign extension of 32-bit numbers. Any other upper half of such a number is written in full, since
/// a filter may compare it. A call without a known list of arguments gets numbers, less trailing zeros.
pub fn format_call(arch: Arch, name: &str, args: &[u64; 6]) -> String {
    call(arch, name, args, Addresses::Shown)
}

/// The same without addresses: `…` stands for each but NULL.
pub fn format_call_private(arch: Arch, name: &str, args: &[u64; 6]) -> String {
    call(arch, name, args, Addresses::Hidden)
}

/// One argument in the same notation, addresses included.
pub fn format_value(arch: Arch, call: &str, index: usize, value: u64) -> String {
    let value = arch.truncate(value);
    match params_on(arch, call).and_then(|params| params.get(index)) {
        Some(param) => argument(arch, param, value, Addresses::Shown),
        None => word(value, Addresses::Shown),
    }
}

fn call(arch: Arch, name: &str, args: &[u64; 6], addresses: Addresses) -> String {
    let args = args.map(|a| arch.truncate(a));
    let texts: Vec<String> = if let Some(params) = params_on(arch, name) {
        params.iter().zip(args).map(|(p, a)| argument(arch, p, a, addresses)).collect()
    } else {
        let used = args.iter().rposition(|a| *a != 0).map_or(0, |last| last + 1);
        args[..used].iter().map(|a| word(*a, addresses)).collect()
    };
    format!("{name}({})", texts.join(", "))
}

fn argument(arch: Arch, param: &Param, register: u64, addresses: Addresses) -> String {
    let value = param.low(register);
    let extended = param.bits == 32 && register == value as u32 as i32 as i64 as u64;
    if register != value && !extended && addresses == Addresses::Shown {
        return format!("{register:#x}");
    }
    match param.ctype {
        "pointer" | "string" => pointer(value, addresses),
        "word" => word(value, addresses),
        _ => match param.set.and_then(find_set) {
            Some(set) => constants(arch, param, set, value),
            None => number(arch, param, value),
        },
    }
}

fn pointer(value: u64, addresses: Addresses) -> String {
    match (value, addresses) {
        (0, _) => "NULL".to_owned(),
        (_, Addresses::Hidden) => ELLIPSIS.to_owned(),
        (value, Addresses::Shown) => format!("{value:#x}"),
    }
}

/// A number or an address; nothing can be mapped below 64 KiB (`vm.mmap_min_addr`), so what is below is a number.
fn word(value: u64, addresses: Addresses) -> String {
    match value {
        0..0x1000 => value.to_string(),
        0x1000..0x1_0000 => format!("{value:#x}"),
        _ => pointer(value, addresses),
    }
}

/// All bits of the argument set.
fn all_ones(arch: Arch, param: &Param) -> u64 {
    arch.truncate(param.low(u64::MAX))
}

fn number(arch: Arch, param: &Param, value: u64) -> String {
    let ones = all_ones(arch, param);
    let negative = value > ones / 2;
    match param.ctype {
        "mode" if value == 0 => "0".to_owned(),
        "mode" => format!("0{value:o}"),
        // chown(2), setresuid(2): -1 means "leave as it is".
        "uid" | "gid" if value == ones => "-1".to_owned(),
        _ if param.signed && negative => format!("-{}", (ones - value).wrapping_add(1)),
        _ => value.to_string(),
    }
}

fn constants(arch: Arch, param: &Param, set: &Set, value: u64) -> String {
    let whole = |c: &&Constant| c.kind == Kind::Enum && c.value == value;
    let has_bits = set.on(arch).any(|c| c.kind == Kind::Bit);
    match set.on(arch).find(whole) {
        Some(constant) if set.field == 0 => constant.name.to_owned(),
        // All ones is no set of flags: it is what programs pass to ask, or by mistake.
        _ if has_bits && value != all_ones(arch, param) => bits(arch, param, set, value),
        _ if !param.signed && value >= 0x1000 => format!("{value:#x}"),
        _ => number(arch, param, value),
    }
}

/// The constant of the field, then bits in the order of the data (combined ones stand before their parts), then the rest.
fn bits(arch: Arch, param: &Param, set: &Set, value: u64) -> String {
    let mut parts = Vec::new();
    let mut rest = value;
    let field = value & set.field;
    if set.field != 0
        && let Some(constant) = set.on(arch).find(|c| c.kind == Kind::Enum && c.value == field)
    {
        parts.push(constant.name.to_owned());
        rest &= !set.field;
    }
    for constant in set.on(arch).filter(|c| c.kind == Kind::Bit) {
        if rest & constant.value == constant.value {
            parts.push(constant.name.to_owned());
            rest &= !constant.value;
        }
    }
    match (rest, param.ctype) {
        (0, _) => {}
        (rest, "mode") => parts.push(format!("0{rest:o}")),
        (rest, _) => parts.push(format!("{rest:#x}")),
    }
    if parts.is_empty() { "0".to_owned() } else { parts.join("|") }
}
