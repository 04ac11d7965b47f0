//! Serial numbers of audit events: what is missing between them.
//!
//! The kernel numbers events from boot on without a gap (`audit_serial`, `kernel/audit.c`). Several processors may write
//! them out of order.

use std::collections::BTreeMap;

/// Gaps that may still be filled; the oldest are forgotten, and stay counted.
const MAX_GAPS: usize = 4096;
/// A number that lies further back than this begins anew: the machine was started again, or another log follows.
const BACK: u64 = 4096;

/// The numbers seen so far.
#[derive(Debug, Default)]
pub(super) struct Serials {
    last: Option<u64>,
    /// Numbers that have not come: first → last of a run.
    gaps: BTreeMap<u64, u64>,
    missing: u64,
    /// The numbers beside the first gap there is.
    first: Option<(u64, u64)>,
}

impl Serials {
    /// Takes the number of a record; those of one event have the same.
    pub(super) fn take(&mut self, serial: u64) {
        match self.last {
            None => self.last = Some(serial),
            Some(last) if serial > last => {
                if serial - last > 1 {
                    self.gap(last, serial);
                }
                self.last = Some(serial);
            }
            Some(last) if last - serial > BACK => {
                self.gaps.clear();
                self.last = Some(serial);
            }
            Some(_) => self.fill(serial),
        }
    }

    fn gap(&mut self, before: u64, after: u64) {
        self.missing = self.missing.saturating_add(after - before - 1);
        self.first.get_or_insert((before, after));
        self.gaps.insert(before + 1, after - 1);
        if self.gaps.len() > MAX_GAPS {
            self.gaps.pop_first();
        }
    }

    /// One that came late.
    fn fill(&mut self, serial: u64) {
        let Some((&first, &last)) = self.gaps.range(..=serial).next_back() else { return };
        if serial > last {
            return;
        }
        self.gaps.remove(&first);
        self.missing -= 1;
        if first < serial {
            self.gaps.insert(first, serial - 1);
        }
        if serial < last {
            self.gaps.insert(serial + 1, last);
        }
    }

    /// How many are missing, and the numbers beside the first gap that was met.
    pub(super) fn missing(&self) -> Option<(u64, (u64, u64))> {
        Some((self.missing, self.first?)).filter(|(missing, _)| *missing > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(serials: &[u64]) -> u64 {
        let mut seen = Serials::default();
        for serial in serials {
            seen.take(*serial);
        }
        seen.missing().map_or(0, |(n, _)| n)
    }

    #[test]
    fn numbers_that_never_come_are_missing() {
        for (serials, expected) in [
            (&[][..], 0),
            (&[7], 0),
            (&[7, 7, 8, 8, 9], 0),
            (&[7, 9], 1),
            (&[7, 12], 4),
            (&[7, 9, 8], 0),
            (&[7, 12, 9, 10, 8], 1),
            (&[7, 12, 9, 9], 3),
            (&[5, 4, 6], 0),
            // Started again.
            (&[90_000, 90_001, 3, 4], 0),
            (&[90_000, 90_002, 3, 5], 2),
            (&[0, u64::MAX, 1], u64::MAX - 1),
        ] {
            assert_eq!(missing(serials), expected, "{serials:?}");
        }
    }
}
