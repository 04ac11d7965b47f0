//! The shape of a call in strace's text: arguments, end, result; by bytes, without copies.

/// The last bytes of a call that another line interrupted.
pub(super) const UNFINISHED: &[u8] = b"<unfinished ...>";
/// The last bytes of a call whose process was let go of.
const DETACHED: &[u8] = b"<detached ...>";

/// How a line of a call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End<'l> {
    /// `= 0`, `= ?`, `= -1 ENOENT (…)`: what stands after the equals sign.
    Result(&'l [u8]),
    /// Another line comes in between, or the process ended within the call; what stands before the mark.
    Unfinished(&'l [u8]),
    /// None of these.
    None,
}

/// Finds how a call's line ends.
pub(super) fn end(line: &[u8]) -> End<'_> {
    let marked = || line.strip_suffix(UNFINISHED).or_else(|| line.strip_suffix(DETACHED));
    if line.last() == Some(&b'>')
        && let Some(before) = marked()
    {
        return End::Unfinished(before);
    }
    // The result is short: look from the end. Strings in arguments and paths in results may hold the same bytes.
    let mut upto = line.len();
    while let Some(at) = memchr::memrchr(b'=', &line[..upto]) {
        if is_result(line, at) {
            return End::Result(line[at + 1..].trim_ascii_start());
        }
        upto = at;
    }
    End::None
}

/// Whether the equals sign at `at` is that of a result: `)`, blanks, `= `, and something.
fn is_result(line: &[u8], at: usize) -> bool {
    let before = line[..at].trim_ascii_end();
    before.len() < at && before.ends_with(b")") && matches!(line.get(at + 1..), Some([b' ', _, ..]))
}

/// What comes after an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Another argument, which begins here.
    Argument(usize),
    /// The end of the arguments: the closing parenthesis stands here.
    Close(usize),
    /// The text ends within the argument.
    Cut,
}

/// The bytes that mean something in arguments.
const MARKS: [bool; 256] = {
    let mut marks = [false; 256];
    let all = b",()[]{}\"</";
    let mut at = 0;
    while at < all.len() {
        marks[all[at] as usize] = true;
        at += 1;
    }
    marks
};

/// Finds the end of the argument that begins at `from`: its length is up to the returned place, and what comes then.
///
/// Commas within strings, structures, lists, decorations (`3</a,b>`) and comments separate nothing.
pub(super) fn argument(text: &[u8], from: usize) -> (usize, Next) {
    let mut depth = 0_u32;
    let mut at = from;
    while let Some(plain) = text.get(at..).and_then(|rest| rest.iter().position(|b| MARKS[usize::from(*b)])) {
        at += plain;
        match text[at] {
            b',' if depth == 0 => {
                let blanks = text[at + 1..].iter().take_while(|b| **b == b' ').count();
                return (at, Next::Argument(at + 1 + blanks));
            }
            b')' if depth == 0 => return (at, Next::Close(at)),
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => match string_end(text, at + 1) {
                Some(end) => at = end,
                None => break,
            },
            b'<' => match decoration_end(text, at) {
                Some(end) => at = end,
                None => break,
            },
            b'/' if text[at..].starts_with(b"/*") => match memchr::memmem::find(&text[at..], b"*/") {
                Some(length) => at += length + 1,
                None => break,
            },
            _ => {}
        }
        at += 1;
    }
    (text.len(), Next::Cut)
}

/// The place of the quote that ends the string whose content begins at `from`.
fn string_end(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let hit = at + memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[hit] == b'"' {
            return Some(hit);
        }
        at = hit + 2;
    }
}

/// The place where the decoration `<…>` that begins at `at` ends; `at + 1` for a shift (`21<<MAP_HUGE_SHIFT`).
///
/// In `<TCP:[127.0.0.1:1->127.0.0.1:2]>` the arrow ends nothing; in names strace escapes `<` and `>`.
fn decoration_end(text: &[u8], at: usize) -> Option<usize> {
    if text.get(at + 1) == Some(&b'<') {
        return Some(at + 1);
    }
    let mut depth = 0_u32;
    for (place, byte) in text.iter().enumerate().skip(at) {
        match byte {
            b'<' => depth += 1,
            b'>' if text[place - 1] == b'-' => {}
            b'>' if depth == 1 => return Some(place),
            b'>' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Whether the text after a name's parenthesis can be a call of which the end is missing: nothing follows its arguments.
pub(super) fn is_cut(arguments: &[u8]) -> bool {
    let mut at = 0;
    loop {
        match argument(arguments, at).1 {
            Next::Argument(next) => at = next,
            Next::Close(place) => return b" =".starts_with(arguments[place + 1..].trim_ascii_end()),
            Next::Cut => return true,
        }
    }
}

/// The bytes of a string as strace quotes it, and whether it was shortened; `None` if it is none.
pub(super) fn unquote(text: &[u8]) -> Option<Vec<u8>> {
    let inner = text.strip_prefix(b"\"")?;
    let end = string_end(text, 1)? - 1;
    let mut bytes = Vec::with_capacity(end);
    let mut rest = inner.get(..end)?;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte == b'\\' {
            rest = unescape(after, &mut bytes);
        } else {
            bytes.push(*byte);
        }
    }
    Some(bytes)
}

/// One escape, after its backslash: `\n`, `\"`, `\33`, `\x1b`.
fn unescape<'t>(text: &'t [u8], bytes: &mut Vec<u8>) -> &'t [u8] {
    let digits = |text: &[u8], radix: u32, most: usize| {
        let count = text.iter().take(most).take_while(|b| char::from(**b).is_digit(radix)).count();
        let value =
            text[..count].iter().fold(0, |v, b| v * radix + char::from(*b).to_digit(radix).unwrap_or(0));
        (count, value as u8)
    };
    let Some((first, rest)) = text.split_first() else { return text };
    let (used, byte) = match first {
        b'0'..=b'7' => digits(text, 8, 3),
        b'x' => {
            let (count, value) = digits(rest, 16, 2);
            (count + 1, value)
        }
        b'n' => (1, b'\n'),
        b't' => (1, b'\t'),
        b'r' => (1, b'\r'),
        b'f' => (1, 0xc),
        b'v' => (1, 0xb),
        other => (1, *other),
    };
    bytes.push(byte);
    &text[used..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        let mut at = 0;
        loop {
            let (end, next) = argument(text.as_bytes(), at);
            found.push(&text[at..end]);
            match next {
                Next::Argument(start) => at = start,
                _ => return found,
            }
        }
    }

    #[test]
    fn commas_within_strings_structures_and_decorations_separate_nothing() {
        assert_eq!(
            arguments(r#"3</a,b>, "x, \"y\\", [{a=1, b=2}, ...], 0x2 /* A, B */, 4<TCP:[1:2->3:4]>, 5) = 0"#),
            ["3</a,b>", r#""x, \"y\\""#, "[{a=1, b=2}, ...]", "0x2 /* A, B */", "4<TCP:[1:2->3:4]>", "5"]
        );
        assert_eq!(
            arguments("MAP_HUGETLB|21<<MAP_HUGE_SHIFT, -1, 0)"),
            ["MAP_HUGETLB|21<<MAP_HUGE_SHIFT", "-1", "0"]
        );
    }

    #[test]
    fn ends_are_found_behind_whatever_stands_before_them() {
        let result = |text: &'static str| end(text.as_bytes());
        assert_eq!(result("close(3)                  = 0"), End::Result(b"0"));
        assert_eq!(result("dup(3</a) = b>) = 4</a=b> <0.1>"), End::Result(b"4</a=b> <0.1>"));
        assert_eq!(result(r#"write(1, ") = 3", 5) = 5"#), End::Result(b"5"));
        assert_eq!(result("exit(0)    = ?"), End::Result(b"?"));
        assert_eq!(result("read(3,  <unfinished ...>"), End::Unfinished(b"read(3,  "));
        assert_eq!(result("read(3,  <detached ...>"), End::Unfinished(b"read(3,  "));
        for other in ["read(3, \"x\", 5", "read(3) =", "a == b", "x(1, 2)", "=", ""] {
            assert_eq!(result(other), End::None, "{other}");
        }
    }

    #[test]
    fn a_cut_call_is_told_from_prose() {
        for cut in ["1, \"hel", "1, \"hello\", 5hello", "3)", "3) ", "3) =", "", "[{a"] {
            assert!(is_cut(cut.as_bytes()), "{cut}");
        }
        for prose in ["2) failed", "the file) said so"] {
            assert!(!is_cut(prose.as_bytes()), "{prose}");
        }
    }

    #[test]
    fn strings_are_read_as_strace_quotes_them() {
        assert_eq!(unquote(br#""/a\"b\n\33\x1b\1772\\"..."#).unwrap(), b"/a\"b\n\x1b\x1b\x7f2\\");
        assert_eq!(unquote(b"NULL"), None);
        assert_eq!(unquote(b"\"open"), None);
        assert_eq!(unquote(b"\"open\\"), None);
    }
}
