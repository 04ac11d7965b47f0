//! What a line says: a call entered, the end of one, a change of ABI, the end of a process, or something to skip.

use super::Reader;
use super::prefix::{self, Head};
use super::process::{Pending, Start};
use super::tally::Follow;
use super::text::{self, End, Next, argument};
use crate::arch::Arch;
use crate::import::clock::Time;
use crate::import::name;
use crate::import::number::number;
use crate::trace::Phase;

/// The text of a call that was interrupted, kept until its end comes: more is not looked at.
const MAX_PENDING: usize = 4096;

/// Whether a byte can be in the name of a call.
pub(super) fn in_name(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'#')
}

/// The name a call's text begins with, and what follows its parenthesis.
fn call(event: &[u8]) -> Option<(&[u8], &[u8])> {
    let older = usize::from(event.starts_with(b"SYS_")) * 4;
    let length = older + event[older..].iter().take_while(|b| in_name(**b)).count();
    let arguments = event[length..].strip_prefix(b"(")?;
    (length > 0 && !event[0].is_ascii_digit()).then_some((&event[..length], arguments))
}

impl Reader {
    /// A line with its end.
    pub(super) fn whole_line(&mut self, line: &[u8]) {
        self.line += 1;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match line {
            [] => {}
            // A frame of `-k`, a row of `-e read=` and `-e write=`.
            [b' ', b'>' | b'|', b' ', ..] => self.findings.lines += 1,
            _ if self.table.is_some() && self.table_line(line) => {}
            _ => self.event(line),
        }
    }

    /// A line without its end: the text was cut there, unless it is the end of a process.
    pub(super) fn last_line(&mut self, line: &[u8]) {
        let head = prefix::split(line);
        let ended = head.event.starts_with(b"+++ ") && head.event.ends_with(b"+++");
        let total = self.table.is_some() && line.trim_ascii_end().ends_with(b" total");
        let strace = head.pid.is_some() || head.event.starts_with(b"<... ") || call(head.event).is_some();
        if !ended && !total && (strace || self.findings.calls > 0) {
            self.findings.cut.push((self.file.clone(), self.line + 1));
        }
        // A name or a prefix that is cut is neither a call nor somebody else's text.
        if ended || total || call(head.event).is_some() || !strace {
            self.whole_line(line);
        }
    }

    fn event(&mut self, line: &[u8]) {
        let head = prefix::split(line);
        if head.time != Time::Absent {
            self.clock.tick(head.time);
        }
        match head.event.first() {
            Some(b'a'..=b'z' | b'_' | b'S') => {
                if let Some((name, arguments)) = call(head.event) {
                    return self.call(line, &head, name, arguments);
                }
            }
            Some(b'<') => {
                if let Some(rest) = head.event.strip_prefix(b"<... ") {
                    return self.resumed(line, &head, rest);
                }
            }
            Some(b'-') if head.event.starts_with(b"--- ") => return self.alive(&head),
            Some(b'+') if head.event.starts_with(b"+++ ") => return self.ended(&head),
            Some(b'[') if head.event.starts_with(b"[ Process ") => return self.mode(line, &head),
            Some(b'?') if head.event.starts_with(b"???") => {
                self.findings.nameless += 1;
                return self.alive(&head);
            }
            _ => {}
        }
        self.message(line);
    }

    /// Takes note that a process is alive.
    fn alive(&mut self, head: &Head<'_>) {
        self.findings.lines += 1;
        self.process(head);
    }

    /// The process of a line; makes it, if it is new.
    fn process(&mut self, head: &Head<'_>) -> usize {
        let pid = head.pid.or(self.file_pid);
        if let Some(at) = self.processes.same(pid) {
            return at;
        }
        match pid {
            Some(pid) => {
                // Who waits for the end of a call goes on with that end; another line is somebody else's.
                let goes_on = head.event.starts_with(b"<... ") || head.event.starts_with(b"+++ ");
                let first = head.bracketed && (goes_on || !self.processes.unnamed_is_within());
                self.named_process(pid, first)
            }
            None => self.processes.unnamed().unwrap_or_else(|| {
                // `strace -p` tells whom it attaches to before the first call.
                let pid = self.processes.only_expected().unwrap_or(0);
                self.new_process(pid)
            }),
        }
    }

    pub(super) fn named_process(&mut self, pid: u32, first: bool) -> usize {
        if let Some(at) = self.processes.find(pid) {
            return at;
        }
        // On standard error strace names processes once there are two: the first was there before its name.
        let unnamed = if first { self.processes.name(pid) } else { None };
        unnamed.unwrap_or_else(|| self.new_process(pid))
    }

    fn new_process(&mut self, pid: u32) -> usize {
        let (start, guessed) = match self.processes.expected(pid) {
            Some(expected) => expected,
            None => (self.processes.likely_parent().unwrap_or_else(|| self.unrelated()), true),
        };
        let at = self.processes.add(pid, start, guessed, self.line);
        self.processes.enter(at);
        at
    }

    pub(super) fn unrelated(&mut self) -> Start {
        Start { arch: self.base, executable: 0, scope: self.tally.scope(self.base, 0) }
    }

    /// A call is entered.
    fn call(&mut self, line: &[u8], head: &Head<'_>, name: &[u8], arguments: &[u8]) {
        let end = text::end(line);
        // Without an end of strace's it may be the program's own output.
        if end == End::None && !(text::is_cut(arguments) && self.is_call(name)) {
            return self.message(line);
        }
        let at = self.process(head);
        if let Some(number) = head.number {
            self.numbered(at, name, number);
        }
        let Some(cell) = self.cell(at, name, head.number) else { return self.no_call(name, end, at) };
        if self.processes.get(at).is_some_and(|p| p.pending.is_some()) {
            self.settle(at);
        }
        self.findings.calls += 1;
        let before = line.len() - arguments.len();
        let Some(seen) = self.tally.cells.get_mut(cell) else { return };
        seen.add(1);
        match end {
            End::Result(result) => {
                if result.starts_with(b"-1 E")
                    && (result.starts_with(b"-1 EPERM") || result.starts_with(b"-1 ENOSYS"))
                {
                    seen.denied += 1;
                }
                self.complete(at, cell, arguments, result);
            }
            End::Unfinished(text) => self.begin_call(at, Some(cell), text.get(before..).unwrap_or_default()),
            End::None => self.interrupted(at, cell, arguments),
        }
    }

    /// A call whose line another text interrupts: strace's own message on standard error, or the program's output.
    fn interrupted(&mut self, at: usize, cell: usize, arguments: &[u8]) {
        if let Some(message) = memchr::memmem::find(arguments, b"strace: Process ") {
            self.begin_call(at, Some(cell), &arguments[..message]);
            self.message(&arguments[message..]);
        } else {
            self.findings.endless += 1;
            self.begin_call(at, Some(cell), arguments);
        }
    }

    /// Whether a name is that of a call, on whatever architecture.
    fn is_call(&self, name: &[u8]) -> bool {
        let known =
            |name: &str| crate::sysno::is_known(name) || name::resolve(self.base, name, None).is_some();
        std::str::from_utf8(name).is_ok_and(known)
    }

    /// A number tells the ABI.
    fn numbered(&mut self, at: usize, name: &[u8], number: u32) {
        self.findings.abi_said = true;
        let Some(arch) = self.processes.get(at).map(|p| p.arch) else { return };
        let said = std::str::from_utf8(name).map_or(arch, |name| name::arch_of(arch, name, number));
        if said != arch {
            self.change(at, said);
        }
    }

    /// Puts a process into another ABI.
    pub(super) fn change(&mut self, at: usize, arch: Arch) {
        let Some(process) = self.processes.get(at) else { return };
        process.arch = arch;
        process.scope = self.tally.scope(arch, process.executable);
    }

    /// The cell of a name in a process; `None`: no such call.
    fn cell(&mut self, at: usize, name: &[u8], number: Option<u32>) -> Option<usize> {
        let Some(process) = self.processes.get(at) else {
            let scope = self.tally.scope(self.base, 0);
            return self.tally.meet(scope, name, number, self.clock.now_ms());
        };
        let (arch, scope) = (process.arch, process.scope);
        if std::mem::take(&mut self.floor) && name == b"execve" {
            // The first call of a log is the one that starts the program.
            return self.tally.make((arch, 0), name, number, (Phase::Floor, self.clock.now_ms()));
        }
        // A number that decides between two calls of one name is part of what was met.
        let numbered = number.filter(|_| crate::sysno::number(arch, "socketcall").is_some());
        if let Some(number) = numbered {
            let key = [name, b" ", number.to_string().as_bytes()].concat();
            return self.tally.known(scope, &key).or_else(|| {
                let cell = self.tally.meet(scope, name, Some(number), self.clock.now_ms())?;
                self.tally.alias(scope, &key, cell);
                Some(cell)
            });
        }
        self.tally.known(scope, name).or_else(|| self.tally.meet(scope, name, number, self.clock.now_ms()))
    }

    /// A name that is no call, on a line that ends as strace's do.
    fn no_call(&mut self, name: &[u8], end: End<'_>, at: usize) {
        let arch = self.processes.get(at).map_or(self.base, |p| p.arch);
        self.findings.unknown.add(name, arch, (&self.file, self.line));
        if let End::Unfinished(_) = end {
            self.begin_call(at, None, b"");
        }
    }

    fn learn(&mut self, cell: usize, arguments: &[u8]) {
        let Some(seen) = self.tally.cells.get_mut(cell).filter(|c| c.learns()) else { return };
        let unknown = seen.learn(arguments);
        if !unknown.is_empty() {
            self.findings.values(cell, &unknown, (&self.file, self.line));
        }
    }

    /// A call whose arguments and result are there.
    fn complete(&mut self, at: usize, cell: usize, arguments: &[u8], result: &[u8]) {
        self.learn(cell, arguments);
        let follow = self.tally.cells.get(cell).map_or(Follow::Nothing, |c| c.follow);
        let succeeded = result.starts_with(b"0");
        match follow {
            Follow::Fork => self.forked(at, result, self.line),
            Follow::Exec if succeeded => self.executed(at, cell, arguments, 0),
            Follow::ExecAt if succeeded => self.executed(at, cell, arguments, 1),
            Follow::Nothing | Follow::Exec | Follow::ExecAt => {}
        }
    }

    /// A call that another line interrupts.
    fn begin_call(&mut self, at: usize, cell: Option<usize>, text: &[u8]) {
        self.settle(at);
        let known = cell.and_then(|c| self.tally.cells.get(c));
        let keep = known.is_some_and(|c| c.learns() || c.follow != Follow::Nothing);
        let forks = known.is_some_and(|c| c.follow == Follow::Fork);
        let text = if keep { text[..text.len().min(MAX_PENDING)].to_vec() } else { Vec::new() };
        let pending = Pending { cell, text, line: self.line, forks };
        if let Some(process) = self.processes.get(at) {
            process.pending = Some(pending);
        }
        if forks {
            self.processes.begins_fork(at, self.line);
        }
    }

    /// What was begun and will not end in the log.
    fn settle(&mut self, at: usize) {
        let pending = self.processes.get(at).and_then(|p| p.pending.take());
        self.abandon(pending);
    }

    fn abandon(&mut self, pending: Option<Pending>) {
        if let Some(Pending { cell: Some(cell), text, line, .. }) = pending
            && let Some(seen) = self.tally.cells.get_mut(cell).filter(|c| c.learns())
        {
            let unknown = seen.learn(&text);
            self.findings.values(cell, &unknown, (&self.file, line));
        }
    }

    /// Forgets all processes.
    pub(super) fn forget_all(&mut self) {
        for pending in self.processes.clear() {
            self.abandon(Some(pending));
        }
    }

    /// `<... read resumed>, 5) = 5`: the end of a call that was counted, unless its beginning was before the log's.
    fn resumed(&mut self, line: &[u8], head: &Head<'_>, rest: &[u8]) {
        self.findings.lines += 1;
        let at = self.process(head);
        let Some(middle) = memchr::memmem::find(rest, b" resumed>") else { return self.message(line) };
        let (name, after) = (&rest[..middle], &rest[middle + b" resumed>".len()..]);
        let pending = self.processes.get(at).and_then(|p| p.pending.take());
        let end = text::end(line);
        let Some(Pending { cell, mut text, line: begun, forks }) = pending else {
            if !name.starts_with(b"???") {
                self.headless(at, name, head.number, end);
            }
            return;
        };
        let Some(cell) = cell else { return };
        if text.len() < MAX_PENDING {
            text.extend_from_slice(after);
        }
        match end {
            End::Result(result) if forks => {
                self.learn(cell, &text);
                self.forked(at, result, begun);
            }
            End::Result(result) => self.complete(at, cell, &text, result),
            // Interrupted once more, or ended within.
            End::Unfinished(_) | End::None => {
                let text = text.strip_suffix(text::UNFINISHED).unwrap_or(&text).to_vec();
                if let Some(process) = self.processes.get(at) {
                    process.pending = Some(Pending { cell: Some(cell), text, line: begun, forks });
                }
                if forks {
                    self.processes.begins_fork(at, begun);
                }
            }
        }
    }

    /// `) = 5`, ` => {parent_tid=[7]}, 88) = 7`: the end of a call whose line another text interrupted; `false`: none.
    pub(super) fn tail(&mut self, line: &[u8]) -> bool {
        let End::Result(result) = text::end(line) else { return false };
        let Some(at) = self.processes.unnamed() else { return false };
        let Some(pending) = self.processes.get(at).and_then(|p| p.pending.take()) else { return false };
        self.findings.lines += 1;
        if let Pending { cell: Some(cell), mut text, .. } = pending {
            text.extend_from_slice(line);
            self.complete(at, cell, &text, result);
        }
        true
    }

    /// The end of a call whose beginning is not in the log.
    fn headless(&mut self, at: usize, name: &[u8], number: Option<u32>, end: End<'_>) {
        let Some(cell) = self.cell(at, name, number) else {
            let arch = self.processes.get(at).map_or(self.base, |p| p.arch);
            return self.findings.unknown.add(name, arch, (&self.file, self.line));
        };
        self.findings.calls += 1;
        self.findings.headless += 1;
        let Some(seen) = self.tally.cells.get_mut(cell) else { return };
        seen.add(1);
        seen.learn_nothing();
        let follow = seen.follow;
        if let (Follow::Fork, End::Result(result)) = (follow, end) {
            self.forked(at, result, self.line);
        }
    }

    /// A call made a process: what that starts as is known from here on.
    fn forked(&mut self, at: usize, result: &[u8], begun: u64) {
        let Some((pid, rest)) = number(result).filter(|(pid, _)| *pid > 0) else { return };
        self.findings.children += 1;
        // `2 /* 4242 in strace's PID NS */`: the lines have the latter (`--decode-pids=pidns`).
        let translated = rest.strip_prefix(b" /* ").and_then(number).map(|(pid, _)| pid);
        let Ok(pid) = u32::try_from(translated.unwrap_or(pid)) else { return };
        let Some(start) = self.processes.get(at).map(|p| p.start()) else { return };
        self.processes.family.made(pid);
        match self.processes.find(pid) {
            // Seen since the call began: it is this child.
            Some(child) => {
                let line = self.line;
                if let Some(process) = self.processes.get(child)
                    && (process.guessed || process.born < begun)
                {
                    process.become_like(start);
                    (process.guessed, process.born) = (false, line);
                }
            }
            None => self.processes.expect(pid, start, false),
        }
        self.processes.enter(at);
    }

    /// execve(2) that succeeded: from here on the process is another program. `which`: the argument with the path.
    fn executed(&mut self, at: usize, cell: usize, arguments: &[u8], which: usize) {
        let mut place = 0;
        let mut directory: &[u8] = b"";
        for _ in 0..which {
            let (end, next) = argument(arguments, place);
            directory = &arguments[place..end];
            let Next::Argument(next) = next else { return };
            place = next;
        }
        let (end, _) = argument(arguments, place);
        let text = arguments[place..end].trim_ascii();
        let text = text.strip_prefix(b"pathname=").unwrap_or(text);
        let Some(mut path) = text::unquote(text) else { return };
        if path.is_empty() {
            // execveat(2) of a descriptor: `-y` shows what it is.
            let inner = directory.iter().position(|b| *b == b'<').map(|open| &directory[open + 1..]);
            path = inner.and_then(|i| i.strip_suffix(b">")).unwrap_or_default().to_vec();
        }
        if text.ends_with(b"...") {
            path.extend_from_slice("…".as_bytes());
        }
        let executable = self.tally.executable(&String::from_utf8_lossy(&path));
        let Some(process) = self.processes.get(at) else { return };
        (process.executable, process.guessed) = (executable, false);
        process.scope = self.tally.scope(process.arch, executable);
        self.tally.start(cell, executable);
    }

    /// `+++ exited with 0 +++`, `+++ killed by SIGKILL +++`, `+++ superseded by execve in pid 12 +++`.
    fn ended(&mut self, head: &Head<'_>) {
        self.findings.lines += 1;
        let at = self.process(head);
        if let Some(rest) = head.event.strip_prefix(b"+++ superseded by execve in pid ") {
            // The thread that called execve goes on under the id of the one that is superseded.
            let thread = number(rest).and_then(|(pid, _)| u32::try_from(pid).ok());
            let from = thread.and_then(|pid| self.processes.find(pid));
            let pending = from.and_then(|from| self.processes.get(from)).and_then(|p| p.pending.take());
            self.settle(at);
            if let Some(process) = self.processes.get(at) {
                process.pending = pending;
            }
            return;
        }
        let pending = self.processes.remove(at);
        self.abandon(pending);
    }
}
