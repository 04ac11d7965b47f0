//! Patches: edits that touch as little as they can and look like what stands around them.

use std::ops::Range;

use callgate_core::profile::json::Node;

use super::finding::Edit;

impl Edit {
    /// Puts a text in a range's place.
    pub(crate) fn replace(span: Range<usize>, text: impl Into<String>) -> Self {
        Self { start: span.start, end: span.end, text: text.into() }
    }

    /// Puts a text in.
    pub(crate) fn insert(at: usize, text: impl Into<String>) -> Self {
        Self { start: at, end: at, text: text.into() }
    }
}

/// Takes one of several things that commas separate out, with the comma that belongs to it: where it stands, where the one before
/// it ends, where the one after it begins.
fn without(own: Range<usize>, before: Option<usize>, after: Option<usize>) -> Edit {
    let range = match (before, after) {
        (Some(end), _) => end..own.end,
        (None, Some(start)) => own.start..start,
        (None, None) => own,
    };
    Edit::replace(range, "")
}

/// Takes an item out of a JSON list.
pub(crate) fn remove_item(list: &Node, index: usize) -> Option<Edit> {
    let items = list.items();
    let before = index.checked_sub(1).and_then(|before| items.get(before)).map(|item| item.span.end);
    let after = items.get(index + 1).map(|item| item.span.start);
    Some(without(items.get(index)?.span.clone(), before, after))
}

/// Takes a member out of a JSON object.
pub(crate) fn remove_member(object: &Node, name: &str) -> Option<Edit> {
    let members = object.members();
    let index = members.iter().position(|(key, _)| key.name == name)?;
    let before = index.checked_sub(1).and_then(|before| members.get(before)).map(|(_, value)| value.span.end);
    let after = members.get(index + 1).map(|(key, _)| key.span.start);
    let (key, value) = members.get(index)?;
    Some(without(key.span.start..value.span.end, before, after))
}

/// Puts a member into a JSON object, after another or at the end, on a line of its own where they have one.
pub(crate) fn add_member(text: &str, object: &Node, after: &str, member: &str) -> Option<Edit> {
    let members = object.members();
    let at = members.iter().position(|(key, _)| key.name == after).or(members.len().checked_sub(1))?;
    let (key, value) = &members[at];
    let gap = gap(text, object, key.span.start);
    Some(Edit::insert(value.span.end, gap + member))
}

/// Puts an item into a JSON list that has one already, at its end.
pub(crate) fn add_item(text: &str, list: &Node, item: &str) -> Option<Edit> {
    let last = list.items().last()?;
    let gap = gap(text, list, last.span.start);
    Some(Edit::insert(last.span.end, gap + item))
}

/// No line is indented further.
const MAX_INDENT: usize = 1024;

/// What separates things of a holder, as it stands before one of them. A line may be the whole file: it is not looked for far.
fn gap(text: &str, holder: &Node, at: usize) -> String {
    let from = text.floor_char_boundary(at.saturating_sub(MAX_INDENT)).max(holder.span.start);
    let before = text.get(from..at).unwrap_or_default();
    let indent = before.rsplit_once('\n').map(|(_, indent)| indent).filter(|i| i.trim().is_empty());
    indent.map_or_else(|| ", ".to_owned(), |indent| format!(",\n{indent}"))
}

/// The text with edits made; `None` where two of them overlap or leave the text.
pub fn apply(text: &str, edits: &[Edit]) -> Option<String> {
    let mut sorted: Vec<&Edit> = edits.iter().collect();
    sorted.sort();
    sorted.dedup();
    let mut made = String::with_capacity(text.len());
    let mut at = 0;
    for edit in sorted {
        made.push_str(text.get(at..edit.start)?);
        text.get(edit.start..edit.end)?;
        made.push_str(&edit.text);
        at = edit.end;
    }
    made.push_str(text.get(at..)?);
    Some(made)
}

#[cfg(test)]
mod tests {
    use callgate_core::profile::json;

    use super::*;

    fn edited(text: &str, edit: impl Fn(&Node) -> Option<Edit>) -> String {
        apply(text, &[edit(&json::parse(text).unwrap()).unwrap()]).unwrap()
    }

    #[test]
    fn things_are_taken_out_with_their_comma() {
        assert_eq!(edited("[1, 2, 3]", |n| remove_item(n, 0)), "[2, 3]");
        assert_eq!(edited("[1, 2, 3]", |n| remove_item(n, 1)), "[1, 3]");
        assert_eq!(edited("[1]", |n| remove_item(n, 0)), "[]");
        assert_eq!(edited("{\"a\": 1, \"b\": 2}", |n| remove_member(n, "b")), "{\"a\": 1}");
    }

    #[test]
    fn things_are_put_in_as_the_others_stand() {
        let add = |text: &str| edited(text, |n| add_member(text, n, "a", "\"c\": 3"));
        assert_eq!(add("{\"a\": 1, \"b\": 2}"), "{\"a\": 1, \"c\": 3, \"b\": 2}");
        assert_eq!(add("{\n  \"a\": 1,\n  \"b\": 2\n}"), "{\n  \"a\": 1,\n  \"c\": 3,\n  \"b\": 2\n}");
        let text = "[\n 1,\n 2\n]";
        assert_eq!(edited(text, |n| add_item(text, n, "3")), "[\n 1,\n 2,\n 3\n]");
    }

    #[test]
    fn edits_that_overlap_are_not_made() {
        let edit = |start, end| Edit { start, end, text: "x".to_owned() };
        assert_eq!(apply("abcd", &[edit(0, 2), edit(1, 3)]), None);
        assert_eq!(apply("abcd", &[edit(2, 3), edit(0, 1)]), Some("xbxd".to_owned()));
        assert_eq!(apply("abcd", &[edit(3, 9)]), None);
    }
}
