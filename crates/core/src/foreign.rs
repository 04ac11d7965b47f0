//! Text of others (names, paths, values of files) where people read it: nothing of it moves the cursor, ends the line,
//! turns it around or is markup.

use std::fmt::Write as _;

/// Whether a character moves the cursor, ends a line or turns it around: control characters, line ends and
/// bidirectional overrides (Unicode Standard Annex 9, explicit formatting characters).
pub fn steers(c: char) -> bool {
    let bidi =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let line = matches!(c, '\u{2028}' | '\u{2029}');
    c.is_control() || bidi || line
}

/// Makes foreign text safe for one line of a terminal: what steers becomes an escape.
pub fn foreign(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        push_foreign(&mut out, c);
    }
    out
}

/// Adds a character as [`foreign`] writes it.
pub fn push_foreign(out: &mut String, c: char) {
    push(out, c, steers(c));
}

/// Whether a text has printable characters of ASCII only: most texts have, and show as they are, a byte a column.
pub fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Makes foreign text safe for one line of HTML or XML, in elements and in attributes.
///
/// XML 1.0 has characters that no reference can name (section 2.2, `Char`): controls, U+FFFE and U+FFFF.
pub fn markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => push(&mut out, c, steers(c) || matches!(c, '\u{fffe}' | '\u{ffff}')),
        }
    }
    out
}

fn push(out: &mut String, c: char, escaped: bool) {
    if escaped {
        let _ = write!(out, "\\u{{{:x}}}", c as u32);
    } else {
        out.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_move_the_cursor_or_turn_the_line_around() {
        assert_eq!(foreign("a\x1b[31mb\nc\u{202e}d"), "a\\u{1b}[31mb\\u{a}c\\u{202e}d");
        assert_eq!((foreign("~ a"), foreign("\u{7f}")), ("~ a".to_owned(), "\\u{7f}".to_owned()));
    }

    #[test]
    fn foreign_text_is_no_markup_and_has_only_characters_of_xml() {
        assert_eq!(
            markup("<a b='\"&\0\u{ffff}\u{1f600}"),
            "&lt;a b=&#39;&quot;&amp;\\u{0}\\u{ffff}\u{1f600}"
        );
    }
}
