//! Looking names up: one question of a hash table in place of nine comparisons. Rules ask it of each name of each profile.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use super::{TABLES, table};
use crate::Arch;

struct Index {
    /// Places in [`super::names`].
    places: FxHashMap<&'static str, u16>,
    /// For each architecture: by those places, places in its table, or [`NONE`].
    entries: Vec<Vec<u16>>,
}

/// The architecture does not have the call.
const NONE: u16 = u16::MAX;

fn index() -> &'static Index {
    static INDEX: OnceLock<Index> = OnceLock::new();
    INDEX.get_or_init(|| {
        let places: FxHashMap<&'static str, u16> = table::NAMES.iter().copied().zip(0..).collect();
        let entries = TABLES.iter().map(|table| {
            let mut of = vec![NONE; places.len()];
            for (entry, at) in table.entries.iter().zip(0..) {
                if let Some(slot) = places.get(entry.name).and_then(|place| of.get_mut(usize::from(*place))) {
                    *slot = at;
                }
            }
            of
        });
        Index { entries: entries.collect(), places }
    })
}

/// Where a name stands in [`super::names`].
pub(super) fn position(name: &str) -> Option<usize> {
    index().places.get(name).copied().map(usize::from)
}

/// Where the call of a position stands in an architecture's table.
pub(super) fn place(arch: Arch, position: usize) -> Option<usize> {
    let place = *index().entries.get(arch as usize)?.get(position)?;
    (place != NONE).then_some(usize::from(place))
}
