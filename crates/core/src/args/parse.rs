//! Reads what [`super::format_call`] writes, and what people write instead of it.

use super::format::ELLIPSIS;
use super::{HIDDEN, Param, calls, find_set, params_on};
use crate::arch::Arch;
use crate::{suggest, sysno};

/// Why a text is no call or no value; every message names its subject.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Not of the form `name(argument, …)`.
    #[error("not a call: `{0}`; write it as `name(argument, …)`")]
    NotACall(String),
    /// No architecture has a call of this name.
    #[error("unknown system call `{name}`{}", did_you_mean(near.as_deref()))]
    UnknownCall {
        /// As given.
        name: String,
        /// The nearest known name.
        near: Option<String>,
    },
    /// More arguments than the call takes.
    #[error("{call} takes {takes} arguments on {arch}, not {given}")]
    TooMany {
        /// The call.
        call: String,
        /// The architecture.
        arch: Arch,
        /// How many it takes.
        takes: usize,
        /// How many were given.
        given: usize,
    },
    /// Neither a number nor a constant of this argument.
    #[error("unknown value `{text}` for argument {index} ({param}) of {call}{}", did_you_mean(near.as_deref()))]
    UnknownValue {
        /// The call.
        call: String,
        /// The argument, from 0.
        index: usize,
        /// Its name.
        param: &'static str,
        /// As given.
        text: String,
        /// The nearest constant.
        near: Option<String>,
    },
    /// A number that the argument cannot hold.
    #[error("`{text}` does not fit argument {index} ({param}) of {call}, which has {bits} bits")]
    TooLarge {
        /// The call.
        call: String,
        /// The argument, from 0.
        index: usize,
        /// Its name.
        param: &'static str,
        /// As given.
        text: String,
        /// Its width here.
        bits: u32,
    },
}

fn did_you_mean(near: Option<&str>) -> String {
    near.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default()
}

/// Reads a call: the inverse of [`super::format_call`].
///
/// Takes constants, numbers (decimal, `0x…`, octal `0…` or `0o…`, negative), `NULL` and `|`; quoted strings, `…` and
/// `...` stand for some address ([`HIDDEN`]). Arguments left out at the end are 0. A second name of a call (`pread`)
/// becomes its first (`pread64`).
pub fn parse_call(arch: Arch, text: &str) -> Result<(String, [u64; 6]), ParseError> {
    let text = text.trim();
    let (name, arguments) = match text.split_once('(') {
        Some((name, rest)) => {
            let inner = rest.strip_suffix(')').ok_or_else(|| ParseError::NotACall(text.to_owned()))?;
            (name.trim_end(), split(inner))
        }
        None => (text, Vec::new()),
    };
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err(ParseError::NotACall(text.to_owned()));
    }
    let name = sysno::canonical(name).unwrap_or(name);
    let params = known(arch, name)?;
    if arguments.len() > params.len() {
        let (call, takes, given) = (name.to_owned(), params.len(), arguments.len());
        return Err(ParseError::TooMany { call, arch, takes, given });
    }
    let mut args = [0; 6];
    for (index, argument) in arguments.iter().enumerate() {
        args[index] = parse_value(arch, name, index, argument)?;
    }
    Ok((name.to_owned(), args))
}

/// Reads one argument: the inverse of [`super::format_value`].
pub fn parse_value(arch: Arch, call: &str, index: usize, text: &str) -> Result<u64, ParseError> {
    let params = known(arch, call)?;
    let Some(param) = params.get(index) else {
        let (takes, given) = (params.len(), index + 1);
        return Err(ParseError::TooMany { call: call.to_owned(), arch, takes, given });
    };
    let place = Place { arch, call, index, param };
    let text = text.trim();
    if text.starts_with('"') && param.is_pointer() {
        return place.part(ELLIPSIS);
    }
    text.split('|').try_fold(0, |all, part| Ok(all | place.part(part.trim())?))
}

fn known(arch: Arch, call: &str) -> Result<&'static [Param], ParseError> {
    params_on(arch, call).ok_or_else(|| {
        let near = suggest::nearest(call, calls()).map(str::to_owned);
        ParseError::UnknownCall { name: call.to_owned(), near }
    })
}

/// Splits at commas outside quotes; nothing but blanks is no argument.
fn split(text: &str) -> Vec<&str> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let (mut quoted, mut escaped) = (false, false);
    let is_separator = |c: char| {
        let separates = c == ',' && !quoted;
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        separates
    };
    text.split(is_separator).map(str::trim).collect()
}

/// One argument of one call.
struct Place<'a> {
    arch: Arch,
    call: &'a str,
    index: usize,
    param: &'static Param,
}

impl Place<'_> {
    /// Reads what stands between two `|`.
    fn part(&self, text: &str) -> Result<u64, ParseError> {
        if let Some(value) = self.constant(text) {
            return Ok(value);
        }
        let address = self.param.is_pointer() || self.param.ctype == "word";
        match text {
            "NULL" if address => return Ok(0),
            ELLIPSIS | "..." if address => return Ok(HIDDEN),
            _ => {}
        }
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
        let Some(magnitude) = number(digits) else { return Err(self.unknown(text)) };
        let value = if negative { self.negated(magnitude) } else { Some(magnitude) };
        value.filter(|v| self.arch.truncate(*v) == *v).ok_or_else(|| self.too_large(text))
    }

    fn constant(&self, text: &str) -> Option<u64> {
        let set = find_set(self.param.set?)?;
        set.on(self.arch).find(|c| c.name == text).map(|c| c.value)
    }

    /// Two's complement in the argument's width.
    fn negated(&self, magnitude: u64) -> Option<u64> {
        let bits = self.bits();
        let fits = magnitude <= 1 << (bits - 1);
        fits.then(
            || if bits == 32 { magnitude.wrapping_neg() & 0xffff_ffff } else { magnitude.wrapping_neg() },
        )
    }

    fn bits(&self) -> u32 {
        self.param.bits.min(self.arch.arg_bits())
    }

    fn unknown(&self, text: &str) -> ParseError {
        let names =
            self.param.set.and_then(find_set).into_iter().flat_map(|s| s.on(self.arch)).map(|c| c.name);
        ParseError::UnknownValue {
            call: self.call.to_owned(),
            index: self.index,
            param: self.param.name,
            text: text.to_owned(),
            near: suggest::nearest(text, names).map(str::to_owned),
        }
    }

    fn too_large(&self, text: &str) -> ParseError {
        ParseError::TooLarge {
            call: self.call.to_owned(),
            index: self.index,
            param: self.param.name,
            text: text.to_owned(),
            bits: self.bits(),
        }
    }
}

/// A number as a person writes it: 10, 0xa, 012 or 0o12. `None`: it is none, has a sign, or more than 64 bits.
pub fn number(text: &str) -> Option<u64> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', b'o', ..] => (&text[2..], 8),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    // from_str_radix takes a sign.
    if digits.starts_with(['+', '-']) { None } else { u64::from_str_radix(digits, radix).ok() }
}
