//! What stands before a call: process, time, number, place.
//!
//! The order is that of strace's `printleader`: `[pid 123] ` or `123 ` (with `<comm>` by `--decode-pids=comm`), then
//! `[context] ` (`--secontext`), absolute time (`-t`, `-tt`, `-ttt`), relative time (`-r`), `[ 202] ` (`-n`),
//! `[00007f…] ` (`-i`). Each may be absent (strace(1), "Output format options").

use crate::import::clock::Time;
use crate::import::number::{number, seconds};

/// The largest process id (`PID_MAX_LIMIT`, `include/linux/threads.h`): a larger number is a time.
const PID_MAX: u64 = 4 << 20;

/// A line split into what strace puts before an event, and the event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head<'l> {
    /// The process, where the line names it.
    pub(super) pid: Option<u32>,
    /// Whether it was written `[pid N]`, as on standard error.
    pub(super) bracketed: bool,
    /// The number of the call (`-n`), with x32's bit.
    pub(super) number: Option<u32>,
    /// When.
    pub(super) time: Time,
    /// The event.
    pub(super) event: &'l [u8],
}

/// Splits a line. Never fails: what is no prefix is left in `event`.
pub(super) fn split(line: &[u8]) -> Head<'_> {
    let mut head = Head { event: line, ..Head::default() };
    while let Some(first) = head.event.first() {
        let taken = match first {
            // A process id stands first, at the left; what is padded with blanks is no process.
            b'0'..=b'9' => head.digits(head.event.len() == line.len()),
            b'[' => head.brackets(),
            b' ' => head.skip(1),
            b'(' => head.relative(),
            _ => false,
        };
        if !taken {
            break;
        }
    }
    head
}

impl<'l> Head<'l> {
    fn skip(&mut self, bytes: usize) -> bool {
        self.event = self.event.get(bytes..).unwrap_or_default();
        true
    }

    /// A process id or a time, which a blank follows.
    fn digits(&mut self, first: bool) -> bool {
        let text = self.event;
        let Some((value, rest)) = number(text) else { return false };
        match rest {
            [b' ', rest @ ..] if first && value <= PID_MAX => {
                self.pid = Some(value as u32);
                self.event = rest;
                true
            }
            // Whole seconds: since the epoch, or since the line before.
            [b' ', rest @ ..] => {
                let micros = value.saturating_mul(1_000_000);
                self.set_time(if value > PID_MAX { Time::Epoch(micros) } else { Time::Since(micros) });
                self.event = rest;
                true
            }
            [b'<', ..] if first => self.named(value, rest),
            [b':', ..] => self.of_day(),
            [b'.', ..] => self.decimal(),
            _ => false,
        }
    }

    /// `123<comm> `: strace writes `<` and `>` within the name as octal escapes.
    fn named(&mut self, pid: u64, rest: &'l [u8]) -> bool {
        let Some(end) = rest.iter().position(|b| *b == b'>') else { return false };
        self.pid = u32::try_from(pid).ok();
        self.event = &rest[end + 1..];
        self.pid.is_some()
    }

    /// `12:00:00` or `12:00:00.123456`.
    fn of_day(&mut self) -> bool {
        let read = || {
            let (hours, rest) = number(self.event)?;
            let (minutes, rest) = number(rest.strip_prefix(b":")?)?;
            let (micros, rest) = seconds(rest.strip_prefix(b":")?)?;
            let all = (hours < 25 && minutes < 60).then_some(hours * 3600 + minutes * 60)?;
            Some((all * 1_000_000 + micros, rest.strip_prefix(b" ")?))
        };
        let Some((micros, rest)) = read() else { return false };
        self.set_time(Time::OfDay(micros));
        self.event = rest;
        true
    }

    /// `1700000000.123456` or `0.000066`.
    fn decimal(&mut self) -> bool {
        let Some((micros, rest)) = seconds(self.event) else { return false };
        let Some(rest) = rest.strip_prefix(b" ") else { return false };
        let epoch = micros / 1_000_000 > PID_MAX;
        self.set_time(if epoch { Time::Epoch(micros) } else { Time::Since(micros) });
        self.event = rest;
        true
    }

    /// `(+     0.000066) `, where an absolute time stands before it.
    fn relative(&mut self) -> bool {
        let read = || {
            let text = self.event.strip_prefix(b"(+")?.trim_ascii_start();
            let (micros, rest) = seconds(text)?;
            Some((micros, rest.strip_prefix(b")")?))
        };
        let Some((micros, rest)) = read() else { return false };
        self.set_time(Time::Since(micros));
        self.event = rest;
        true
    }

    /// An absolute time says more than a relative one beside it.
    fn set_time(&mut self, time: Time) {
        if self.time == Time::Absent {
            self.time = time;
        }
    }

    /// `[pid 123] `, `[ 202] `, `[00007f…] `, `[context] `; a mode line is an event.
    fn brackets(&mut self) -> bool {
        let text = self.event;
        if text.starts_with(b"[ Process ") {
            return false;
        }
        let Some(end) = text.iter().position(|b| *b == b']') else { return false };
        let (inner, rest) = (&text[1..end], &text[end + 1..]);
        let Some(rest) = rest.strip_prefix(b" ") else { return false };
        if let Some(pid) = inner.strip_prefix(b"pid ") {
            let Some((pid, after)) = number(pid.trim_ascii_start()) else { return false };
            if self.pid.is_some() || !(after.is_empty() || after.starts_with(b"<")) {
                return false;
            }
            (self.pid, self.bracketed) = (u32::try_from(pid).ok(), true);
        } else if let Some((value, [])) = number(inner.trim_ascii_start()) {
            // An instruction pointer has 8 or 16 hexadecimal digits, padded with zeros; a number is padded with blanks.
            if !(inner.starts_with(b"0") && inner.len() >= 8) {
                self.number = u32::try_from(value).ok();
            }
        }
        self.event = rest;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_of_what_strace_puts_before_a_call_is_understood() {
        let call = "brk(NULL) = 0x1";
        for pid in ["", "123   ", "[pid   123] ", "123<a b> ", "[pid 123<a b>] "] {
            for context in ["", "[unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023] "] {
                for time in ["", "13:12:52 ", "13:12:52.222710 ", "1795612372.326056 ", "1795612372 "] {
                    for relative in ["", "     0.000066 ", "     0 "] {
                        for number in ["", "[  12] ", "[1073741836] "] {
                            for place in ["", "[00007f674f0ddc47] ", "[08048000] ", "[????????????????] "] {
                                // Beside an absolute time the relative one stands in parentheses.
                                let beside = format!("(+{}) ", relative.trim_end());
                                let both = !time.is_empty() && !relative.is_empty();
                                let relative = if both { beside.as_str() } else { relative };
                                let line = format!("{pid}{context}{time}{relative}{number}{place}{call}");
                                let head = split(line.as_bytes());
                                assert_eq!(head.event, call.as_bytes(), "{line}");
                                assert_eq!(head.pid, (!pid.is_empty()).then_some(123), "{line}");
                                let nr = number.trim_matches(['[', ']', ' ']).parse().ok();
                                assert_eq!(head.number, nr, "{line}");
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn times_are_read_to_the_microsecond() {
        assert_eq!(split(b"1 00:01:02.5 x(").time, Time::OfDay(62_500_000));
        assert_eq!(split(b"1795612372.000001 x(").time, Time::Epoch(1_795_612_372_000_001));
        assert_eq!(split(b"     0.000066 x(").time, Time::Since(66));
    }

    #[test]
    fn what_is_no_prefix_is_left() {
        for text in ["hello", "[x", "[12", "12", "12:61:00 x", "(x) y", "99999999999999999999999 x", ""] {
            assert_eq!(split(text.as_bytes()).event, text.as_bytes());
        }
    }
}
