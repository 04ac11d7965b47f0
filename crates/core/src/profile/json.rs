//! JSON with byte spans: every value and key knows where it stands.
//!
//! `serde_json` decides what is JSON; this reader runs after it, on text known to be valid, and adds only places. It
//! is not a second parser of its own mind.

use std::ops::Range;

/// Nesting deeper than any profile; keeps hostile input off the stack.
const MAX_DEPTH: usize = 64;

/// A JSON value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Byte range in the text.
    pub span: Range<usize>,
}

/// A JSON value; numbers stay text, so that every u64 survives.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`; which of them matters nowhere in a profile, but in what a profile is named by.
    Bool(bool),
    /// As written.
    Number(String),
    /// Without escapes.
    Text(String),
    /// `[…]`.
    List(Vec<Node>),
    /// `{…}`, in the order of the file, duplicate keys included.
    Object(Vec<(Key, Node)>),
}

/// An object key and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Without escapes.
    pub name: String,
    /// Byte range in the text.
    pub span: Range<usize>,
}

impl Node {
    /// `a string`, `an object` … for messages.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::Text(_) => "a string",
            Value::List(_) => "a list",
            Value::Object(_) => "an object",
        }
    }
}

impl Node {
    /// The key and the value of a member; the first of several.
    pub fn member(&self, name: &str) -> Option<(&Key, &Self)> {
        self.members().iter().find(|(key, _)| key.name == name).map(|(key, value)| (key, value))
    }

    /// The value of a member.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.member(name).map(|(_, value)| value)
    }

    /// The value at the end of a path of members.
    pub fn at<'p>(&self, path: impl IntoIterator<Item = &'p str>) -> Option<&Self> {
        path.into_iter().try_fold(self, |node, name| node.get(name))
    }

    /// The members of an object; of anything else none.
    pub fn members(&self) -> &[(Key, Self)] {
        match &self.value {
            Value::Object(members) => members,
            _ => &[],
        }
    }

    /// The items of a list; of anything else none.
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// A string.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A boolean.
    pub fn flag(&self) -> Option<bool> {
        match self.value {
            Value::Bool(flag) => Some(flag),
            _ => None,
        }
    }
}

/// Why a text is not JSON, and where.
#[derive(Debug)]
pub struct JsonError {
    /// What is wrong.
    pub message: String,
    /// Byte offset.
    pub at: usize,
}

/// Reads a JSON document.
pub fn parse(text: &str) -> Result<Node, JsonError> {
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|e| {
        let message = e.to_string();
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        JsonError { message, at: offset(text, e.line(), e.column()) }
    })?;
    let mut reader = Reader { text, at: 0 };
    reader.node(0)
}

/// Byte offset of serde_json's line and column (both from 1; column counts bytes).
fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (start + column.saturating_sub(1)).min(text.len())
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
    }

    fn node(&mut self, depth: usize) -> Result<Node, JsonError> {
        self.skip_space();
        let start = self.at;
        if depth > MAX_DEPTH {
            let message = format!("nested deeper than {MAX_DEPTH} levels");
            return Err(JsonError { message, at: start });
        }
        let value = match self.peek() {
            b'{' => Value::Object(self.members(depth)?),
            b'[' => Value::List(self.items(depth)?),
            b'"' => Value::Text(self.string()?),
            b't' | b'f' => {
                self.word();
                Value::Bool(self.text[start..self.at].starts_with('t'))
            }
            b'n' => {
                self.word();
                Value::Null
            }
            _ => {
                self.word();
                Value::Number(self.text[start..self.at].to_owned())
            }
        };
        Ok(Node { value, span: start..self.at })
    }

    /// A number, `true`, `false` or `null`: everything up to the next structural byte.
    fn word(&mut self) {
        while !matches!(self.peek(), 0 | b',' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
    }

    fn string(&mut self) -> Result<String, JsonError> {
        let start = self.at;
        self.at += 1;
        let rest = &self.text.as_bytes()[self.at..];
        let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(rest.len());
        self.at += plain;
        // By far the most have nothing to unescape.
        if self.peek() == b'"' {
            self.at += 1;
            return Ok(self.text[start + 1..self.at - 1].to_owned());
        }
        while self.peek() != b'"' {
            self.at += if self.peek() == b'\\' { 2 } else { 1 };
            if self.at >= self.text.len() {
                return Err(JsonError { message: "unterminated string".to_owned(), at: start });
            }
        }
        self.at += 1;
        serde_json::from_str(&self.text[start..self.at])
            .map_err(|e| JsonError { message: e.to_string(), at: start })
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Node>, JsonError> {
        let mut items = Vec::new();
        self.at += 1;
        self.skip_space();
        while self.peek() != b']' {
            items.push(self.node(depth + 1)?);
            self.skip_comma();
        }
        self.at += 1;
        Ok(items)
    }

    fn members(&mut self, depth: usize) -> Result<Vec<(Key, Node)>, JsonError> {
        let mut members = Vec::new();
        self.at += 1;
        self.skip_space();
        while self.peek() != b'}' {
            let start = self.at;
            let key = Key { name: self.string()?, span: start..self.at };
            self.skip_space();
            self.at += 1; // the colon
            members.push((key, self.node(depth + 1)?));
            self.skip_comma();
        }
        self.at += 1;
        Ok(members)
    }

    fn skip_comma(&mut self) {
        self.skip_space();
        if self.peek() == b',' {
            self.at += 1;
            self.skip_space();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_where_it_stands() {
        let text = "{ \"a\" : [1, \"x\\\"y\"] , \"b\":{} }";
        let Value::Object(members) = parse(text).unwrap().value else { panic!() };
        assert_eq!(&text[members[0].1.span.clone()], "[1, \"x\\\"y\"]");
        assert_eq!(&text[members[1].0.span.clone()], "\"b\"");
    }

    #[test]
    fn the_largest_u64_survives_as_text() {
        assert_eq!(
            parse("18446744073709551615").unwrap().value,
            Value::Number("18446744073709551615".to_owned())
        );
    }

    #[test]
    fn what_serde_json_refuses_is_refused_with_its_place() {
        for text in ["", "{", "[1,]", "{\"a\":1,}", "\u{feff}{}", "{} {}", "\"\\ud800\"", "nul"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert_eq!(parse("{\n  oops\n}").unwrap_err().at, 4);
    }

    #[test]
    fn hostile_nesting_is_an_error_not_a_crash() {
        let text = "[".repeat(100_000) + &"]".repeat(100_000);
        assert!(parse(&text).is_err());
    }
}
