//! Go's `encoding/json` into the structs of runtime-spec and of Docker's profiles.
//!
//! Its documentation (pkg.go.dev/encoding/json, Unmarshal): keys are matched preferring an exact match and accepting a
//! case-insensitive one; keys of no field are ignored; of duplicate keys the last counts; `null` changes nothing; a value
//! of another type is an error.

use callgate_core::profile::json::{Node, Value};

use super::{at, members};
use crate::document::{Circumstances, Companions, Comparison, Document, Entry, Lines, MinKernel, Refusal};

type Read<T> = Result<T, Refusal>;

pub(super) fn read(tree: &Node, lines: &Lines) -> Read<Document> {
    let mut document = Document::default();
    for (key, node) in object(tree)? {
        match key.as_str() {
            "defaultaction" => document.default_action = text(node)?,
            "defaulterrnoret" => document.default_errno = number(node)?,
            "defaulterrno" => document.default_errno_name = text(node)?,
            "architectures" => document.architectures = texts(node)?.unwrap_or_default(),
            "flags" => document.flags = texts(node)?,
            "listenerpath" => document.listener_path = text(node)?.unwrap_or_default(),
            "listenermetadata" => {
                document.listener_metadata = text(node)?.unwrap_or_default();
            }
            "archmap" => {
                let items = items(node)?.unwrap_or_default();
                document.arch_map = items.iter().map(companions).collect::<Read<_>>()?;
            }
            "syscalls" => {
                let items = items(node)?.unwrap_or_default();
                let entry = |(index, node): (usize, &Node)| {
                    Ok(Entry { index, line: lines.at(node.span.start), ..entry(node)? })
                };
                document.rules = items.iter().enumerate().map(entry).collect::<Read<_>>()?;
            }
            _ => {}
        }
    }
    Ok(document)
}

fn wrong(node: &Node) -> Refusal {
    let kind = match &node.value {
        Value::Null => "null",
        Value::Bool => "bool",
        Value::Number(_) => "number",
        Value::Text(_) => "string",
        Value::List(_) => "array",
        Value::Object(_) => "object",
    };
    let number = match &node.value {
        Value::Number(number) => format!("{kind} {number}"),
        _ => kind.to_owned(),
    };
    at(&node.span, format!("json: cannot unmarshal {number}"))
}

/// The members, keys in small letters: what decides here is what is equal but for case. `null` is an empty object.
fn object(node: &Node) -> Read<Vec<(String, &Node)>> {
    match &node.value {
        Value::Null => Ok(Vec::new()),
        Value::Object(_) => {
            Ok(members(node).iter().map(|(key, node)| (key.name.to_ascii_lowercase(), node)).collect())
        }
        _ => Err(wrong(node)),
    }
}

fn items(node: &Node) -> Read<Option<&[Node]>> {
    match &node.value {
        Value::Null => Ok(None),
        Value::List(items) => Ok(Some(items)),
        _ => Err(wrong(node)),
    }
}

fn text(node: &Node) -> Read<Option<String>> {
    match &node.value {
        Value::Null => Ok(None),
        Value::Text(text) => Ok(Some(text.clone())),
        _ => Err(wrong(node)),
    }
}

fn texts(node: &Node) -> Read<Option<Vec<String>>> {
    let text = |node| text(node).map(Option::unwrap_or_default);
    items(node)?.map(|items| items.iter().map(text).collect()).transpose()
}

fn number(node: &Node) -> Read<Option<u64>> {
    match &node.value {
        Value::Null => Ok(None),
        Value::Number(digits) => digits.parse().map(Some).map_err(|_not| wrong(node)),
        _ => Err(wrong(node)),
    }
}

fn companions(node: &Node) -> Read<Companions> {
    let mut found = Companions::default();
    for (key, node) in object(node)? {
        match key.as_str() {
            "architecture" => found.architecture = text(node)?.unwrap_or_default(),
            "subarchitectures" => found.others = texts(node)?.unwrap_or_default(),
            _ => {}
        }
    }
    Ok(found)
}

fn entry(node: &Node) -> Read<Entry> {
    let mut found = Entry::default();
    for (key, node) in object(node)? {
        match key.as_str() {
            "name" => found.name = text(node)?.unwrap_or_default(),
            "names" => found.names = texts(node)?.unwrap_or_default(),
            "action" => found.action = text(node)?.unwrap_or_default(),
            "errnoret" => found.errno = number(node)?,
            "errno" => found.errno_name = text(node)?.unwrap_or_default(),
            "args" => {
                let items = items(node)?.unwrap_or_default();
                found.conditions = items.iter().map(comparison).collect::<Read<_>>()?;
            }
            "includes" => found.includes = circumstances(node)?,
            "excludes" => found.excludes = circumstances(node)?,
            _ => {}
        }
    }
    Ok(found)
}

fn comparison(node: &Node) -> Read<Comparison> {
    let mut found = Comparison::default();
    for (key, node) in object(node)? {
        match key.as_str() {
            "index" => found.index = number(node)?.unwrap_or_default(),
            "value" => found.value = number(node)?.unwrap_or_default(),
            "valuetwo" => found.value_two = number(node)?.unwrap_or_default(),
            "op" => found.op = text(node)?.unwrap_or_default(),
            _ => {}
        }
    }
    Ok(found)
}

fn circumstances(node: &Node) -> Read<Circumstances> {
    let mut found = Circumstances::default();
    for (key, node) in object(node)? {
        match key.as_str() {
            "caps" => found.caps = texts(node)?.unwrap_or_default(),
            "arches" => found.arches = texts(node)?.unwrap_or_default(),
            "minkernel" => {
                found.min_kernel = match &node.value {
                    Value::Null => None,
                    Value::Text(text) => Some(MinKernel::Text(text.clone())),
                    Value::Number(number) => Some(MinKernel::Other(number.clone())),
                    _ => Some(MinKernel::Other(node.kind().to_owned())),
                }
            }
            _ => {}
        }
    }
    Ok(found)
}
