//! YAML as the same tree as JSON, with byte spans: what Kubernetes' tools read manifests as.
//!
//! granit-parser says what is YAML. Plain scalars are resolved as sigs.k8s.io/yaml does it (go-yaml 2, `resolve.go`),
//! which takes `yes` and `on` for booleans. Aliases are followed within a budget: they are how a small text becomes a
//! large one.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use callgate_core::profile::json::{Key, Node, Value};
use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

/// Nesting deeper than any manifest.
const MAX_DEPTH: usize = 128;

/// So many nodes may aliases add to one document, and so many are kept for them.
const MAX_ALIASED: usize = 100_000;

/// So many bytes of text count for one more node.
const BYTES_OF_A_NODE: usize = 64;

/// One document of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its content.
    pub root: Node,
    /// Comments before and in it.
    pub comments: Vec<Comment>,
}

/// A comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// What stands after the `#`, without space around it.
    pub text: String,
    /// From the `#` to the end of the line.
    pub span: Range<usize>,
}

/// Why a text is not YAML, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// What is wrong.
    pub message: String,
    /// Byte offset.
    pub at: usize,
}

/// The documents of a stream, one after the other: only one is held at a time.
pub struct Documents<'t> {
    text: &'t str,
    /// Where the parser's text begins.
    base: usize,
    /// Where it ends.
    end: usize,
    parser: Option<Parser<'t, StrInput<'t>>>,
}

/// The documents of a text. After one that is not YAML the next `---` is gone on with.
pub fn documents(text: &str) -> Documents<'_> {
    Documents { text, base: 0, end: text.len(), parser: Some(parser(text)) }
}

/// However many comments stand above each other: the document they are in has an end.
fn parser(text: &str) -> Parser<'_, StrInput<'_>> {
    let options = granit_parser::options! { max_buffered_comment_events: usize::MAX };
    Parser::new_from_str_with_options(text, options)
}

impl Iterator for Documents<'_> {
    type Item = Result<Document, Invalid>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut builder = Builder::default();
        loop {
            let event = self.parser.as_mut()?.next_event();
            let Some(event) = event else {
                self.resume(self.end);
                continue;
            };
            let step = match event {
                Ok((event, span)) => builder.take(event, &range(&span, self.base)),
                Err(error) => Err(invalid(&error, self.base..self.end)),
            };
            match step {
                Ok(None) => {}
                Ok(Some(document)) => return Some(Ok(document)),
                Err(invalid) => {
                    self.resume(invalid.at);
                    return Some(Err(invalid));
                }
            }
        }
    }
}

impl Documents<'_> {
    /// Goes on with the next document, if there is one. The parser gets that one only: it looks through all that it is given, and all
    /// documents of a stream may be broken. Nothing inside of a document begins a line with `---`.
    fn resume(&mut self, after: usize) {
        let begin = |from: usize| {
            let rest = self.text.as_bytes().get(from..).unwrap_or_default();
            memchr::memmem::find(rest, b"\n---").map(|at| from + at + 1)
        };
        // What the parser had has an end where a document begins, or the text ends.
        let next = if after == self.end && after < self.text.len() { Some(after) } else { begin(after) };
        self.end = next.and_then(begin).unwrap_or(self.text.len());
        self.base = next.unwrap_or(self.text.len());
        self.parser = next.and_then(|at| self.text.get(at..self.end)).map(parser);
    }
}

fn range(span: &Span, base: usize) -> Range<usize> {
    let range = span.byte_range().unwrap_or_default();
    base + range.start..base + range.end
}

fn invalid(error: &ScanError, read: Range<usize>) -> Invalid {
    let at = read.start + error.marker().byte_offset().unwrap_or_default();
    Invalid { message: error.info().clone(), at: at.min(read.end) }
}

/// A list or a mapping that has begun, and the anchor it has.
enum Open {
    List(Vec<Node>, usize),
    Mapping(Vec<(Key, Node)>, Option<Key>, usize),
}

/// A document in the making.
#[derive(Default)]
struct Builder {
    open: Vec<(Open, usize)>,
    root: Option<Node>,
    comments: Vec<Comment>,
    /// Nodes with anchors, and of how many nodes they are; `None`: there was no room to keep it.
    anchors: BTreeMap<usize, Option<(Node, usize)>>,
    kept: usize,
    aliased: usize,
    /// Where the last thing that was read ends; of an alias, the alias, not what it stands for.
    seen: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: &Range<usize>) -> Result<Option<Document>, Invalid> {
        if matches!(event, Event::Scalar(..) | Event::Alias(_)) {
            self.seen = span.end;
        }
        match event {
            Event::Comment(text, _) => {
                self.comments.push(Comment { text: text.trim().to_owned(), span: span.clone() });
            }
            Event::Scalar(text, style, anchor, tag) => {
                // A key is text, whatever its value would be.
                let value = if self.wants_key() {
                    Value::Text(text.into_owned())
                } else {
                    scalar(text.into_owned(), style, tag.as_deref())
                };
                self.add(Node { value, span: span.clone() }, anchor)?;
            }
            Event::SequenceStart(_, anchor, _) => self.begin(Open::List(Vec::new(), anchor), span)?,
            Event::MappingStart(_, anchor, _) => self.begin(Open::Mapping(Vec::new(), None, anchor), span)?,
            Event::SequenceEnd | Event::MappingEnd => self.end(span)?,
            Event::Alias(anchor) => self.alias(anchor, span)?,
            Event::DocumentEnd => {
                let nothing = Node { value: Value::Null, span: span.clone() };
                let root = self.root.take().unwrap_or(nothing);
                return Ok(Some(Document { root, comments: std::mem::take(&mut self.comments) }));
            }
            _ => {}
        }
        Ok(None)
    }

    fn wants_key(&self) -> bool {
        matches!(self.open.last(), Some((Open::Mapping(_, None, _), _)))
    }

    fn begin(&mut self, open: Open, span: &Range<usize>) -> Result<(), Invalid> {
        if self.open.len() >= MAX_DEPTH {
            let message = format!("nested deeper than {MAX_DEPTH} levels");
            return Err(Invalid { message, at: span.start });
        }
        self.open.push((open, span.start));
        Ok(())
    }

    fn end(&mut self, span: &Range<usize>) -> Result<(), Invalid> {
        let Some((open, start)) = self.open.pop() else { return Ok(()) };
        let (value, anchor) = match open {
            Open::List(items, anchor) => (Value::List(items), anchor),
            Open::Mapping(members, _, anchor) => (Value::Object(merged(members)), anchor),
        };
        // A block collection ends where the next thing begins; it is shown to where its last thing ends.
        let end = if span.is_empty() { self.seen.max(start) } else { span.end };
        self.seen = end;
        self.add(Node { value, span: start..end }, anchor)
    }

    fn alias(&mut self, anchor: usize, span: &Range<usize>) -> Result<(), Invalid> {
        let Some(kept) = self.anchors.get(&anchor) else {
            return Err(Invalid { message: "an alias of what contains it".to_owned(), at: span.start });
        };
        let fits = kept.as_ref().filter(|(_, size)| self.aliased + size <= MAX_ALIASED);
        let Some((node, size)) = fits else {
            let message = format!("anchors and aliases make more than {MAX_ALIASED} values of this document");
            return Err(Invalid { message, at: span.start });
        };
        self.aliased += size;
        let node = node.clone();
        self.add(node, 0)
    }

    fn add(&mut self, node: Node, anchor: usize) -> Result<(), Invalid> {
        if anchor != 0 {
            // Anchors inside of each other would be kept as often as they are deep.
            let room = MAX_ALIASED - self.kept;
            let size = size(&node, room);
            self.kept += size.unwrap_or_default();
            self.anchors.insert(anchor, size.map(|size| (node.clone(), size)));
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some((Open::List(items, _), _)) => items.push(node),
            Some((Open::Mapping(members, key, _), _)) => {
                if let Some(key) = key.take() {
                    members.push((key, node));
                } else if let Value::Text(name) = node.value {
                    *key = Some(Key { name, span: node.span });
                } else {
                    return Err(Invalid { message: "a key that is no text".to_owned(), at: node.span.start });
                }
            }
        }
        Ok(())
    }
}

/// Of how many nodes something is; `None`: of more than `most`, which are not counted.
fn size(node: &Node, most: usize) -> Option<usize> {
    let own = 1 + node.text().map_or(0, str::len) / BYTES_OF_A_NODE;
    let mut left = most.checked_sub(own)?;
    for item in node.items() {
        left -= size(item, left)?;
    }
    for (key, value) in node.members() {
        left = left.checked_sub(key.name.len() / BYTES_OF_A_NODE)?;
        left -= size(value, left)?;
    }
    Some(most - left)
}

/// `<<: *other`: members of another mapping, where there are none of that name (go-yaml 2, `decode.go`, merge).
fn merged(mut members: Vec<(Key, Node)>) -> Vec<(Key, Node)> {
    let Some(at) = members.iter().position(|(key, _)| key.name == "<<") else { return members };
    let (_, source) = members.remove(at);
    let sources = match source.value {
        Value::List(items) => items,
        value => vec![Node { value, span: source.span }],
    };
    let mut names: BTreeSet<String> = members.iter().map(|(key, _)| key.name.clone()).collect();
    for source in sources {
        let Value::Object(more) = source.value else { continue };
        for (key, value) in more {
            if names.insert(key.name.clone()) {
                members.push((key, value));
            }
        }
    }
    members
}

fn scalar(text: String, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    if style != ScalarStyle::Plain || tag.is_some() {
        return Value::Text(text);
    }
    match text.as_str() {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Value::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Value::Bool(false),
        number if is_number(number) => Value::Number(text),
        _ => Value::Text(text),
    }
}

/// Whether a text can stand without quotes, and is taken for text then by everybody: `y` and dates are not.
pub(crate) fn is_plain(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b"-_./".contains(&b);
    text.len() > 1
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(word)
        && matches!(scalar(text.to_owned(), ScalarStyle::Plain, None), Value::Text(_))
}

/// Decimal, hexadecimal and floating point numbers.
fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if let Some(hex) = unsigned.strip_prefix("0x") {
        return !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit());
    }
    unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.bytes().any(|b| b.is_ascii_digit())
        && text.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Node {
        documents(text).next().expect("there is one").expect("it is YAML").root
    }

    #[test]
    fn every_value_knows_where_it_stands() {
        let text = "a:\n  - b: 'c'\n    d: ä # why\n  - |\n    x\n    y\n";
        let root = read(text);
        let first = &root.get("a").unwrap().items()[0];
        assert_eq!(&text[first.get("b").unwrap().span.clone()], "'c'");
        assert_eq!(&text[first.get("d").unwrap().span.clone()], "ä");
        assert_eq!(&text[first.span.clone()], "b: 'c'\n    d: ä");
        assert_eq!(root.get("a").unwrap().items()[1].text(), Some("x\ny\n"));
        let comments = documents(text).next().unwrap().unwrap().comments;
        assert_eq!((comments[0].text.as_str(), &text[comments[0].span.clone()]), ("why", "# why"));
    }

    #[test]
    fn documents_behind_a_broken_one_are_read_each_at_its_place() {
        let text = "a: [\n---\nb: 1 # why\n---\nc: ]\n---\n---\nd: |\n  x\n--- e\n---\n\"f\n---\ng: 1\n";
        let found: Vec<String> = documents(text)
            .map(|document| match document {
                Ok(Document { root, comments }) => format!("{} {}", &text[root.span], comments.len()),
                Err(invalid) => {
                    format!("broken before {}", &text[invalid.at..text.len().min(invalid.at + 3)])
                }
            })
            .collect();
        let expected = [
            "broken before [\n-",
            "b: 1 1",
            "broken before ]\n-",
            " 0",
            "d: |\n  x\n 0",
            "e 0",
            "broken before \"f\n",
            "g: 1 0",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn however_many_comments_stand_above_each_other() {
        for (before, after) in
            [("a:\n", "  b: 1\n"), ("a: 1\n", "b: 2\n"), ("a:\n", "- 1\n"), ("a: [\n", "1]\n")]
        {
            let text = format!("{before}{}{after}", "  # why\n".repeat(20_000));
            let document = documents(&text).next().unwrap().expect("it is YAML");
            assert_eq!(document.comments.len(), 20_000);
            assert!(document.root.get("a").is_some());
        }
    }

    #[test]
    fn scalars_are_what_kubernetes_takes_them_for() {
        let root = read("[yes, 'yes', 0x10, 1.5, ., 1e3, ~, true, !!str true, 08:00]");
        let kinds: Vec<&str> = root.items().iter().map(Node::kind).collect();
        let (flag, text, number) = ("a boolean", "a string", "a number");
        assert_eq!(kinds, [flag, text, number, number, text, number, "null", flag, text, text]);
    }

    #[test]
    fn aliases_and_merge_keys_are_followed_within_a_budget() {
        let root = read("a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3\nc: *a\n");
        assert_eq!(root.at(["b", "x"]), root.at(["a", "x"]));
        assert_eq!(root.at(["b", "y"]).map(|n| &n.value), Some(&Value::Number("3".to_owned())));
        assert_eq!(root.at(["c", "y"]), root.at(["a", "y"]));
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let before = format!("*a{}, ", level - 1).repeat(9);
            bomb += &format!("a{level}: &a{level} [{before}]\n");
        }
        let error = documents(&bomb).next().unwrap().unwrap_err();
        assert!(error.message.contains("aliases make more than"), "{error:?}");
        assert!(documents("a: &a [*a]\n").next().unwrap().is_err());
    }

    #[test]
    fn a_document_that_is_no_yaml_does_not_hide_the_next() {
        let text = "a: 1\n---\nb: [1\nc: }\n---\nd: 2\n";
        let all: Vec<_> = documents(text).collect();
        assert_eq!(all.len(), 3, "{all:?}");
        assert!(all[0].is_ok() && all[1].is_err());
        let last = all[2].as_ref().unwrap();
        assert_eq!(&text[last.root.get("d").unwrap().span.clone()], "2");
        assert_eq!(documents("").count(), 0);
    }

    #[test]
    fn hostile_nesting_is_an_error_not_a_crash() {
        for text in ["[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(100_000)] {
            assert!(documents(&text).next().unwrap().is_err());
        }
    }
}
