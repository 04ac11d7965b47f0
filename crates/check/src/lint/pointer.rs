//! Where something is in a document, however its lines move: RFC 6901's JSON pointers, the document's number first.

use callgate_core::profile::json::{Node, Value};

use super::manifest::short;

/// The pointer of the innermost value that a byte is in; its name where a list's item has one, its number else.
pub(crate) fn of(root: &Node, document: usize, at: usize) -> String {
    let mut pointer = format!("/{document}");
    step(root, at, &mut pointer);
    pointer
}

fn step(node: &Node, at: usize, pointer: &mut String) {
    match &node.value {
        Value::Object(members) => {
            // Members that an alias brought stand elsewhere, and are not looked for.
            let index = members.partition_point(|(key, _)| key.span.start <= at).checked_sub(1);
            let found = index.and_then(|index| members.get(index));
            let found = found.filter(|(key, value)| at < key.span.end.max(value.span.end));
            if let Some((key, value)) = found {
                pointer.push('/');
                pointer.push_str(&short(&key.name).replace('~', "~0").replace('/', "~1"));
                step(value, at, pointer);
            }
        }
        Value::List(items) => {
            let index = items.partition_point(|item| item.span.end <= at);
            if let Some(item) = items.get(index).filter(|item| item.span.contains(&at)) {
                let name = item.get("name").and_then(Node::text);
                pointer.push('/');
                match name {
                    Some(name) => pointer.push_str(&short(name).replace('~', "~0").replace('/', "~1")),
                    None => pointer.push_str(&index.to_string()),
                }
                step(item, at, pointer);
            }
        }
        _ => {}
    }
}
