//! A text inside of a text: a profile in a ConfigMap's value, with places of the file around it.

use std::ops::Range;

use callgate_core::profile::json::{self, JsonError, Node, Value};

/// Where the characters of a scalar's value stand in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceMap {
    /// Offset in the value, offset in the file; ascending. Empty: the value is the file.
    pieces: Vec<(usize, usize)>,
    /// Where all of it stands; places are no finer than that where the value cannot be followed.
    whole: Option<Range<usize>>,
    /// What every line of it is indented by in the file; `None`: nothing with line ends or quotes can be put in.
    pub(crate) indent: Option<String>,
}

impl SourceMap {
    /// Of a text that is the file.
    pub(crate) fn identity() -> Self {
        Self { pieces: Vec::new(), whole: None, indent: Some(String::new()) }
    }

    /// Of a scalar's value.
    pub(crate) fn of(text: &str, scalar: &Node) -> Self {
        let value = scalar.text().unwrap_or_default();
        let source = text.get(scalar.span.clone()).unwrap_or_default();
        let at = scalar.span.start;
        let found = match source.as_bytes().first() {
            _ if is_literal(text, at) => block(text, scalar.span.clone()),
            Some(b'"') => quoted(source, at),
            Some(b'\'') => Some((source.trim_matches('\'').to_owned(), vec![(0, at + 1)], None)),
            _ => Some((source.to_owned(), vec![(0, at)], None)),
        };
        // What cannot be followed character by character is not guessed at.
        match found.filter(|(read, _, _)| read.trim_end() == value.trim_end()) {
            Some((_, pieces, indent)) => Self { pieces, whole: None, indent },
            None => Self::unfollowed(scalar),
        }
    }

    /// Of a value whose characters stand nowhere in the file.
    pub(crate) fn unfollowed(scalar: &Node) -> Self {
        Self { pieces: Vec::new(), whole: Some(scalar.span.clone()), indent: None }
    }

    /// Whether places inside of the value are known.
    pub(crate) fn is_followed(&self) -> bool {
        self.whole.is_none()
    }

    /// The place in the file of a place in the value.
    pub(crate) fn place(&self, range: Range<usize>) -> Range<usize> {
        match &self.whole {
            Some(whole) => whole.clone(),
            None => self.offset(range.start)..self.end(range),
        }
    }

    fn offset(&self, at: usize) -> usize {
        let piece = self.pieces.partition_point(|(inner, _)| *inner <= at).checked_sub(1);
        piece.and_then(|piece| self.pieces.get(piece)).map_or(at, |(inner, outer)| outer + (at - inner))
    }

    /// An end is where its last character ends, one byte or an escape of two, not where the next one begins: that may be on
    /// another line.
    fn end(&self, range: Range<usize>) -> usize {
        let end = self.offset(range.end);
        if range.is_empty() { end } else { end.min(self.offset(range.end - 1) + 2) }
    }

    /// Moves a tree into the file.
    fn moved(&self, node: &mut Node) {
        node.span = self.place(node.span.clone());
        match &mut node.value {
            Value::List(items) => items.iter_mut().for_each(|item| self.moved(item)),
            Value::Object(members) => {
                for (key, value) in members {
                    key.span = self.place(key.span.clone());
                    self.moved(value);
                }
            }
            _ => {}
        }
    }

    /// Reads the value as JSON, with places of the file.
    pub(crate) fn parse(&self, value: &str) -> Result<Node, JsonError> {
        let mut node = json::parse(value).map_err(|e| JsonError { at: self.offset(e.at), ..e })?;
        if self.whole.is_some() || !self.pieces.is_empty() {
            self.moved(&mut node);
        }
        Ok(node)
    }
}

type Read = (String, Vec<(usize, usize)>, Option<String>);

/// Whether a scalar's content begins on the line after `|`, maybe with signs and a comment.
pub(crate) fn is_literal(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    if !before.trim_end_matches(' ').ends_with('\n') {
        return false;
    }
    // Only the line above is looked at: files may have as many scalars as lines.
    let line = before.trim_end_matches([' ', '\n', '\r']).rsplit('\n').next().unwrap_or_default();
    let Some((above, signs)) = line.rsplit_once('|').filter(|(above, _)| above.ends_with([' ', '\t'])) else {
        return false;
    };
    let signs = signs.split(" #").next().unwrap_or_default();
    !above.is_empty() && signs.trim().bytes().all(|b| b"+-0123456789".contains(&b))
}

/// `|`: every line as it is, without its indentation.
fn block(text: &str, span: Range<usize>) -> Option<Read> {
    let header = text.get(..span.start)?.rfind('|')?;
    let at = header + text.get(header..span.start)?.find('\n')? + 1;
    let source = text.get(at..span.end)?;
    let lines = || source.split_inclusive('\n');
    let indent = lines().find(|line| !line.trim().is_empty()).map_or(0, |l| l.len() - l.trim_start().len());
    let (mut read, mut pieces, mut offset) = (String::new(), Vec::new(), 0);
    for line in lines() {
        let shown = line.trim_end_matches(['\n', '\r']);
        let cut = indent.min(shown.len());
        pieces.push((read.len(), at + offset + cut));
        read.push_str(shown.get(cut..)?);
        read.push('\n');
        offset += line.len();
    }
    Some((read, pieces, Some(" ".repeat(indent))))
}

/// `"…"` with escapes that stand for one character; neither line ends nor others.
fn quoted(source: &str, at: usize) -> Option<Read> {
    let inner = source.strip_prefix('"')?.strip_suffix('"')?;
    let (mut read, mut pieces) = (String::new(), vec![(0, at + 1)]);
    let mut rest = inner.char_indices();
    while let Some((offset, c)) = rest.next() {
        match c {
            '\n' | '\r' => return None,
            '\\' => {
                read.push(match rest.next()?.1 {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    c @ ('"' | '\\' | '/') => c,
                    _ => return None,
                });
                pieces.push((read.len() - 1, at + 1 + offset));
                pieces.push((read.len(), at + 1 + offset + 2));
            }
            c => read.push(c),
        }
    }
    Some((read, pieces, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    /// The texts that the values of `{"a": …}` stand at.
    fn places(yaml: &str) -> Vec<String> {
        let root = yaml::documents(yaml).next().expect("a document").expect("YAML").root;
        let scalar = &root.members()[0].1;
        let map = SourceMap::of(yaml, scalar);
        let node = map.parse(scalar.text().expect("text")).expect("JSON");
        node.members().iter().map(|(_, value)| yaml[value.span.clone()].to_owned()).collect()
    }

    #[test]
    fn a_value_stands_where_its_characters_are() {
        assert_eq!(
            places("p: |\n  {\n    \"a\": [1,\n\n      2], \"b\": \"ä\"\n  }\n"),
            ["[1,\n\n      2]", "\"ä\""]
        );
        assert_eq!(places("p: |-\r\n   {\"a\": 1,\r\n   \"b\": 2}\r\n"), ["1", "2"]);
        assert_eq!(places("p: '{\"a\": 1}'\n"), ["1"]);
        assert_eq!(places(r#"p: "{\n \"a\": \"x\"}""#), [r#"\"x\""#]);
    }

    #[test]
    fn what_cannot_be_followed_is_the_whole_value() {
        assert_eq!(places("p: >\n  {\"a\":\n  1}\n"), ["{\"a\":\n  1}\n"]);
    }
}
