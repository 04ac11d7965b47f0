//! Reads the text of `perf trace`: calls as they are made, and the tables of `-s` and `-S`.
//!
//! The form is that of `tools/perf/builtin-trace.c`, up to Linux 6.16. A call counts where it begins. Arguments are not
//! read: perf puts them into words of its own and leaves zeros out, so that what stands there is not what a filter sees.

mod head;

use std::collections::BTreeMap;

use super::Other;
use super::clock::Time;
use super::draft::Draft;
use super::lines::Grammar;
use super::name;
use super::number::number;
use crate::arch::Arch;

use head::{Event, Kind, Line};

/// The longest name of a call that is remembered; the longest there is has 28 letters.
const MAX_NAME: usize = 64;

/// Reads perf's text.
#[derive(Debug)]
pub(super) struct Perf {
    arch: Arch,
    /// Calls that threads have begun.
    begun: BTreeMap<u32, Vec<u8>>,
    /// Calls of lines, and of rows of tables.
    logged: BTreeMap<Vec<u8>, u64>,
    rows: BTreeMap<Vec<u8>, u64>,
    table: Table,
    /// Lines that are no calls; calls without a beginning, and without an end.
    events: u64,
    headless: u64,
    endless: u64,
    lost: u64,
    losses: u64,
}

/// Where in a table the text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Table {
    Outside,
    Header,
    Rows,
}

impl Grammar for Perf {
    fn line(&mut self, line: &[u8], draft: &mut Draft) {
        if self.in_table(line, draft) || self.summary(line) || self.loss(line) {
            draft.known += 1;
            return;
        }
        match head::read(line) {
            Kind::Call(call) => {
                draft.known += 1;
                self.call(&call, draft);
            }
            Kind::Event => {
                draft.known += 1;
                self.events += 1;
            }
            Kind::Stranger => draft.stranger(line),
        }
    }

    fn end(&mut self, _: &mut Draft) {
        self.begun.clear();
        self.table = Table::Outside;
    }

    fn close(&mut self, draft: &mut Draft) {
        // A call without arguments looks the same there.
        if draft.other() == Some(Other::Strace) {
            draft.not_this();
        }
        let rows = std::mem::take(&mut self.rows);
        for (name, calls) in &rows {
            // A table below a log (-S) counts what the log has.
            let missing = calls.saturating_sub(self.logged.get(name).copied().unwrap_or(0));
            if missing > 0 {
                draft.named(self.arch, name, Some(missing), "");
            }
        }
        if self.logged.is_empty() && rows.is_empty() {
            return;
        }
        self.losses(draft);
        draft.note(
            "perf's text holds no arguments as a filter sees them, nor paths of executables: any value may have occurred"
                .to_owned(),
        );
        if !rows.is_empty() {
            draft.note(
                "a table of perf trace counts calls where they end: those that never do (exit_group, exit, rt_sigreturn) \
                 are in none"
                    .to_owned(),
            );
        }
        if !self.arch.companions().is_empty() {
            let arch = self.arch;
            draft.note(format!(
                "which ABI a call went through is not in perf's text: all are taken for {arch}'s"
            ));
        }
        if self.events > 0 {
            draft.note(format!("{} lines are events that are no system calls", self.events));
        }
        if self.headless > 0 {
            draft.note(format!("{} calls had begun before the log did; they were counted", self.headless));
        }
        if self.endless > 0 {
            draft.note(format!("{} calls have no end on their line; they were counted", self.endless));
        }
    }
}

impl Perf {
    /// A reader; perf looks names up in the table of this architecture.
    pub(super) fn new(arch: Arch) -> Self {
        Self {
            arch,
            begun: BTreeMap::new(),
            logged: BTreeMap::new(),
            rows: BTreeMap::new(),
            table: Table::Outside,
            events: 0,
            headless: 0,
            endless: 0,
            lost: 0,
            losses: 0,
        }
    }

    fn call(&mut self, call: &Line<'_>, draft: &mut Draft) {
        draft.tick(call.micros.map_or(Time::Absent, Time::Running));
        if let Some(thread) = call.thread {
            draft.process(thread);
        }
        let thread = call.thread.unwrap_or(0);
        match call.event {
            Event::Ended => {
                if self.begun.remove(&thread).is_some_and(|name| name == call.name) {
                    return;
                }
                // A child begins with the end of its parent's call.
                if call.zero && matches!(call.name, b"clone" | b"clone3" | b"fork" | b"vfork") {
                    return;
                }
                self.headless += 1;
            }
            Event::Begun => {
                self.begun.insert(thread, call.name[..call.name.len().min(MAX_NAME)].to_vec());
            }
            Event::Endless => self.endless += 1,
            Event::Whole => {}
        }
        if name::resolve(self.arch, &String::from_utf8_lossy(call.name), None).is_some() {
            *self.logged.entry(call.name.to_vec()).or_default() += 1;
        }
        draft.named(self.arch, call.name, Some(1), "");
    }

    /// A line of a table; `false`: it is none, and the table has ended.
    fn in_table(&mut self, line: &[u8], draft: &mut Draft) -> bool {
        let Some(text) = std::str::from_utf8(line).ok().filter(|_| self.table != Table::Outside) else {
            return false;
        };
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        if words.iter().all(|w| w.bytes().all(|b| b == b'-')) {
            self.table = Table::Rows;
            return true;
        }
        if self.table == Table::Header {
            return true;
        }
        let figure = |w: &&str| w.trim_end_matches('%').parse::<f64>().is_ok();
        match words.as_slice() {
            // What --errno-summary puts below a row.
            [errno, _] if errno.ends_with(':') => true,
            [name, calls, rest @ ..] if !rest.is_empty() && rest.iter().all(figure) => {
                let Ok(calls) = calls.parse::<u64>() else { return self.leave() };
                match name::resolve(self.arch, name, None) {
                    Some(_) => {
                        let row = self.rows.entry(name.as_bytes().to_vec()).or_default();
                        *row = row.saturating_add(calls);
                    }
                    None => draft.unknown(name.as_bytes(), self.arch),
                }
                true
            }
            _ => self.leave(),
        }
    }

    fn leave(&mut self) -> bool {
        self.table = Table::Outside;
        false
    }

    /// What stands around tables: ` Summary of events:`, ` ls (12), 230 events, 97.5%`, and the header.
    fn summary(&mut self, line: &[u8]) -> bool {
        let Ok(text) = std::str::from_utf8(line) else { return false };
        let text = text.trim();
        let header = text.starts_with("syscall ") && text.contains(" calls ") && text.contains(" total ");
        if header {
            self.table = Table::Header;
        }
        header
            || text == "Summary of events:"
            || (text.contains(", ") && (text.ends_with(" events") || text.contains(" events, ")))
    }

    /// `LOST 12 events!`, `Processed 9 events and lost 2 chunks!`
    fn loss(&mut self, line: &[u8]) -> bool {
        let line = line.trim_ascii();
        if let Some((lost, rest)) = line.strip_prefix(b"LOST ").and_then(number)
            && rest.starts_with(b" events!")
        {
            self.lost = self.lost.saturating_add(lost);
            return true;
        }
        let chunks = line.starts_with(b"Processed ") && memchr::memmem::find(line, b" lost ").is_some();
        self.losses += u64::from(chunks);
        chunks
    }

    fn losses(&self, draft: &mut Draft) {
        if self.lost > 0 {
            draft.lose(format!("perf lost {} events, and calls with them", self.lost));
        }
        if self.losses > 0 {
            draft.lose("perf says that it lost events, and not which".to_owned());
        }
    }
}

#[cfg(test)]
mod tests;
