//! Bytes to lines, for the importers of logs.

/// A longer line is cut: no line of a recorder's is that long, unless somebody asked strace for strings without limit
/// (`-s`).
pub(super) const MAX_LINE: usize = 1 << 20;
