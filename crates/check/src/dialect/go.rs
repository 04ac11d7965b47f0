//! Go's `encoding/json` into the structs of runtime-spec and of Docker's profiles.
//!
//! Its documentation (pkg.go.dev/encoding/json, Unmarshal): keys are matched preferring an exact match and accepting a
//! case-insensitive one; keys of no field are ignored; of duplicate keys the last counts; `null` changes nothing; a value
//! of another type is an error.

use callgate_core::profile::json::{Node, Value};

use super::at;
use callgate_core::profile::Lines;

use crate::document::{Circumstances, Companions, Comparison, Document, Entry, MinKernel, Refusal};

type Read<T> = Result<T, Refusal>;

/// The fields of each struct, as they are written.
const PROFILE: &[&str] = &[
    "defaultAction",
    "defaultErrnoRet",
    "defaultErrno",
    "architectures",
    "flags",
    "listenerPath",
    "listenerMetadata",
    "archMap",
    "syscalls",
];
const ENTRY: &[&str] =
    &["names", "action", "args", "errnoRet", "errno", "name", "comment", "includes", "excludes"];
const COMPARISON: &[&str] = &["index", "value", "valueTwo", "op"];
const COMPANIONS: &[&str] = &["architecture", "subArchitectures"];
const CIRCUMSTANCES: &[&str] = &["caps", "arches", "minKernel"];

pub(super) fn read(tree: Node, lines: &Lines) -> Read<Document> {
    let mut document = Document::default();
    for (key, node) in object(tree, PROFILE)? {
        match key {
            "defaultAction" => document.default_action = text(node)?,
            "defaultErrnoRet" => document.default_errno = number(&node)?,
            "defaultErrno" => document.default_errno_name = text(node)?,
            "architectures" => document.architectures = texts(node)?.unwrap_or_default(),
            "flags" => document.flags = texts(node)?,
            "listenerPath" => document.listener_path = text(node)?.unwrap_or_default(),
            "listenerMetadata" => document.listener_metadata = text(node)?.unwrap_or_default(),
            "archMap" => {
                let items = items(node)?.unwrap_or_default();
                document.arch_map = items.into_iter().map(companions).collect::<Read<_>>()?;
            }
            _ => {
                let entry = |(index, node): (usize, Node)| {
                    let line = lines.at(node.span.start);
                    Ok(Entry { index, line, ..entry(node)? })
                };
                let items = items(node)?.unwrap_or_default();
                document.rules = items.into_iter().enumerate().map(entry).collect::<Read<_>>()?;
            }
        }
    }
    Ok(document)
}

fn wrong(node: &Node) -> Refusal {
    let kind = match &node.value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(digits) => return at(&node.span, format!("json: cannot unmarshal number {digits}")),
        Value::Text(_) => "string",
        Value::List(_) => "array",
        Value::Object(_) => "object",
    };
    at(&node.span, format!("json: cannot unmarshal {kind}"))
}

/// The members that are fields, by the field's own name. `null` is an empty object.
fn object(node: Node, fields: &'static [&'static str]) -> Read<Vec<(&'static str, Node)>> {
    let field = |key: &str| {
        let exact = fields.iter().find(|field| **field == key);
        exact.or_else(|| fields.iter().find(|field| field.eq_ignore_ascii_case(key))).copied()
    };
    match node.value {
        Value::Null => Ok(Vec::new()),
        Value::Object(members) => {
            Ok(members.into_iter().filter_map(|(key, node)| Some((field(&key.name)?, node))).collect())
        }
        _ => Err(wrong(&node)),
    }
}

fn items(node: Node) -> Read<Option<Vec<Node>>> {
    match node.value {
        Value::Null => Ok(None),
        Value::List(items) => Ok(Some(items)),
        _ => Err(wrong(&node)),
    }
}

fn text(node: Node) -> Read<Option<String>> {
    match node.value {
        Value::Null => Ok(None),
        Value::Text(text) => Ok(Some(text)),
        _ => Err(wrong(&node)),
    }
}

fn texts(node: Node) -> Read<Option<Vec<String>>> {
    let text = |node| text(node).map(Option::unwrap_or_default);
    items(node)?.map(|items| items.into_iter().map(text).collect()).transpose()
}

fn number(node: &Node) -> Read<Option<u64>> {
    match &node.value {
        Value::Null => Ok(None),
        Value::Number(digits) => digits.parse().map(Some).map_err(|_not| wrong(node)),
        _ => Err(wrong(node)),
    }
}

fn companions(node: Node) -> Read<Companions> {
    let mut found = Companions::default();
    for (key, node) in object(node, COMPANIONS)? {
        match key {
            "architecture" => found.architecture = text(node)?.unwrap_or_default(),
            _ => found.others = texts(node)?.unwrap_or_default(),
        }
    }
    Ok(found)
}

fn entry(node: Node) -> Read<Entry> {
    let mut found = Entry::default();
    for (key, node) in object(node, ENTRY)? {
        match key {
            "name" => found.name = text(node)?.unwrap_or_default(),
            "names" => found.names = texts(node)?.unwrap_or_default(),
            "action" => found.action = text(node)?.unwrap_or_default(),
            "errnoRet" => found.errno = number(&node)?,
            "errno" => found.errno_name = text(node)?.unwrap_or_default(),
            "args" => {
                let items = items(node)?.unwrap_or_default();
                found.conditions = items.into_iter().map(comparison).collect::<Read<_>>()?;
            }
            "includes" => found.includes = circumstances(node)?,
            "excludes" => found.excludes = circumstances(node)?,
            _ => {}
        }
    }
    Ok(found)
}

fn comparison(node: Node) -> Read<Comparison> {
    let mut found = Comparison::default();
    for (key, node) in object(node, COMPARISON)? {
        match key {
            "index" => found.index = number(&node)?.unwrap_or_default(),
            "value" => found.value = number(&node)?.unwrap_or_default(),
            "valueTwo" => found.value_two = number(&node)?.unwrap_or_default(),
            _ => found.op = text(node)?.unwrap_or_default(),
        }
    }
    Ok(found)
}

fn circumstances(node: Node) -> Read<Circumstances> {
    let mut found = Circumstances::default();
    for (key, node) in object(node, CIRCUMSTANCES)? {
        match key {
            "caps" => found.caps = texts(node)?.unwrap_or_default(),
            "arches" => found.arches = texts(node)?.unwrap_or_default(),
            _ => {
                found.min_kernel = match node.value {
                    Value::Null => None,
                    Value::Text(text) => Some(MinKernel::Text(text)),
                    Value::Number(number) => Some(MinKernel::Other(number)),
                    _ => Some(MinKernel::Other(node.kind().to_owned())),
                }
            }
        }
    }
    Ok(found)
}
