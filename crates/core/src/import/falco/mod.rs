//! Reads the text of sysdig and falco: one line per event.
//!
//! Names are those of falcosecurity's `driver/event_table.c`. Older versions give one name to several calls
//! (`driver/syscall_table.c`): all that the ABI has are in the trace then, uncounted, and said. Events that are no calls
//! are not guessed at. Only beginnings count; a call that has but an end had begun before.

mod event;

use std::collections::{BTreeMap, BTreeSet};

use super::draft::{Draft, MAX_NAMED, Seen, listed};
use super::lines::Grammar;
use super::number::number;
use crate::arch::Arch;
use crate::sysno;
use crate::trace::Outcome;

use event::Event;

/// Events that are no calls; sorted. Whatever begins with `NA` is a place that is not used.
const NO_CALLS: [&str; 21] = [
    "asyncevent",
    "container",
    "cpu_hotplug",
    "drop",
    "groupadded",
    "groupdeleted",
    "infra",
    "k8s",
    "mesos",
    "notification",
    "page_fault",
    "pluginevent",
    "procexit",
    "procinfo",
    "scapevent",
    "signaldeliver",
    "switch",
    "sysdigevent",
    "tracer",
    "useradded",
    "userdeleted",
];

/// Names that stand for calls of other names, or for several; sorted.
const STANDS_FOR: [(&str, &[&str]); 12] = [
    ("accept", &["accept", "accept4"]),
    ("dup", &["dup", "dup2", "dup3"]),
    ("eventfd", &["eventfd", "eventfd2"]),
    ("fcntl", &["fcntl", "fcntl64"]),
    ("getrlimit", &["getrlimit", "ugetrlimit"]),
    ("inotify_init", &["inotify_init", "inotify_init1"]),
    ("pipe", &["pipe", "pipe2"]),
    ("prlimit", &["prlimit64"]),
    ("select", &["select", "_newselect"]),
    ("sendfile", &["sendfile", "sendfile64"]),
    ("signalfd", &["signalfd", "signalfd4"]),
    ("umount", &["umount", "umount2"]),
];

/// The longest name of a call that is remembered; the longest there is has 28 letters.
const MAX_NAME: usize = 64;

/// Reads sysdig's and falco's text.
#[derive(Debug)]
pub(super) struct Falco {
    arch: Arch,
    /// Calls that threads have begun.
    begun: BTreeMap<u32, Vec<u8>>,
    calls: u64,
    /// Events that are no calls.
    others: BTreeSet<String>,
    other_events: u64,
    /// Names that stand for several calls.
    several: BTreeSet<String>,
    headless: u64,
    /// Events that do not say which call they are.
    nameless: u64,
    /// Calls dropped as the log says it, and as its alerts do: both tell of the same.
    dropped: u64,
    dropped_alerts: u64,
    drops: u64,
}

impl Grammar for Falco {
    fn line(&mut self, line: &[u8], draft: &mut Draft) {
        if let Some(event) = event::read(line) {
            draft.known += 1;
            draft.tick(event.time);
            self.event(&event, draft);
        } else if self.loss(line) {
            draft.known += 1;
        } else {
            draft.stranger(line);
        }
    }

    fn end(&mut self, _: &mut Draft) {
        self.begun.clear();
    }

    fn close(&mut self, draft: &mut Draft) {
        let dropped = self.dropped.max(self.dropped_alerts);
        if dropped > 0 {
            draft.lost(dropped);
            draft.lose(format!("the text says that {dropped} calls were dropped"));
        }
        if self.drops > 0 {
            draft.lose(format!("{} lines say that events were dropped, and not how many", self.drops));
        }
        if self.nameless > 0 {
            draft.lose(format!("{} events do not say which call they are", self.nameless));
        }
        if self.calls == 0 {
            return;
        }
        draft.note(
            "sysdig's and falco's text holds no arguments as a filter sees them, nor paths of executables: any value may \
             have occurred"
                .to_owned(),
        );
        if !self.arch.companions().is_empty() {
            let arch = self.arch;
            draft.note(format!(
                "which ABI a call went through is not in this text: all are taken for {arch}'s"
            ));
        }
        if !self.several.is_empty() {
            let names = listed(self.several.iter().map(String::as_str));
            draft.note(format!(
                "{names}: older versions call several calls so; all are in the trace, uncounted"
            ));
        }
        if self.headless > 0 {
            draft.note(format!("{} calls have only an end in this text; they were counted", self.headless));
        }
        if self.other_events > 0 {
            let (n, names) = (self.other_events, listed(self.others.iter().map(String::as_str)));
            draft.note(format!("{n} events are no system calls: {names}"));
        }
    }
}

impl Falco {
    /// A reader of events of this machine.
    pub(super) fn new(arch: Arch) -> Self {
        Self {
            arch,
            begun: BTreeMap::new(),
            calls: 0,
            others: BTreeSet::new(),
            other_events: 0,
            several: BTreeSet::new(),
            headless: 0,
            nameless: 0,
            dropped: 0,
            dropped_alerts: 0,
            drops: 0,
        }
    }

    fn event(&mut self, event: &Event<'_>, draft: &mut Draft) {
        let name = String::from_utf8_lossy(event.name);
        if NO_CALLS.binary_search(&name.as_ref()).is_ok() || name.starts_with("NA") {
            // The driver drops on purpose while it is too slow, and says when.
            self.drops += u64::from(name == "drop");
            self.other_events += 1;
            if self.others.len() <= MAX_NAMED {
                self.others.insert(name.into_owned());
            }
            return;
        }
        draft.process(event.thread);
        if event.enters {
            self.begun.insert(event.thread, event.name[..event.name.len().min(MAX_NAME)].to_vec());
        } else {
            let begun = self.begun.remove(&event.thread).is_some_and(|begun| begun == event.name);
            // A child begins with the end of its parent's call.
            let child = matches!(&*name, "clone" | "clone3" | "fork" | "vfork")
                && word(event.info, " res=") == Some(b"0");
            if begun || child {
                return;
            }
            self.headless += 1;
        }
        self.calls += 1;
        self.call(&name, event, draft);
    }

    fn call(&mut self, name: &str, event: &Event<'_>, draft: &mut Draft) {
        let (arch, executable, registers) = (self.arch, "", &[][..]);
        let outcome = Outcome::Made;
        if name == "syscall" {
            let nr =
                word(event.info, " nativeID=").and_then(number).and_then(|(nr, _)| u32::try_from(nr).ok());
            match nr {
                Some(nr) => draft.observe(Seen { arch, nr, outcome, count: Some(1), executable, registers }),
                None => self.nameless += 1,
            }
            return;
        }
        let Ok(at) = STANDS_FOR.binary_search_by_key(&name, |(name, _)| name) else {
            return draft.named(arch, name.as_bytes(), Some(1), executable);
        };
        let numbers: Vec<u32> = STANDS_FOR[at].1.iter().filter_map(|n| sysno::number(arch, n)).collect();
        if numbers.is_empty() {
            return draft.unknown(name.as_bytes(), arch);
        }
        let count = (numbers.len() == 1).then_some(1);
        for nr in &numbers {
            draft.observe(Seen { arch, nr: *nr, outcome, count, executable, registers });
        }
        if numbers.len() > 1 {
            self.several.insert(name.to_owned());
        }
    }

    /// `Falco internal: syscall event drop. 12 system calls dropped in last second.`, the same as an alert with
    /// `n_drops=12` (`userspace/falco/event_drops.cpp`), `Driver Drops:12` (sysdig -v).
    fn loss(&mut self, line: &[u8]) -> bool {
        let find = |needle: &str| memchr::memmem::find(line, needle.as_bytes());
        let count =
            |at: usize| line.get(at..).and_then(|text| number(text.trim_ascii_start())).map(|(n, _)| n);
        if let Some(at) = find("Driver Drops:") {
            let drops = count(at + "Driver Drops:".len()).unwrap_or(0);
            self.dropped = self.dropped.saturating_add(drops);
            return true;
        }
        if find("event drop").is_none() && find("dropped").is_none() {
            return false;
        }
        let alert = find("n_drops=").and_then(|at| count(at + "n_drops=".len()));
        let log = find("event drop. ").and_then(|at| count(at + "event drop. ".len()));
        match (alert, log) {
            (Some(n), _) => self.dropped_alerts = self.dropped_alerts.saturating_add(n),
            (None, Some(n)) => self.dropped = self.dropped.saturating_add(n),
            (None, None) => self.drops += 1,
        }
        true
    }
}

/// What follows a key up to the next blank.
fn word<'l>(text: &'l [u8], key: &str) -> Option<&'l [u8]> {
    let at = memchr::memmem::find(text, key.as_bytes())? + key.len();
    text[at..].split(|b| *b == b' ').next()
}

#[cfg(test)]
mod tests;
