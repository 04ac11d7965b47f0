//! What a text holds that is not understood: names that are no calls, and lines of somebody else's.

use std::collections::BTreeMap;

use super::{Sample, UnknownCall, name};
use crate::arch::Arch;
use crate::{suggest, sysno};

/// Distinct names that are no calls, kept for the error.
const MAX_UNKNOWN: usize = 64;
/// Samples of lines that are somebody else's.
const MAX_SAMPLES: usize = 3;
/// A sample's length: enough to recognise it.
const SAMPLE: usize = 100;

/// A file and a line in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) file: String,
    pub(super) line: u64,
}

/// How often, and first where.
#[derive(Debug)]
pub(super) struct Count {
    pub(super) count: u64,
    pub(super) first: Spot,
}

impl Count {
    /// None yet; the first is here.
    pub(super) fn at((file, line): (&str, u64)) -> Self {
        Self { count: 0, first: Spot { file: file.to_owned(), line } }
    }
}

/// Counts one more of something.
pub(super) fn count<K: Ord>(counts: &mut BTreeMap<K, Count>, key: K, spot: (&str, u64)) {
    counts.entry(key).or_insert_with(|| Count::at(spot)).count += 1;
}

/// A file without its directories, which are nobody's business but the machine's.
pub(super) fn base(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}

/// Names that are no calls, by ABI.
#[derive(Debug, Default)]
pub(super) struct UnknownNames(BTreeMap<(String, Arch), Count>);

impl UnknownNames {
    /// One more.
    pub(super) fn add(&mut self, name: &[u8], arch: Arch, spot: (&str, u64)) {
        let key = (String::from_utf8_lossy(name).into_owned(), arch);
        if self.0.len() < MAX_UNKNOWN || self.0.contains_key(&key) {
            count(&mut self.0, key, spot);
        }
    }

    /// Each with its way out; empty if there are none.
    pub(super) fn calls(&self) -> Vec<UnknownCall> {
        let call = |((name, arch), found): (&(String, Arch), &Count)| UnknownCall {
            name: name.clone(),
            arch: *arch,
            file: found.first.file.clone(),
            line: found.first.line,
            count: found.count,
            near: suggest::nearest(name, sysno::table(*arch).iter().map(sysno::Entry::name)),
            elsewhere: Arch::ALL
                .into_iter()
                .filter(|other| name::resolve(*other, name, None).is_some())
                .collect(),
        };
        self.0.iter().map(call).collect()
    }
}

/// Lines that are somebody else's.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    /// How many.
    pub(super) count: u64,
    /// The first of them.
    pub(super) samples: Vec<Sample>,
}

impl Strangers {
    /// One more.
    pub(super) fn add(&mut self, text: &[u8], (file, line): (&str, u64)) {
        self.count += 1;
        if self.samples.len() < MAX_SAMPLES {
            let shown = &text[..text.len().min(SAMPLE)];
            let text = String::from_utf8_lossy(shown).into_owned();
            self.samples.push(Sample { file: file.to_owned(), line, text });
        }
    }
}
