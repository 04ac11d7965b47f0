//! libocispec's generated readers (containers/libocispec, `src/ocispec/json_common.h` and what is generated from
//! runtime-spec's JSON schema), as crun links them.
//!
//! Keys are matched as they are written; keys of no field are ignored; what is not of the kind that is looked for counts as
//! not there, unless the schema requires it; numbers are read by strtoull from their text.

use callgate_core::profile::json::{Node, Value};

use super::{at, members};
use callgate_core::profile::Lines;

use crate::document::{Comparison, Document, Entry, Refusal};

type Read<T> = Result<T, Refusal>;

pub(super) fn read(tree: &Node, lines: &Lines) -> Read<Document> {
    let mut document =
        Document { default_action: Some(required(tree, "defaultAction")?), ..Document::default() };
    for (key, node) in members(tree) {
        match key.name.as_str() {
            "defaultErrnoRet" => document.default_errno = errno(node, "defaultErrnoRet")?,
            "architectures" => document.architectures = texts(node).unwrap_or_default(),
            "flags" => document.flags = texts(node),
            "listenerPath" => document.listener_path = text(node).unwrap_or_default(),
            "listenerMetadata" => document.listener_metadata = text(node).unwrap_or_default(),
            "syscalls" => {
                let entry = |(index, node): (usize, &Node)| {
                    Ok(Entry { index, line: lines.at(node.span.start), ..entry(node)? })
                };
                document.rules = items(node).iter().enumerate().map(entry).collect::<Read<_>>()?;
            }
            _ => {}
        }
    }
    Ok(document)
}

fn entry(node: &Node) -> Read<Entry> {
    let member = |name: &str| members(node).iter().find(|(key, _)| key.name == name).map(|(_, node)| node);
    let Some(names) = member("names") else { return Err(missing(node, "names")) };
    let mut found = Entry {
        names: texts(names).unwrap_or_default(),
        action: required(node, "action")?,
        ..Entry::default()
    };
    if let Some(node) = member("errnoRet") {
        found.errno = errno(node, "errnoRet")?;
    }
    if let Some(node) = member("args") {
        found.conditions = items(node).iter().map(comparison).collect::<Read<_>>()?;
    }
    Ok(found)
}

fn comparison(node: &Node) -> Read<Comparison> {
    let mut found = Comparison { op: required(node, "op")?, ..Comparison::default() };
    for (key, node) in members(node) {
        match key.name.as_str() {
            "index" => found.index = unsigned(node, "index", u64::from(u32::MAX))?,
            "value" => found.value = unsigned(node, "value", u64::MAX)?,
            "valueTwo" => found.value_two = unsigned(node, "valueTwo", u64::MAX)?,
            _ => {}
        }
    }
    Ok(found)
}

fn missing(node: &Node, name: &str) -> Refusal {
    at(&node.span, format!("Required field '{name}' not present"))
}

fn required(node: &Node, name: &str) -> Read<String> {
    let found = members(node).iter().find(|(key, _)| key.name == name);
    found.and_then(|(_, value)| text(value)).ok_or_else(|| missing(node, name))
}

fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        _ => &[],
    }
}

fn text(node: &Node) -> Option<String> {
    match &node.value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}

/// The strings of a list; `None` if it is none.
fn texts(node: &Node) -> Option<Vec<String>> {
    matches!(node.value, Value::List(_)).then(|| items(node).iter().filter_map(text).collect())
}

/// What is no number counts as 0, as if it were not there.
fn unsigned(node: &Node, name: &str, max: u64) -> Read<u64> {
    let Value::Number(digits) = &node.value else { return Ok(0) };
    let kind = if max == u64::MAX { "uint64" } else { "uint32" };
    let invalid = |why: &str| {
        at(&node.span, format!("Invalid value '{digits}' with type '{kind}' for key '{name}': {why}"))
    };
    let wide = match digits.strip_prefix('-') {
        // strtoull takes a sign and negates what it reads, without an error.
        Some(rest) if max == u64::MAX => rest.parse::<u64>().map(u64::wrapping_neg),
        _ => digits.parse::<u64>(),
    };
    match wide {
        Ok(value) if value <= max => Ok(value),
        Ok(_) => Err(invalid("Numerical result out of range")),
        Err(_) if digits.bytes().all(|b| b.is_ascii_digit() || b == b'-') => {
            Err(invalid("Numerical result out of range"))
        }
        Err(_) => Err(invalid("Invalid argument")),
    }
}

fn errno(node: &Node, name: &str) -> Read<Option<u64>> {
    match node.value {
        Value::Number(_) => unsigned(node, name, u64::from(u32::MAX)).map(Some),
        _ => Ok(None),
    }
}
