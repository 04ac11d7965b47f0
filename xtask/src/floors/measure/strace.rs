//! The log of `strace -f`: which calls a task made below a filter it had loaded, until it executed a program.

use std::collections::{BTreeMap, BTreeSet};

/// One line: who, and what.
struct Line<'l> {
    pid: u32,
    /// Where a call begins: its name, and what it was asked for.
    call: Option<(&'l str, &'l str)>,
    /// Where a call ends: its name and result.
    done: Option<(&'l str, i64)>,
}

/// The calls that tasks made below a filter, up to their successful execve; an error where nobody came that far.
pub(crate) fn below_the_filter(log: &str) -> Result<BTreeSet<String>, String> {
    let lines: Vec<Line<'_>> = log.lines().filter_map(parse).collect();
    let births = births(&lines);
    // Who has a filter, and from which line on; what everybody is asking for.
    let (mut filtered, mut asking) = (BTreeMap::new(), BTreeMap::new());
    let (mut calls, mut executed) = (BTreeSet::new(), false);
    for (at, line) in lines.iter().enumerate() {
        // A task that was born of a filtered one is filtered from its first instruction on.
        if let Some((parent, born)) = births.get(&line.pid)
            && !asking.contains_key(&line.pid)
            && filtered.get(parent).is_some_and(|since| since < born)
        {
            filtered.insert(line.pid, *born);
        }
        if let Some((name, text)) = line.call {
            asking.insert(line.pid, text);
            if filtered.contains_key(&line.pid) {
                calls.insert(name.to_owned());
                // Killed at once, a task leaves no result of its execve; that it ran is known otherwise.
                executed |= name == "execve";
            }
        }
        match line.done {
            Some((name, 0)) if loads_a_filter(name, asking.get(&line.pid).copied().unwrap_or_default()) => {
                filtered.insert(line.pid, at);
            }
            Some(("execve", 0)) => drop(filtered.remove(&line.pid)),
            _ => {}
        }
    }
    if executed { Ok(calls) } else { Err("strace saw nobody load a filter and execute a program".to_owned()) }
}

/// Whether this call, if it succeeds, puts a filter on its caller (seccomp(2), prctl(2)).
fn loads_a_filter(name: &str, text: &str) -> bool {
    (name == "seccomp" && text.contains("SECCOMP_SET_MODE_FILTER"))
        || (name == "prctl" && text.contains("PR_SET_SECCOMP, SECCOMP_MODE_FILTER"))
}

/// Child → parent, and the line where the parent's call began.
fn births(lines: &[Line<'_>]) -> BTreeMap<u32, (u32, usize)> {
    let (mut births, mut began) = (BTreeMap::new(), BTreeMap::new());
    for (at, line) in lines.iter().enumerate() {
        if line.call.is_some() {
            began.insert(line.pid, at);
        }
        if let Some(("clone" | "clone3" | "fork" | "vfork", child @ 1..)) = line.done {
            births.insert(child as u32, (line.pid, began.get(&line.pid).copied().unwrap_or(at)));
        }
    }
    births
}

/// `123 close(3) = 0`, `123 close(3 <unfinished ...>`, `123 <... close resumed>) = 0`; nothing for signals and ends.
fn parse(line: &str) -> Option<Line<'_>> {
    let (pid, rest) = line.trim_start().split_once(' ')?;
    let (pid, rest) = (pid.parse().ok()?, rest.trim_start());
    let result = |text: &str| text.rsplit_once(" = ").and_then(|(_, value)| leading(value));
    if let Some(resumed) = rest.strip_prefix("<... ") {
        let (name, text) = resumed.split_once(" resumed>")?;
        return Some(Line { pid, call: None, done: result(text).map(|value| (name, value)) });
    }
    let (name, text) = rest.split_once('(')?;
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return None;
    }
    let unfinished = text.ends_with("<unfinished ...>");
    let done = if unfinished { None } else { result(text).map(|value| (name, value)) };
    Some(Line { pid, call: Some((name, text)), done })
}

/// The number at the start of `0`, `-1 EPERM (…)`, `0x7f…`.
fn leading(text: &str) -> Option<i64> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '-')).unwrap_or(text.len());
    text[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
10 openat(AT_FDCWD, \"/\", O_RDONLY) = 3
10 seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, NULL) = -1 EFAULT (Bad address)
10 getuid() = 0
10 clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>
11 getgid( <unfinished ...>
10 <... clone resumed>) = 11
10 seccomp(SECCOMP_SET_MODE_FILTER, 0, {len=7, filter=0x1} <unfinished ...>
11 <... getgid resumed>) = 0
10 <... seccomp resumed>) = 0
11 getppid() = 10
10 write(5, \"a = b\", 5) = 5
10 --- SIGURG {si_signo=SIGURG, si_code=SI_TKILL} ---
10 rt_sigreturn({mask=[]}) = 0
10 clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>
12 close(3 <unfinished ...>
10 <... clone resumed>) = 12
10 execve(\"/no\", [\"x\"], NULL) = -1 ENOENT (No such file or directory)
10 execve(\"/bin/true\", [\"x\"], NULL) = 0
10 brk(NULL) = 0x1000
10 +++ exited with 0 +++
";

    #[test]
    fn what_counts_begins_with_the_filter_and_ends_with_the_program() {
        let found = below_the_filter(LOG).unwrap_or_default();
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            ["clone", "close", "execve", "rt_sigreturn", "write"]
        );
    }

    #[test]
    fn a_log_without_a_filter_is_an_error() {
        assert!(below_the_filter("10 execve(\"/bin/true\", [\"x\"], NULL) = 0\n").is_err());
    }
}
