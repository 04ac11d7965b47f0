//! What is no call: messages of strace's, mode lines, tables, and text of somebody else.

use super::Reader;
use super::event::in_name;
use super::prefix::Head;
use super::summary::{self, Line};
use super::text::{self, End};
use crate::arch::Arch;
use crate::import::number::number;
use crate::import::{ImportError, name};

impl Reader {
    /// `[ Process PID=12 runs in 32 bit mode. ]`
    pub(super) fn mode(&mut self, line: &[u8], head: &Head<'_>) {
        let read = || {
            let rest = head.event.strip_prefix(b"[ Process PID=")?;
            let (pid, rest) = number(rest)?;
            let mode = rest.strip_prefix(b" runs in ")?.strip_suffix(b" mode. ]")?;
            Some((u32::try_from(pid).ok()?, mode))
        };
        let Some((pid, mode)) = read() else { return self.message(line) };
        self.findings.lines += 1;
        self.findings.abi_said = true;
        let at = self.named_process(pid, head.pid.is_none());
        match self.arch_of_mode(mode) {
            Some(arch) => self.change(at, arch),
            None => self.unknown_mode(mode),
        }
    }

    /// What a mode is on the machine strace ran on (`PERSONALITY_NAMES` of its architectures).
    fn arch_of_mode(&self, mode: &[u8]) -> Option<Arch> {
        let x86 = matches!(self.base, Arch::X86_64 | Arch::X86 | Arch::X32);
        let arm = matches!(self.base, Arch::Aarch64 | Arch::Arm);
        match mode {
            b"64 bit" if x86 => Some(Arch::X86_64),
            b"32 bit" if x86 => Some(Arch::X86),
            b"x32" if x86 => Some(Arch::X32),
            b"64 bit" if arm => Some(Arch::Aarch64),
            b"32 bit" if arm => Some(Arch::Arm),
            b"64 bit" => Some(self.base),
            _ => None,
        }
    }

    fn unknown_mode(&mut self, mode: &[u8]) {
        let mode = String::from_utf8_lossy(mode).into_owned();
        let (file, line) = (self.file.clone(), self.line);
        let error = ImportError::UnknownMode { file, line, mode, arch: self.base };
        self.findings.mode.get_or_insert(error);
    }

    /// A line that is no event: a message of strace's, a table, or somebody else's text.
    pub(super) fn message(&mut self, line: &[u8]) {
        let attached = line.strip_prefix(b"strace: ").unwrap_or(line).strip_prefix(b"Process ");
        if let Some((pid, rest)) = attached.and_then(number)
            && let Ok(pid) = u32::try_from(pid)
        {
            self.findings.lines += 1;
            if rest.starts_with(b" attached") {
                // Whoever leaves out mode lines leaves out this, too (`-q`, and `-o` with a command).
                self.findings.abi_said = true;
                self.attached(pid);
            }
        } else if line.starts_with(b"strace: ") {
            self.findings.lines += 1;
        } else if let Some(mode) = summary::heading(line) {
            self.findings.abi_said = true;
            match self.arch_of_mode(mode) {
                Some(arch) => self.table_arch = arch,
                None => self.unknown_mode(mode),
            }
        } else if let Some(table) = summary::header(line) {
            self.table = Some(table);
        } else if line.trim_ascii() == text::UNFINISHED {
            self.findings.lines += 1;
        } else if holds_call(line) {
            self.findings.hidden((&self.file, self.line));
            self.findings.foreign.add(line, (&self.file, self.line));
        } else if !self.tail(line) {
            self.findings.foreign.add(line, (&self.file, self.line));
        }
    }

    /// A process strace tells about on standard error.
    fn attached(&mut self, pid: u32) {
        let start = self.processes.likely_parent().unwrap_or_else(|| self.unrelated());
        self.processes.expect(pid, start, true);
    }

    /// A line below the header of a table; `false`: it is none.
    pub(super) fn table_line(&mut self, line: &[u8]) -> bool {
        let Some(table) = &mut self.table else { return false };
        match table.line(line) {
            Line::Rule => {}
            Line::Row(name, calls) => {
                let (name, calls) = (name.to_owned(), calls);
                self.row(&name, calls);
            }
            Line::Total => {
                (self.table, self.table_arch) = (None, self.base);
            }
            Line::Foreign => {
                if self.table.take().is_some_and(|t| t.begun()) {
                    self.findings.cut_tables += 1;
                }
                return false;
            }
        }
        true
    }

    /// A row counts what the log above it has not counted (`-C`).
    fn row(&mut self, name: &str, calls: Option<u64>) {
        let arch = self.table_arch;
        let Some(resolved) = name::resolve(arch, name, None) else {
            return self.findings.unknown.add(name.as_bytes(), arch, (&self.file, self.line));
        };
        self.findings.rows += 1;
        let same = self.tally.cells.iter().filter(|c| c.arch == arch && c.resolved.nr == resolved.nr);
        let logged = if self.findings.calls == 0 { 0 } else { same.filter_map(|c| c.count).sum() };
        let missing = calls.map(|n| n.saturating_sub(logged));
        // The log has them, with arguments.
        if missing == Some(0) || (missing.is_none() && logged > 0) {
            return;
        }
        let scope = self.tally.scope(arch, 0);
        let name = name.as_bytes();
        let at = self.tally.known(scope, name).or_else(|| self.tally.meet(scope, name, None, 0));
        if let Some(cell) = at.and_then(|at| self.tally.cells.get_mut(at)) {
            match missing {
                Some(calls) => cell.add(calls),
                None => cell.count = None,
            }
            cell.learn_nothing();
            self.findings.only_in_table += missing.unwrap_or(0);
        }
    }
}

/// Whether a line ends as a call of strace's does, and has the name of one before a parenthesis.
fn holds_call(line: &[u8]) -> bool {
    if text::end(line) == End::None {
        return false;
    }
    let known = |open: usize| {
        let start = line[..open].iter().rposition(|b| !in_name(*b)).map_or(0, |at| at + 1);
        let name = std::str::from_utf8(&line[start..open]).unwrap_or_default();
        crate::sysno::is_known(name)
    };
    memchr::memchr_iter(b'(', line).any(known)
}
