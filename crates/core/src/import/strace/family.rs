//! Which processes that were made have no line of their own: their calls are missing.

use std::collections::BTreeSet;

/// Processes by id, as far as a log tells of them.
#[derive(Debug, Default)]
pub(super) struct Family {
    /// Those with a line of their own.
    seen: BTreeSet<u32>,
    /// Those that a call has made, and that have none.
    unseen: BTreeSet<u32>,
    /// Those that appeared without anybody having made them, although somebody had made or was making one: in another
    /// pid namespace a child has another id than its parent is told.
    strangers: BTreeSet<u32>,
}

impl Family {
    /// A call has made this process.
    pub(super) fn made(&mut self, pid: u32) {
        if self.seen.contains(&pid) {
            self.strangers.remove(&pid);
        } else {
            self.unseen.insert(pid);
        }
    }

    /// A process has its first line; `making`: another one is just making a process.
    pub(super) fn appears(&mut self, pid: u32, making: bool) {
        self.seen.insert(pid);
        if !self.unseen.remove(&pid) && (making || !self.unseen.is_empty()) {
            self.strangers.insert(pid);
        }
    }

    /// A process that had lines already is told by its id.
    pub(super) fn is_named(&mut self, pid: u32) {
        self.seen.insert(pid);
    }

    /// How many have no line, and the ids of them where they are known to be theirs.
    pub(super) fn missing(&self) -> (usize, Vec<u32>) {
        let missing = self.unseen.len().saturating_sub(self.strangers.len());
        let named =
            if self.strangers.is_empty() { self.unseen.iter().copied().collect() } else { Vec::new() };
        (missing, named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_made_and_has_no_line_is_missing() {
        let mut family = Family::default();
        family.appears(1, false);
        family.made(2);
        family.made(3);
        family.appears(3, false);
        assert_eq!(family.missing(), (1, vec![2]));
        // One that ran before its parent was told of it.
        family.appears(4, true);
        family.made(4);
        assert_eq!(family.missing(), (1, vec![2]));
        family.appears(2, false);
        assert_eq!(family.missing(), (0, vec![]));
    }

    #[test]
    fn a_child_under_another_id_is_nobody_who_is_missing() {
        let mut family = Family::default();
        family.appears(100, false);
        family.made(2);
        family.appears(101, false);
        assert_eq!(family.missing().0, 0);
        family.appears(102, true);
        family.made(3);
        assert_eq!(family.missing().0, 0);
        family.made(4);
        assert_eq!(family.missing(), (1, vec![]));
    }
}
