//! System calls by name and number, per ABI, and the kernel that introduced each.
//!
//! The tables are generated from `data/syscalls.csv`, which cites a source for every row. They reach to Linux 7.2.
//! A name that is not here is not an error of this module: profiles may name calls of kernels to come.

mod index;
mod table;

use std::fmt;
use std::str::FromStr;

use crate::Arch;

/// A kernel release, as far as it matters for what exists: `5.6`.
///
/// Kernels before 3.0 were numbered with one part more; `2.6.28` counts as `2.6` here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kernel {
    /// The `5` of `5.6`.
    pub major: u16,
    /// The `6` of `5.6`.
    pub minor: u16,
}

impl Kernel {
    /// `Kernel::new(5, 6)` is `5.6`.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The text is not a kernel release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a kernel release: `{0}`")]
pub struct BadKernel(pub String);

impl FromStr for Kernel {
    type Err = BadKernel;

    /// Accepts what profiles and `uname -r` write: `5.6`, `6.1.0-13-amd64`, `4.8+`, `6.10-rc3`.
    fn from_str(text: &str) -> Result<Self, BadKernel> {
        let bad = || BadKernel(text.to_owned());
        let (major, rest) = leading_number(text).ok_or_else(bad)?;
        let (minor, rest) = rest.strip_prefix('.').and_then(leading_number).ok_or_else(bad)?;
        if rest.is_empty() || rest.starts_with(['.', '-', '+', '_', '~']) {
            Ok(Self { major, minor })
        } else {
            Err(bad())
        }
    }
}

/// Splits `12.3` into 12 and `.3`.
fn leading_number(text: &str) -> Option<(u16, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}

/// One system call of one ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where its name stands in [`names`].
    position: u16,
    /// The number; on x32 without bit 30 (see [`Arch::raw`]).
    pub nr: u32,
    /// The first kernel that has it on this ABI.
    pub since: Kernel,
}

impl Entry {
    const fn new(position: u16, nr: u32, since: Kernel) -> Self {
        Self { position, nr, since }
    }

    /// The kernel's name, as container runtimes and libseccomp spell it.
    pub fn name(&self) -> &'static str {
        table::NAMES[self.position()]
    }

    /// Where its name stands in [`names`].
    pub fn position(&self) -> usize {
        usize::from(self.position)
    }
}

/// The tables by number, in the order of [`Arch::ALL`].
static TABLES: [&[Entry]; 9] = [
    &table::X86_64,
    &table::X86,
    &table::X32,
    &table::AARCH64,
    &table::ARM,
    &table::RISCV64,
    &table::S390X,
    &table::PPC64LE,
    &table::LOONGARCH64,
];

/// Other names people use for calls of the tables, sorted.
///
/// `pread` and `pwrite` got their `64` in 2.6 (man pread(2), "C library/kernel differences"); the others are names of
/// libc functions or of older tables for the same call (man syscalls(2), posix_fadvise(2)). Left out: names that are
/// calls of their own somewhere, as `umount` or `sync_file_range2`.
static ALIASES: [(&str, &str); 8] = [
    ("arm_fadvise64", "arm_fadvise64_64"),
    ("fadvise", "fadvise64"),
    ("llseek", "_llseek"),
    ("newselect", "_newselect"),
    ("posix_fadvise", "fadvise64"),
    ("pread", "pread64"),
    ("pwrite", "pwrite64"),
    ("sysctl", "_sysctl"),
];

fn entry(arch: Arch, name: &str) -> Option<&'static Entry> {
    entry_at(arch, position(name)?)
}

/// The call of a position in [`names`], if the ABI has it.
pub fn entry_at(arch: Arch, position: usize) -> Option<&'static Entry> {
    table(arch).get(index::place(arch, position)?)
}

/// Every call of an ABI, sorted by number.
pub fn table(arch: Arch) -> &'static [Entry] {
    TABLES[arch as usize]
}

/// Every call of an ABI, sorted by name.
pub fn by_name(arch: Arch) -> impl Iterator<Item = &'static Entry> {
    (0..table::NAMES.len()).filter_map(move |position| entry_at(arch, position))
}

/// The number of a call; on x32 without bit 30. `None`: this ABI has no such call, or nobody has.
pub fn number(arch: Arch, name: &str) -> Option<u32> {
    entry(arch, name).map(|e| e.nr)
}

/// The name of a number; on x32 without bit 30.
pub fn name(arch: Arch, nr: u32) -> Option<&'static str> {
    let entries = table(arch);
    let at = entries.binary_search_by_key(&nr, |e| e.nr).ok()?;
    Some(entries[at].name())
}

/// The first kernel that has the call on this ABI.
pub fn since(arch: Arch, name: &str) -> Option<Kernel> {
    entry(arch, name).map(|e| e.since)
}

/// All names of all ABIs, sorted.
pub fn names() -> &'static [&'static str] {
    &table::NAMES
}

/// Whether any ABI has a call of this name.
pub fn is_known(name: &str) -> bool {
    position(name).is_some()
}

/// Where a name stands in [`names`]; `None`: no ABI has a call of this name.
pub fn position(name: &str) -> Option<usize> {
    index::position(name)
}

/// The name the tables use: the name itself if known, or what it is another name for (`pread` is `pread64`).
pub fn canonical(name: &str) -> Option<&'static str> {
    if let Some(at) = position(name) {
        return Some(table::NAMES[at]);
    }
    let at = ALIASES.binary_search_by_key(&name, |(alias, _)| alias).ok()?;
    Some(ALIASES[at].1)
}

#[cfg(test)]
mod tests;
