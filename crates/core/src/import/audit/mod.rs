//! Reads the audit log, the kernel's log, `ausearch` with and without `-i`, and `journalctl`.
//!
//! Two records hold calls: SECCOMP, what a filter logged or refused, and SYSCALL, what an audit rule asked for
//! (`audit_seccomp` and `audit_log_exit`, `kernel/auditsc.c`; auditd's `auparse` for the words). A record without one of
//! its fields is an error of the text, and said. The audit system loses records by design where there are many; every
//! sign of that makes the trace incomplete.

mod loss;
mod record;
mod serial;

use std::collections::{BTreeMap, BTreeSet};

use super::clock::Time;
use super::draft::{Draft, Seen, listed};
use super::lines::Grammar;
use super::name;
use crate::action::Action;
use crate::arch::Arch;
use crate::trace::Outcome;
use crate::{errno, sysno};

use loss::Loss;
use record::{Call, Kind, Which};
use serial::Serials;

/// Reads audit records.
#[derive(Debug, Default)]
pub(super) struct Audit {
    serials: Serials,
    seccomp: u64,
    syscall: u64,
    /// Lines that are no records.
    passed: u64,
    /// Records that lack something.
    unread: u64,
    /// Refused without an errno: killed or trapped, and with one that the record does not have.
    killed: BTreeSet<String>,
    errno_unknown: BTreeSet<String>,
    /// Left to a listener or a tracer.
    asked: BTreeSet<String>,
    /// Records of machines there is no table for, by token.
    no_table: BTreeMap<u32, u64>,
    /// Calls of SYSCALL records, and those that ended with EPERM or ENOSYS.
    ends: BTreeMap<(Arch, u32), (u64, u64)>,
    /// Records known to be lost; since the machine was started; and how often nobody says how many.
    lost: u64,
    lost_in_all: u64,
    losses: u64,
}

impl Grammar for Audit {
    fn line(&mut self, line: &[u8], draft: &mut Draft) {
        let Some(record) = record::split(line) else { return self.no_record(line, draft) };
        draft.known += 1;
        if let Some(serial) = record.serial {
            self.serials.take(serial);
        }
        draft.tick(record.micros.map_or(Time::Absent, Time::Epoch));
        if record.kind == Kind::Other {
            return;
        }
        let Some(call) = record.call() else {
            self.unread += 1;
            return draft.stranger(line);
        };
        if let Some(pid) = call.pid {
            draft.process(pid);
        }
        match &call.which {
            Which::NoTable(token) => *self.no_table.entry(*token).or_default() += 1,
            Which::Number(arch, nr) => self.call(&call, *arch, *nr, draft),
            Which::Name(arch, text) => {
                let name = String::from_utf8_lossy(text);
                match name::resolve(*arch, &name, None).and_then(|r| r.nr) {
                    Some(nr) => self.call(&call, *arch, nr, draft),
                    None => draft.unknown(text, *arch),
                }
            }
        }
    }

    fn end(&mut self, _: &mut Draft) {}

    fn close(&mut self, draft: &mut Draft) {
        self.losses(draft);
        self.blindness(draft);
        self.outcomes(draft);
        if self.passed > 0 && draft.known > 0 {
            let n = self.passed;
            draft.note(format!("{n} lines are no audit records and were passed over"));
        }
    }
}

impl Audit {
    fn no_record(&mut self, line: &[u8], draft: &mut Draft) {
        match loss::read(line) {
            Some(Loss::More(n)) => self.lost = self.lost.saturating_add(n),
            Some(Loss::InAll(n)) => self.lost_in_all = self.lost_in_all.max(n),
            Some(Loss::Some) => self.losses += 1,
            None => {
                self.passed += 1;
                return;
            }
        }
        draft.known += 1;
    }

    fn call(&mut self, call: &Call<'_>, arch: Arch, nr: u32, draft: &mut Draft) {
        let outcome = if let Some(action) = call.action {
            self.seccomp += 1;
            self.outcome(action, arch, nr)
        } else {
            self.syscall += 1;
            draft.arguments = true;
            let (calls, denied) = self.ends.entry((arch, nr)).or_default();
            *calls += 1;
            *denied += u64::from(call.denied);
            Outcome::Made
        };
        let (count, executable, registers) = (Some(1), call.executable.as_str(), &call.registers[..]);
        draft.observe(Seen { arch, nr, outcome, count, executable, registers });
    }

    /// What a filter's word came to.
    fn outcome(&mut self, action: Action, arch: Arch, nr: u32) -> Outcome {
        match action {
            Action::Log | Action::Allow => Outcome::Made,
            Action::Notify | Action::Trace(_) => {
                self.asked.insert(named(arch, nr));
                Outcome::Made
            }
            Action::Errno(errno @ 1..=errno::MAX) => Outcome::Refused(errno),
            // The kernel writes the action without its data (`seccomp_log`, `kernel/seccomp.c`).
            Action::Errno(_) => {
                self.errno_unknown.insert(named(arch, nr));
                Outcome::Refused(errno::EPERM)
            }
            Action::KillProcess | Action::KillThread | Action::Trap(_) => {
                self.killed.insert(named(arch, nr));
                Outcome::Refused(errno::EPERM)
            }
        }
    }

    /// What is known to be missing.
    fn losses(&self, draft: &mut Draft) {
        let lost = self.lost.max(self.lost_in_all);
        if lost > 0 {
            draft.lose(format!("the log says that {lost} audit records were lost, and calls with them"));
        }
        if self.losses > 0 {
            let n = self.losses;
            draft.lose(format!("{n} lines say that audit records were lost, and not how many"));
        }
        if let Some((missing, (before, after))) = self.serials.missing() {
            draft.lose(format!(
                "{missing} audit serial numbers are missing, first between {before} and {after}: records were lost, or \
                 left out of this text (grep, ausearch -m), and calls may have been with them"
            ));
        }
        if self.unread > 0 {
            draft.lose(format!("{} records lack a field or were cut, and were left out", self.unread));
        }
        for (token, count) in &self.no_table {
            draft.lose(format!(
                "there is no table of system calls for arch={token:x}: {count} records left out"
            ));
        }
    }

    /// What such records cannot know.
    fn blindness(&self, draft: &mut Draft) {
        if self.seccomp > 0 {
            draft.note(
                "SECCOMP records hold no arguments, and only calls that a filter logs or refuses: calls that it lets \
                 through without logging are in none"
                    .to_owned(),
            );
        }
        if self.syscall > 0 {
            draft.note(
                "SYSCALL records hold four of six arguments, and only calls that an audit rule asks for; calls that a \
                 filter refuses are in none"
                    .to_owned(),
            );
        }
        if self.seccomp > 0 && self.syscall > 0 {
            draft.note("a call that has both a SECCOMP and a SYSCALL record is counted twice".to_owned());
        }
    }

    /// What is not known of ends.
    fn outcomes(&self, draft: &mut Draft) {
        let list = |names: &BTreeSet<String>| listed(names.iter().map(String::as_str));
        if !self.killed.is_empty() {
            let names = list(&self.killed);
            draft.note(format!(
                "{names}: refused by killing or trapping, which has no errno; stands as refused with EPERM"
            ));
        }
        if !self.errno_unknown.is_empty() {
            let names = list(&self.errno_unknown);
            draft.note(format!(
                "{names}: refused with an errno that audit records do not hold; stands as EPERM"
            ));
        }
        if !self.asked.is_empty() {
            let names = list(&self.asked);
            draft.note(format!(
                "{names}: left to a listener or a tracer, whose answer is not recorded; counts as made"
            ));
        }
        let always = self.ends.iter().filter(|(_, (calls, denied))| calls == denied);
        let names: BTreeSet<String> = always.map(|((arch, nr), _)| named(*arch, *nr)).collect();
        if !names.is_empty() {
            let names = list(&names);
            draft.note(format!("{names}: every call ended with EPERM or ENOSYS; it counts as made"));
        }
    }
}

/// A name, or the number where there is none.
fn named(arch: Arch, nr: u32) -> String {
    sysno::name(arch, nr).map_or_else(|| format!("{arch} {nr}"), str::to_owned)
}

#[cfg(test)]
mod tests;
