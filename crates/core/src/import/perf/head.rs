//! One line of `perf trace`: when, who, which call, and whether it has begun or ended there.
//!
//! `trace__fprintf_entry_head` and what calls it (`tools/perf/builtin-trace.c`): a time in milliseconds or `?`, how long
//! it took in parentheses, `comm/tid` or `tid` where there is more than one thread, and the call. Each may be absent.

use crate::import::number::number;

/// What a line says of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// All of it.
    Whole,
    /// It has begun: another thread's line comes between, `…) ...`.
    Begun,
    /// It has ended: ` ... [continued]: read()) = 1`.
    Ended,
    /// It has begun, and the line has no end.
    Endless,
}

/// A line with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'l> {
    /// Microseconds since perf began.
    pub(super) micros: Option<u64>,
    pub(super) thread: Option<u32>,
    pub(super) name: &'l [u8],
    pub(super) event: Event,
    /// It ended with 0.
    pub(super) zero: bool,
}

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind<'l> {
    /// A call.
    Call(Line<'l>),
    /// perf's, and no call: a page fault, another tracepoint.
    Event,
    /// Somebody else's.
    Stranger,
}

/// Parentheses looked at: a name of a program may hold some.
const MAX_PARENTHESES: usize = 8;

/// Reads a line.
pub(super) fn read(line: &[u8]) -> Kind<'_> {
    let line = line.trim_ascii_start();
    let timed = time(line);
    let (micros, rest) = timed.unwrap_or((None, line));
    let (lasted, rest) = duration(rest);
    let headed = timed.is_some() || lasted;
    for open in memchr::memchr_iter(b'(', rest).take(MAX_PARENTHESES) {
        let start = rest[..open].iter().rposition(|b| !in_name(*b)).map_or(0, |at| at + 1);
        let name = &rest[start..open];
        if name.is_empty() || name[0].is_ascii_digit() {
            continue;
        }
        let Some((thread, continued)) = who(&rest[..start]) else { continue };
        let event = if continued { Event::Ended } else { event(&rest[open + 1..]) };
        // Without anything of perf's before it, a call is told from other text by how perf writes arguments.
        let bare = !headed && thread.is_none() && !continued;
        if bare && (event == Event::Endless || !labelled(&rest[open + 1..])) {
            return Kind::Stranger;
        }
        // perf 6.1 leaves out the 0 with which a child begins.
        let zero = [&b"= 0"[..], b" ="].iter().any(|end| rest.trim_ascii_end().ends_with(end));
        return Kind::Call(Line { micros, thread, name, event, zero });
    }
    if headed { Kind::Event } else { Kind::Stranger }
}

fn in_name(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}

/// `12.345 ` in milliseconds, or `? `, which says that there is none; and what follows.
fn time(text: &[u8]) -> Option<(Option<u64>, &[u8])> {
    if let Some(rest) = text.strip_prefix(b"? ") {
        return Some((None, rest.trim_ascii_start()));
    }
    let (whole, rest) = number(text)?;
    let (thousandths, end) = number(rest.strip_prefix(b".")?.get(..3)?)?;
    let rest = rest.get(4..)?.strip_prefix(b" ")?;
    let micros = whole.saturating_mul(1000).saturating_add(thousandths);
    end.is_empty().then_some((Some(micros), rest.trim_ascii_start()))
}

/// `( 0.010 ms): ` or `(         ): `.
fn duration(text: &[u8]) -> (bool, &[u8]) {
    let Some(end) = memchr::memmem::find(text, b"): ").filter(|_| text.starts_with(b"(")) else {
        return (false, text);
    };
    let inner = text[1..end].trim_ascii();
    let inner = inner.strip_suffix(b" ms").unwrap_or(inner);
    let all = inner.iter().all(|b| b.is_ascii_digit() || *b == b'.' || *b == b' ');
    if all { (true, &text[end + 3..]) } else { (false, text) }
}

/// The thread before a name, and whether its call goes on there; `None`: it is no such text.
fn who(text: &[u8]) -> Option<(Option<u32>, bool)> {
    let text = text.trim_ascii();
    let (text, continued) = match text.strip_suffix(b"[continued]:") {
        Some(rest) => (rest.trim_ascii().strip_suffix(b"...")?.trim_ascii(), true),
        None => (text, false),
    };
    if text.is_empty() {
        return Some((None, continued));
    }
    let digits = text.iter().rposition(|b| !b.is_ascii_digit()).map_or(0, |at| at + 1);
    let tid = number(&text[digits..]).and_then(|(tid, _)| u32::try_from(tid).ok())?;
    (digits == 0 || text[digits - 1] == b'/').then_some((Some(tid), continued))
}

/// What follows the parenthesis of a call.
fn event(text: &[u8]) -> Event {
    let text = text.trim_ascii_end();
    let ends = |at: usize| text[..at].trim_ascii_end().ends_with(b")");
    if memchr::memmem::find_iter(text, b"= ").any(ends) {
        return Event::Whole;
    }
    match text.strip_suffix(b"...") {
        Some(rest) if rest.trim_ascii_end().ends_with(b")") => Event::Begun,
        _ if text.strip_suffix(b"=").is_some_and(|rest| ends(rest.len())) => Event::Whole,
        _ if text.strip_suffix(b"= ?").is_some_and(|rest| ends(rest.len())) => Event::Whole,
        _ => Event::Endless,
    }
}

/// `fd: 3, …`, or nothing between the parentheses.
fn labelled(text: &[u8]) -> bool {
    let label = text.iter().take_while(|b| in_name(**b)).count();
    text.starts_with(b")") || (label > 0 && text[label..].starts_with(b": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_of_what_perf_puts_before_a_call_is_understood() {
        for time in ["", "     0.000 ", "1795612.326 ", "         ? "] {
            for lasted in ["", "( 0.010 ms): ", "(123.456 ms): ", "(         ): "] {
                for who in ["", "ls/123 ", "123 ", "kworker/0:1-ev/123 ", "(sd-pam)/123 ", "Web Content/123 "]
                {
                    for (text, name, event) in [
                        ("read(fd: 3, buf: 0x7f, count: 8)       = 8", "read", Event::Whole),
                        ("getpid() = 7", "getpid", Event::Whole),
                        (
                            "openat(dfd: CWD, filename: \"a = (b)\") = -1 ENOENT (No such file or directory)",
                            "openat",
                            Event::Whole,
                        ),
                        ("exit_group() = ?", "exit_group", Event::Whole),
                        ("futex(uaddr: 0x7f, op: WAIT)          ...", "futex", Event::Begun),
                        (" ... [continued]: futex()) = 0", "futex", Event::Ended),
                        (" ... [continued]: vfork())            = ", "vfork", Event::Ended),
                        ("vfork()            = ", "vfork", Event::Whole),
                    ] {
                        let line = format!("{time}{lasted}{who}{text}");
                        let Kind::Call(read) = read(line.as_bytes()) else { panic!("{line}") };
                        assert_eq!((read.name, read.event), (name.as_bytes(), event), "{line}");
                        assert_eq!(read.thread, (!who.is_empty()).then_some(123), "{line}");
                    }
                }
            }
        }
    }

    #[test]
    fn times_are_milliseconds_and_may_be_unknown() {
        let micros = |line: &str| match read(line.as_bytes()) {
            Kind::Call(line) => line.micros,
            other => panic!("{other:?}"),
        };
        assert_eq!(micros("     1.234 ( 0.010 ms): ls/1 close(fd: 3) = 0"), Some(1234));
        assert_eq!(micros("         ? (         ): ls/1  ... [continued]: read()) = 0"), None);
    }

    #[test]
    fn what_is_no_call_is_no_call() {
        for (line, expected) in [
            ("     0.000 ( 0.000 ms): ls/123 minfault [__memset+0x0] => /usr/bin/ls@0x0 (d.)", Kind::Event),
            ("     0.123 ls/12 sched:sched_switch(prev_comm: \"ls\")", Kind::Event),
            ("openat(AT_FDCWD, \"x\", O_RDONLY) = 3", Kind::Stranger),
            ("puts(\"hi\") = 3", Kind::Stranger),
            ("hello (world)", Kind::Stranger),
            ("main(argc: 1", Kind::Stranger),
            ("", Kind::Stranger),
        ] {
            assert_eq!(read(line.as_bytes()), expected, "{line}");
        }
        let cut = read(b"     0.000 (         ): ls/123 openat(dfd: CW");
        assert!(matches!(cut, Kind::Call(Line { event: Event::Endless, .. })), "{cut:?}");
    }
}
