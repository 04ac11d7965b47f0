//! Patches of manifests: comments and the formatting of everything else are kept. Where the way something is written leaves a doubt
//! about what a patch would do, there is none.

use std::ops::Range;

use callgate_core::profile::json::{Key, Node, Value};

use super::edit::remove_member;
use super::finding::Edit;
use crate::yaml::is_plain;

/// What is put in.
pub(crate) enum Added<'a> {
    /// A boolean.
    Flag(bool),
    /// A string.
    Text(&'a str),
    /// A mapping.
    Mapping(&'a [(&'a str, Added<'a>)]),
}

/// A value in place of a scalar or a key; `None` for what goes over several lines, and for what has an anchor: others refer to it.
pub(crate) fn replace(text: &str, span: &Range<usize>, value: &Added<'_>, yaml: bool) -> Option<Edit> {
    let before = text.get(..span.start)?.trim_end_matches(' ');
    let word = before.rsplit(|c: char| c.is_whitespace() || ",[]{}:".contains(c)).next().unwrap_or_default();
    let source = text.get(span.clone())?;
    let one_line = !source.contains('\n') && !is_block_header(before);
    let free = !yaml || (one_line && !word.starts_with('&'));
    // A quoted key may have its colon and its value right behind it.
    let quotes = source.starts_with(['"', '\'']);
    free.then(|| Edit::replace(span.clone(), value.flow(yaml && !quotes)))
}

/// Takes a member out of a mapping, with its lines; `None` where the mapping would be left empty, or is a list's item that begins
/// with it.
pub(crate) fn remove(text: &str, mapping: &Node, name: &str) -> Option<Edit> {
    let own = own(mapping);
    let (key, value) = own.iter().find(|(key, _)| key.name == name).filter(|_| own.len() > 1)?;
    // What others refer to stays.
    if text.get(key.span.start..end(text, key, value)?)?.contains('&') {
        return None;
    }
    if is_flow(text, mapping) {
        let here = |(key, value): &(Key, Node)| value.span.start >= key.span.end;
        let whole = own.len() == mapping.members().len() && own.iter().all(here);
        return whole.then(|| remove_member(mapping, name))?;
    }
    let start = line_start(text, key.span.start);
    let alone = text.get(start..key.span.start)?.trim().is_empty();
    alone.then(|| Edit::replace(start..line_end(text, key, value).unwrap_or(text.len()), ""))
}

/// Takes a member out of the mapping that another has under a name; where it is the only one, takes out the mapping.
pub(crate) fn remove_from(text: &str, holder: &Node, mapping: &str, name: &str) -> Option<Edit> {
    let inner = holder.get(mapping)?;
    match inner.members() {
        [(key, _)] if key.name == name => remove(text, holder, mapping),
        _ => remove(text, inner, name),
    }
}

/// Puts a member at the end of a mapping.
pub(crate) fn add(text: &str, mapping: &Node, key: &str, value: &Added<'_>, yaml: bool) -> Option<Edit> {
    let Value::Object(_) = mapping.value else { return None };
    let own = own(mapping);
    if is_flow(text, mapping) {
        let member = format!("{}: {}", quoted(key, yaml), value.flow(yaml));
        return match own.last() {
            // Nothing stands before its colon.
            Some((_, value)) if value.span.is_empty() => None,
            Some((key, value)) => Some(Edit::insert(end(text, key, value)?, format!(", {member}"))),
            None if text.get(mapping.span.clone()) == Some("{}") => {
                Some(Edit::insert(mapping.span.start + 1, member))
            }
            None => None,
        };
    }
    let (first, _) = own.first()?;
    let before = text.get(line_start(text, first.span.start)..first.span.start)?;
    // In a list's item the first key stands behind the dash; behind anything else its depth is not for certain.
    if !before.bytes().all(|b| b == b' ' || b == b'-') {
        return None;
    }
    let indent = " ".repeat(before.len());
    let member = format!("{indent}{key}:{}", value.block(&indent));
    let (key, value) = own.last()?;
    // A block scalar may say that empty lines after it are its own.
    if value.text().is_some_and(|text| text.ends_with("\n\n")) {
        return None;
    }
    match line_end(text, key, value) {
        Some(at) => Some(Edit::insert(at, member + "\n")),
        // The last line of a file may have no end.
        None => Some(Edit::insert(text.len(), format!("\n{member}"))),
    }
}

impl Added<'_> {
    /// In braces.
    fn flow(&self, yaml: bool) -> String {
        match self {
            Self::Flag(flag) => flag.to_string(),
            Self::Text(text) => quoted(text, yaml),
            Self::Mapping(members) => {
                let member =
                    |(key, value): &(&str, Self)| format!("{}: {}", quoted(key, yaml), value.flow(yaml));
                format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// What stands behind the colon, on lines of its own where it is a mapping.
    fn block(&self, indent: &str) -> String {
        match self {
            Self::Mapping(members) => {
                let indent = format!("{indent}  ");
                let member = |(key, value): &(&str, Self)| {
                    format!("\n{indent}{}:{}", quoted(key, true), value.block(&indent))
                };
                members.iter().map(member).collect::<Vec<_>>().concat()
            }
            scalar => format!(" {}", scalar.flow(true)),
        }
    }
}

/// The members that stand in a mapping itself; merge keys bring others, which stand elsewhere.
fn own(mapping: &Node) -> &[(Key, Node)] {
    let members = mapping.members();
    let mut at = mapping.span.start;
    let follows = |(key, value): &(Key, Node)| {
        let follows = key.span.start >= at;
        at = key.span.end.max(value.span.end);
        follows
    };
    let own = members.iter().map(follows).take_while(|follows| *follows).count();
    &members[..own]
}

/// Whether a mapping is written in braces, as all of JSON is.
fn is_flow(text: &str, mapping: &Node) -> bool {
    text[mapping.span.start..].starts_with('{')
}

/// A string, with quotes where it needs them; those of JSON are YAML's, too (YAML 1.2.2, 7.3.1).
fn quoted(value: &str, yaml: bool) -> String {
    if yaml && is_plain(value) { value.to_owned() } else { serde_json::Value::from(value).to_string() }
}

/// Whether a text ends with the line that a block scalar begins with.
fn is_block_header(text: &str) -> bool {
    let above = text.strip_suffix('\n').map(|above| &above[line_start(above, above.len())..]);
    let header = above.and_then(|line| line.split(" #").next()).unwrap_or_default().trim_end();
    header.trim_end_matches(|c: char| "+-0123456789".contains(c)).ends_with(['|', '>'])
}

/// Where a member ends: of an alias, where the alias does, and not what it stands for.
fn end(text: &str, key: &Key, value: &Node) -> Option<usize> {
    if value.span.start >= key.span.end {
        return Some(value.span.end);
    }
    let behind = text.get(key.span.end..)?;
    let alias = behind.trim_start_matches([' ', ':']);
    let name = alias.strip_prefix('*')?;
    let length = name.find(|c: char| c.is_whitespace() || ",[]{}".contains(c)).unwrap_or(name.len());
    Some(text.len() - name.len() + length)
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |line| line + 1)
}

/// Behind the line feed of the line that a member ends on, if there is one.
fn line_end(text: &str, key: &Key, value: &Node) -> Option<usize> {
    let end = end(text, key, value)?;
    let end = text[..end].trim_end().len();
    text[end..].find('\n').map(|at| end + at + 1)
}

#[cfg(test)]
mod tests;
