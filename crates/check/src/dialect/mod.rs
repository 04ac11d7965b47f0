//! How programs read a profile's JSON: what they take for a profile, what they overlook, and what they refuse.

pub mod c;
pub mod go;
pub mod rust;

use std::ops::Range;

use callgate_core::profile::json::{self, Key, Node, Value};

use callgate_core::profile::Lines;

use crate::document::{Document, Refusal};

/// A library that reads JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Go's `encoding/json`: Docker's daemon, Podman, containerd, CRI-O, runc.
    Go,
    /// libocispec's generated readers: crun.
    C,
    /// serde: youki, and Kata's agent.
    Rust,
}

impl Dialect {
    /// What a program that reads this way takes the text for.
    pub fn read(self, text: &str) -> Result<Document, Refusal> {
        // A byte order mark is no JSON to any of them.
        let tree = json::parse(text).map_err(|error| Refusal {
            span: Some(error.at..error.at),
            ..Refusal::new(format!("invalid JSON: {}", error.message))
        })?;
        let lines = Lines::of(text);
        match self {
            Self::Go => go::read(tree, &lines),
            Self::C => c::read(&tree, &lines),
            Self::Rust => rust::read(&tree, &lines),
        }
    }
}

/// A refusal of what stands at a place.
fn at(span: &Range<usize>, message: impl Into<String>) -> Refusal {
    Refusal { span: Some(span.clone()), ..Refusal::new(message) }
}

/// The members of an object; none of anything else.
fn members(node: &Node) -> &[(Key, Node)] {
    match &node.value {
        Value::Object(members) => members,
        _ => &[],
    }
}
