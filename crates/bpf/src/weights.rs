//! How often calls are asked for: what a filter's tree is made for.

use std::collections::BTreeMap;

use callgate_core::Arch;

/// What a filter does with a number, as far as its cost goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Always allowed: the kernel answers these from its bitmap and never runs the filter (Linux 5.11, `kernel/seccomp.c`).
    Allowed,
    /// Decided by arguments.
    Checked,
    /// Always something that the program survives: errno, log, trap, trace, notify.
    Refused,
    /// The end of thread or process: happens once.
    Fatal,
}

/// Which paths through a filter are to be short.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Weights {
    /// What the kernel asks the filter about: calls decided by arguments, and refused ones; always-allowed ones it answers
    /// from its own bitmap.
    #[default]
    BuiltIn,
    /// Every call of the architecture's table alike: for kernels without the bitmap (before Linux 5.11), and for filters
    /// below another one that cannot have it.
    Uniform,
    /// Calls as often as they were counted; those decided by arguments and refused ones as [`Weights::BuiltIn`] has them
    /// beside.
    Counted(BTreeMap<(Arch, u32), u64>),
}

/// The least, so that nothing is free: at install the kernel goes through the filter once for each number.
const LEAST: u64 = 1;
/// Of a call that the filter is asked about.
const ASKED: u64 = 400;
/// The most: what was counted more often is as heavy, so that sums of weights stay sums.
const MOST: u64 = 1 << 40;

impl Weights {
    /// Of a number that the architecture's table has.
    pub(crate) fn of(&self, arch: Arch, nr: u32, kind: Kind) -> u64 {
        let counted =
            |counts: &BTreeMap<(Arch, u32), u64>| counts.get(&(arch, nr)).copied().unwrap_or(0).min(MOST);
        let weight = match (self, kind) {
            (Self::Counted(counts), Kind::Checked | Kind::Refused) => counted(counts).max(ASKED),
            (Self::BuiltIn | Self::Counted(_), Kind::Allowed | Kind::Fatal) => LEAST,
            (Self::BuiltIn, Kind::Checked) => 2 * ASKED,
            (Self::Uniform, _) | (Self::BuiltIn, Kind::Refused) => ASKED,
        };
        // x32 is built into few kernels and used by fewer programs.
        if arch == Arch::X32 { (weight / 16).max(LEAST) } else { weight }
    }
}
