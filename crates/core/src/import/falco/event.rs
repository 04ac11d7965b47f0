//! One line of sysdig's or falco's: who, which way, and which event.
//!
//! The default output of both is `evt.num evt.outputtime evt.cpu proc.name (thread.tid) evt.dir evt.type evt.info`; with
//! `-pc` the container stands before the process, and two numbers of the thread (sysdig(8), "OUTPUT FORMAT").

use crate::import::clock::Time;
use crate::import::number::{number, seconds};

/// The first time that is none of a capture but one since the epoch: 1973.
const EPOCH: u64 = 100_000_000_000_000;

/// Parentheses looked at: names of programs and containers may hold some.
const MAX_PARENTHESES: usize = 16;

/// An event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Event<'l> {
    pub(super) time: Time,
    pub(super) thread: u32,
    /// `>`: a call begins.
    pub(super) enters: bool,
    pub(super) name: &'l [u8],
    pub(super) info: &'l [u8],
}

/// Reads a line; `None`: it is none of these.
pub(super) fn read(line: &[u8]) -> Option<Event<'_>> {
    let (_, rest) = number(line.trim_ascii_start())?;
    let rest = rest.strip_prefix(b" ")?;
    let blank = memchr::memchr(b' ', rest)?;
    let time = time(&rest[..blank]);
    let (_, rest) = number(&rest[blank + 1..])?;
    let rest = rest.strip_prefix(b" ")?;
    memchr::memchr_iter(b')', rest)
        .take(MAX_PARENTHESES)
        .find_map(|close| event(rest, close))
        .map(|event| Event { time, ..event })
}

/// ` (123) > openat …` around a parenthesis.
fn event(text: &[u8], close: usize) -> Option<Event<'_>> {
    let open = memchr::memrchr(b'(', &text[..close])?;
    let inner = &text[open + 1..close];
    let (thread, rest) = number(inner)?;
    let inside =
        rest.strip_prefix(b":").is_none_or(|vtid| number(vtid).is_some_and(|(_, rest)| rest.is_empty()));
    let after = text[close + 1..].strip_prefix(b" ")?;
    let (way, after) = after.split_first()?;
    let enters = match way {
        b'>' => true,
        b'<' => false,
        _ => return None,
    };
    let after = after.strip_prefix(b" ")?;
    let length = after.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
    let info = &after[length..];
    let ends = info.is_empty() || info.starts_with(b" ");
    let whole = length > 0 && ends && inside && (rest.is_empty() || rest.starts_with(b":"));
    let thread = u32::try_from(thread).ok().filter(|_| whole)?;
    Some(Event { time: Time::Absent, thread, enters, name: &after[..length], info })
}

/// `12:00:00.000000000`, seconds since the epoch, or since the capture began (`-t`).
fn time(text: &[u8]) -> Time {
    let of_day = || {
        let (hours, rest) = number(text)?;
        let (minutes, rest) = number(rest.strip_prefix(b":")?)?;
        let (micros, _) = seconds(rest.strip_prefix(b":")?)?;
        (hours < 25 && minutes < 60).then(|| ((hours * 60 + minutes) * 60_000_000).saturating_add(micros))
    };
    match (of_day(), seconds(text)) {
        (Some(micros), _) if micros < 2 * 86_400_000_000 => Time::OfDay(micros),
        (None, Some((micros, []))) => {
            if micros >= EPOCH {
                Time::Epoch(micros)
            } else {
                Time::Running(micros)
            }
        }
        _ => Time::Absent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_line_is_understood() {
        for (line, thread, enters, name) in [
            ("1 12:00:00.000000001 0 sh (123) > openat dirfd=-100(AT_FDCWD) name=/x", 123, true, "openat"),
            ("22 12:00:00.000000001 1 sh (123) < openat fd=3(<f>/x)", 123, false, "openat"),
            ("3 1700000000.5 0 Web Content (9) > futex", 9, true, "futex"),
            ("3 0.000000000 0 (sd-pam) (9) > close fd=3", 9, true, "close"),
            ("4 12:00:00.0 3 web (3f2a9c) nginx (77:12) > accept4 flags=0", 77, true, "accept4"),
            ("5 12:00:00.0 0 x (1) > switch next=2 pgft_maj=0", 1, true, "switch"),
        ] {
            let event = read(line.as_bytes()).unwrap_or_else(|| panic!("{line}"));
            assert_eq!((event.thread, event.enters, event.name), (thread, enters, name.as_bytes()), "{line}");
        }
        for line in [
            "",
            "1",
            "1 x",
            "hello (1) > read",
            "1 12:00:00 0 sh 123 > read",
            "1 12:00:00 0 sh (x) > read",
            "1 1 1 a (1) = read",
        ] {
            assert_eq!(read(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn times_are_of_day_of_the_epoch_or_of_the_capture() {
        assert_eq!(time(b"00:01:02.500000000"), Time::OfDay(62_500_000));
        assert_eq!(time(b"1700000000.000001"), Time::Epoch(1_700_000_000_000_001));
        assert_eq!(time(b"0.500000000"), Time::Running(500_000));
        assert_eq!(time(b"noon"), Time::Absent);
        assert_eq!(time(b"24:00:18446744073709551615"), Time::Absent);
    }
}
