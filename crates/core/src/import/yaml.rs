//! YAML to values, as far as Kubernetes' resources go.
//!
//! granit-parser says what is YAML; what its scalars mean is the core schema of YAML 1.2. Aliases are refused: nobody's
//! resources have them, and they are how a small text becomes a large one.

use granit_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// Nesting deeper than any resource.
const MAX_DEPTH: usize = 64;

/// A list or a mapping that has begun.
enum Open {
    List(Vec<Value>),
    /// With the key whose value comes next.
    Mapping(Map<String, Value>, Option<String>),
}

/// Reads all documents.
pub fn read(text: &str) -> Result<Vec<Value>, String> {
    let mut documents = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let options = granit_parser::options! { emit_comments: false };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) =
            event.map_err(|e| format!("not YAML, line {}: {}", e.marker().line(), e.info()))?;
        let line = span.start.line();
        let value = match event {
            Event::Scalar(text, style, _, tag) => scalar(&text, style == ScalarStyle::Plain && tag.is_none()),
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                check_depth(open.len(), line)?;
                continue;
            }
            Event::MappingStart(..) => {
                open.push(Open::Mapping(Map::new(), None));
                check_depth(open.len(), line)?;
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(items)) => Value::Array(items),
                Some(Open::Mapping(members, _)) => Value::Object(members),
                None => continue,
            },
            Event::Alias(_) => return Err(format!("line {line}: aliases are not read")),
            _ => continue,
        };
        match open.last_mut() {
            Some(parent) => parent.add(value, line)?,
            None => documents.push(value),
        }
    }
    Ok(documents)
}

fn check_depth(depth: usize, line: usize) -> Result<(), String> {
    if depth > MAX_DEPTH { Err(format!("line {line}: nested too deeply")) } else { Ok(()) }
}

impl Open {
    fn add(&mut self, value: Value, line: usize) -> Result<(), String> {
        match self {
            Self::List(items) => items.push(value),
            Self::Mapping(members, key) => match key.take() {
                Some(name) => {
                    // Readers disagree on which of two wins.
                    if members.insert(name.clone(), value).is_some() {
                        return Err(format!(
                            "line {line}: the key `{}` stands there twice",
                            name.escape_default()
                        ));
                    }
                }
                None => match value {
                    Value::String(name) => *key = Some(name),
                    Value::Array(_) | Value::Object(_) => {
                        return Err(format!("line {line}: a key that is no text"));
                    }
                    other => *key = Some(other.to_string()),
                },
            },
        }
        Ok(())
    }
}

/// A scalar by the core schema: what is quoted is text.
fn scalar(text: &str, plain: bool) -> Value {
    match text {
        _ if !plain => Value::String(text.to_owned()),
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => {
            let hex = text.strip_prefix("0x").and_then(|hex| u64::from_str_radix(hex, 16).ok());
            let number = hex.or_else(|| text.parse().ok());
            number.map_or_else(|| Value::String(text.to_owned()), Value::from)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_and_flow_mean_what_json_means() {
        let expected = serde_json::json!([{"a": [1, "2", "x y", null, true, {"b": "c: d"}], "e": 16}]);
        for text in [
            "a:\n- 1\n- \"2\"\n- x y\n- ~\n- true\n- b: 'c: d'\ne: 0x10\n",
            "---\r\na: [1, '2', x y, null, true, {b: \"c: d\"}] # words\r\ne: 16\r\n...\r\n",
            "{\"a\": [1, \"2\", \"x y\", null, true, {\"b\": \"c: d\"}], \"e\": 16}",
        ] {
            assert_eq!(Value::Array(read(text).unwrap()), expected, "{text}");
        }
        assert_eq!(read("a: 1\n---\nb: 2\n").unwrap().len(), 2);
        assert_eq!(read("").unwrap(), Vec::<Value>::new());
    }

    #[test]
    fn what_means_different_things_to_different_readers_is_an_error() {
        for (text, words) in [
            ("a: &x 1\nb: *x\n", "aliases are not read"),
            ("a: 1\na: 2\n", "the key `a` stands there twice"),
            ("[1]: 2\n", "no text"),
            ("a: [1\n", "not YAML"),
            ("a: b: c\n", "not YAML"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
        // In flow style the parser has a limit of its own, and looks ahead.
        assert_eq!(read(&"- ".repeat(1000)).unwrap_err(), "line 1: nested too deeply");
        assert!(read(&"[".repeat(1000)).unwrap_err().contains("recursion limit"));
    }
}
