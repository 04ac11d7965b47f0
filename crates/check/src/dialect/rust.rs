//! serde into the structs of the crate oci-spec, as youki and Kata's agent read a profile. Known from its source only.
//!
//! Keys are matched as they are written, keys of no field are ignored, everything else has to be there and of its kind.

use callgate_core::profile::json::{Node, Value};

use super::{at, members};
use callgate_core::profile::Lines;

use crate::document::{Comparison, Document, Entry, Refusal};

type Read<T> = Result<T, Refusal>;

pub(super) fn read(tree: &Node, lines: &Lines) -> Read<Document> {
    let mut document =
        Document { default_action: Some(required(tree, "defaultAction")?), ..Document::default() };
    for (key, node) in members(tree).iter().filter(|(_, node)| node.value != Value::Null) {
        match key.name.as_str() {
            "defaultErrnoRet" => document.default_errno = Some(unsigned(node, u64::from(u32::MAX))?),
            "architectures" => document.architectures = texts(node)?,
            "flags" => document.flags = Some(texts(node)?),
            "listenerPath" => document.listener_path = text(node)?,
            "listenerMetadata" => document.listener_metadata = text(node)?,
            "syscalls" => {
                let entry = |(index, node): (usize, &Node)| {
                    Ok(Entry { index, line: lines.at(node.span.start), ..entry(node)? })
                };
                document.rules = items(node)?.iter().enumerate().map(entry).collect::<Read<_>>()?;
            }
            _ => {}
        }
    }
    Ok(document)
}

fn member<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    members(node).iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
}

fn present<'n>(node: &'n Node, name: &str) -> Read<&'n Node> {
    member(node, name).ok_or_else(|| at(&node.span, format!("missing field `{name}`")))
}

fn required(node: &Node, name: &str) -> Read<String> {
    text(present(node, name)?)
}

fn entry(node: &Node) -> Read<Entry> {
    let given = |name: &str| member(node, name).filter(|node| node.value != Value::Null);
    Ok(Entry {
        names: texts(present(node, "names")?)?,
        action: required(node, "action")?,
        errno: given("errnoRet").map(|node| unsigned(node, u64::from(u32::MAX))).transpose()?,
        conditions: given("args")
            .map_or(Ok([].as_slice()), items)?
            .iter()
            .map(comparison)
            .collect::<Read<_>>()?,
        ..Entry::default()
    })
}

fn comparison(node: &Node) -> Read<Comparison> {
    let two = member(node, "valueTwo").filter(|node| node.value != Value::Null);
    Ok(Comparison {
        index: unsigned(present(node, "index")?, u64::MAX)?,
        value: unsigned(present(node, "value")?, u64::MAX)?,
        value_two: two.map_or(Ok(0), |node| unsigned(node, u64::MAX))?,
        op: required(node, "op")?,
    })
}

fn invalid(node: &Node, expected: &str) -> Refusal {
    at(&node.span, format!("invalid type: {}, expected {expected}", node.kind()))
}

fn items(node: &Node) -> Read<&[Node]> {
    match &node.value {
        Value::List(items) => Ok(items),
        _ => Err(invalid(node, "a sequence")),
    }
}

fn text(node: &Node) -> Read<String> {
    match &node.value {
        Value::Text(text) => Ok(text.clone()),
        _ => Err(invalid(node, "a string")),
    }
}

fn texts(node: &Node) -> Read<Vec<String>> {
    items(node)?.iter().map(text).collect()
}

fn unsigned(node: &Node, max: u64) -> Read<u64> {
    let Value::Number(digits) = &node.value else { return Err(invalid(node, "a number")) };
    digits
        .parse::<u64>()
        .ok()
        .filter(|value| *value <= max)
        .ok_or_else(|| invalid(node, "an unsigned number"))
}
