//! What the generated table is written with.

use super::{Class, Constant, Kind, Param, Policy};

/// Name, width in bits, whether signed.
pub(super) type Type = (&'static str, u32, bool);

pub(super) const INT: Type = ("int", 32, true);
pub(super) const FD: Type = ("fd", 32, true);
pub(super) const PID: Type = ("pid", 32, true);
pub(super) const UINT: Type = ("uint", 32, false);
pub(super) const U32: Type = ("u32", 32, false);
pub(super) const UID: Type = ("uid", 32, false);
pub(super) const GID: Type = ("gid", 32, false);
pub(super) const DEV: Type = ("dev", 32, false);
pub(super) const MODE: Type = ("mode", 32, false);
pub(super) const LONG: Type = ("long", 64, true);
pub(super) const OFFSET: Type = ("offset", 64, true);
pub(super) const ULONG: Type = ("ulong", 64, false);
pub(super) const SIZE: Type = ("size", 64, false);
pub(super) const U64: Type = ("u64", 64, false);
pub(super) const POINTER: Type = ("pointer", 64, false);
pub(super) const STRING: Type = ("string", 64, false);
pub(super) const WORD: Type = ("word", 64, false);

pub(super) const fn never(name: &'static str, (ctype, bits, signed): Type) -> Param {
    Param { name, ctype, bits, signed, class: Class::Never, policy: None, ignore: 0, set: None }
}

pub(super) const fn ordinary(name: &'static str, ty: Type) -> Param {
    Param { class: Class::Ordinary, ..never(name, ty) }
}

pub(super) const fn surface(name: &'static str, ty: Type, policy: Policy) -> Param {
    Param { class: Class::Surface, policy: Some(policy), ..never(name, ty) }
}

/// The same argument with the set its constants are from.
pub(super) const fn from(set: &'static str, param: Param) -> Param {
    Param { set: Some(set), ..param }
}

/// The same argument with bits not worth telling apart.
pub(super) const fn ignoring(ignore: u64, param: Param) -> Param {
    Param { ignore, ..param }
}

/// A constant of the set's field.
pub(super) const fn value(name: &'static str, value: u64) -> Constant {
    Constant { name, value, kind: Kind::Enum, arches: 0x1ff, danger: None }
}

/// A constant beside the set's field.
pub(super) const fn bit(name: &'static str, value: u64) -> Constant {
    Constant { name, value, kind: Kind::Bit, arches: 0x1ff, danger: None }
}

/// The same constant on some architectures only.
pub(super) const fn only(arches: u16, constant: Constant) -> Constant {
    Constant { arches, ..constant }
}

/// The same constant, never to be allowed silently.
pub(super) const fn danger(why: &'static str, constant: Constant) -> Constant {
    Constant { danger: Some(why), ..constant }
}
