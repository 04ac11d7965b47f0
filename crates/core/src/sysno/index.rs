//! Looking names up: one question of a hash table in place of nine comparisons. Rules ask it of each name of each profile.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use super::table::{NAMES, PLACES};
use crate::Arch;

/// Where a name stands in [`super::names`].
pub(super) fn position(name: &str) -> Option<usize> {
    static POSITIONS: OnceLock<FxHashMap<&str, u16>> = OnceLock::new();
    let positions = POSITIONS.get_or_init(|| NAMES.iter().copied().zip(0..).collect());
    positions.get(name).copied().map(usize::from)
}

/// Where the call of a position stands in an architecture's table.
pub(super) fn place(arch: Arch, position: usize) -> Option<usize> {
    let place = *PLACES.get(arch as usize)?.get(position)?;
    (place != u16::MAX).then_some(usize::from(place))
}
