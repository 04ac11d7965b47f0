//! Profiles: the OCI/Docker/containers-common JSON, held lossless with source positions.
//!
//! The model is the union of what the formats can say. [`read`] is strict and keeps spans; what it does not know it
//! keeps and reports. [`write()`] is canonical and byte-stable.

pub mod json;
mod meaning;
mod read;
mod write;

use std::ops::Range;

use crate::action::Action;
use crate::arch::Arch;
use crate::set::Op;

pub use meaning::{meaning, meaning_on, undecidable};
pub use read::{ARG_KEYS, FLAGS, InvalidProfile, KEYS, RULE_KEYS, read, read_node};
pub use write::write;

/// A seccomp profile as somebody wrote it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// `defaultAction` with `defaultErrnoRet` (or `defaultErrno`).
    pub default: RuleAction,
    /// `architectures`, in file order.
    pub architectures: Vec<ArchName>,
    /// `flags`, in file order.
    pub flags: Vec<String>,
    /// `listenerPath`.
    pub listener_path: Option<String>,
    /// `listenerMetadata`.
    pub listener_metadata: Option<String>,
    /// `syscalls`, in file order.
    pub rules: Vec<Rule>,
    /// Keys this model does not interpret (Docker's `archMap`, unknown ones): name and raw JSON text.
    pub extra: Vec<Extra>,
}

/// An action as written: absent and zero errno are different things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleAction {
    /// The action with its effective payload.
    pub action: Action,
    /// The errno as written, if it was.
    pub errno: Option<u16>,
}

impl Default for RuleAction {
    fn default() -> Self {
        Self { action: Action::Errno(crate::errno::EPERM), errno: None }
    }
}

impl From<Action> for RuleAction {
    fn from(action: Action) -> Self {
        let errno = match action {
            Action::Errno(errno) | Action::Trace(errno) => Some(errno),
            _ => None,
        };
        Self { action, errno }
    }
}

/// One entry of `architectures`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchName {
    /// As written.
    pub name: String,
    /// The architecture, where callgate has a table for it.
    pub arch: Option<Arch>,
    /// Where it stands.
    pub span: Range<usize>,
}

impl From<Arch> for ArchName {
    fn from(arch: Arch) -> Self {
        Self { name: arch.oci().to_owned(), arch: Some(arch), span: 0..0 }
    }
}

/// A key that is kept without being interpreted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extra {
    /// The key.
    pub key: String,
    /// Its value as JSON text.
    pub json: String,
    /// Where the key stands.
    pub span: Range<usize>,
}

/// One entry of `syscalls`.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// `names` (or Docker's old `name`).
    pub names: Vec<Name>,
    /// `action` with `errnoRet` (or `errno`).
    pub action: RuleAction,
    /// `args`: all must hold.
    pub conditions: Vec<Condition>,
    /// Docker's `comment`.
    pub comment: Option<String>,
    /// Keys kept without being interpreted: `includes`, `excludes`, unknown ones.
    pub extra: Vec<Extra>,
    /// Where the rule stands.
    pub span: Range<usize>,
    /// The line it starts on, from 1; 0 for rules that were never in a file.
    pub line: usize,
}

impl Rule {
    /// A rule that was never in a file.
    pub fn new(names: impl IntoIterator<Item = String>, action: Action) -> Self {
        Self {
            names: names.into_iter().map(|text| Name { text, span: 0..0 }).collect(),
            action: action.into(),
            conditions: Vec::new(),
            comment: None,
            extra: Vec::new(),
            span: 0..0,
            line: 0,
        }
    }
}

/// A system call name as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The name.
    pub text: String,
    /// Where it stands.
    pub span: Range<usize>,
}

/// One argument comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Condition {
    /// Argument index, 0 to 5.
    pub index: u8,
    /// The comparison.
    pub op: Op,
    /// `value`: the datum, or the mask of MASKED_EQ.
    pub value: u64,
    /// `valueTwo`: the datum of MASKED_EQ.
    pub value_two: u64,
}

impl Condition {
    /// The bits in `mask` must equal `bits`.
    pub fn masked(index: u8, mask: u64, bits: u64) -> Self {
        Self { index, op: Op::MaskedEq, value: mask, value_two: bits }
    }

    /// Whether the call's arguments satisfy it.
    pub fn holds(&self, args: &[u64; 6]) -> bool {
        args.get(usize::from(self.index)).is_some_and(|a| self.op.holds(*a, self.value, self.value_two))
    }
}

/// Line numbers of a text, by bisection: a file has as many rules as it likes.
#[derive(Clone, Debug)]
pub struct Lines(Vec<usize>);

impl Lines {
    /// Of a text.
    pub fn of(text: &str) -> Self {
        Self(memchr::memchr_iter(b'\n', text.as_bytes()).collect())
    }

    /// The line of a byte offset, from 1.
    pub fn at(&self, offset: usize) -> usize {
        1 + self.0.partition_point(|at| *at < offset)
    }
}

/// The line of a byte offset, from 1.
pub fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|b| **b == b'\n').count()
}

/// Whether a profile is for other machines: it lists architectures, and none that a machine with this one runs.
///
/// The native one is filtered all the same, by the same names; but nobody wrote them down for it.
pub fn is_foreign(profile: &Profile, native: Arch) -> bool {
    let runs = |a: Arch| a == native || native.companions().contains(&a);
    !profile.architectures.is_empty() && !profile.architectures.iter().filter_map(|a| a.arch).any(runs)
}

/// Actions and architectures a profile filters: those it lists, and the native one always.
pub fn filtered_arches(profile: &Profile, native: Arch) -> Vec<Arch> {
    let mut arches: Vec<Arch> = profile.architectures.iter().filter_map(|a| a.arch).collect();
    arches.push(native);
    arches.sort_unstable();
    arches.dedup();
    arches
}
