//! Patches of manifests: comments and the formatting of everything else are kept.

use callgate_core::profile::json::Node;

use super::edit::remove_member;
use super::finding::Edit;

/// Whether a mapping is written in braces, as all of JSON is.
fn is_flow(text: &str, mapping: &Node) -> bool {
    text[mapping.span.start..].starts_with('{')
}

/// A scalar in place of another; in JSON, quoted.
pub(crate) fn replace(node: &Node, value: &str, yaml: bool) -> Edit {
    let plain =
        yaml && !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./".contains(&b));
    let text = if plain { value.to_owned() } else { format!("\"{value}\"") };
    Edit::replace(node.span.clone(), text)
}

/// Takes a member out of a mapping, with its lines; `None` where the mapping would be left empty, or is a list's item that begins
/// with it.
pub(crate) fn remove(text: &str, mapping: &Node, name: &str) -> Option<Edit> {
    if mapping.members().len() < 2 {
        return None;
    }
    if is_flow(text, mapping) {
        return remove_member(mapping, name);
    }
    let (key, value) = mapping.member(name)?;
    let start = text[..key.span.start].rfind('\n').map_or(0, |line| line + 1);
    if !text[start..key.span.start].trim().is_empty() {
        return None;
    }
    Some(Edit::replace(start..line_end(text, value).min(text.len()), ""))
}

/// Where the line ends that a value ends on, its line feed included.
fn line_end(text: &str, value: &Node) -> usize {
    let end = value.span.start + text[value.span.clone()].trim_end().len();
    text[end..].find('\n').map_or(text.len(), |at| end + at + 1)
}

/// Puts a member at the end of a mapping: its key, and what stands behind the colon, lines of which are indented below it.
pub(crate) fn add(text: &str, mapping: &Node, key: &str, value: &Added<'_>, yaml: bool) -> Option<Edit> {
    let (first, _) = mapping.members().first()?;
    let (_, last) = mapping.members().last()?;
    if is_flow(text, mapping) {
        let quote = |word: &str| if yaml { word.to_owned() } else { format!("\"{word}\"") };
        let value = match value {
            Added::Word(word) => (*word).to_owned(),
            Added::Mapping(inner, word) => format!("{{{}: {}}}", quote(inner), quote(word)),
            Added::Profile(kind) => {
                format!("{{{}: {{{}: {}}}}}", quote("seccompProfile"), quote("type"), quote(kind))
            }
            Added::NoEscalation => format!("{{{}: false}}", quote("allowPrivilegeEscalation")),
        };
        return Some(Edit::insert(last.span.end, format!(", {}: {value}", quote(key))));
    }
    let start = text[..first.span.start].rfind('\n').map_or(0, |line| line + 1);
    let indent = " ".repeat(text[start..first.span.start].chars().count());
    let value = match value {
        Added::Word(word) => format!(" {word}"),
        Added::Mapping(inner, word) => format!("\n{indent}  {inner}: {word}"),
        Added::Profile(kind) => format!("\n{indent}  seccompProfile:\n{indent}    type: {kind}"),
        Added::NoEscalation => format!("\n{indent}  allowPrivilegeEscalation: false"),
    };
    let at = line_end(text, last);
    // The last line of a file may have no end.
    if text[..at].ends_with('\n') {
        Some(Edit::insert(at, format!("{indent}{key}:{value}\n")))
    } else {
        Some(Edit::insert(at, format!("\n{indent}{key}:{value}")))
    }
}

/// What is put in.
pub(crate) enum Added<'a> {
    /// A boolean.
    Word(&'a str),
    /// A mapping of one string.
    Mapping(&'a str, &'a str),
    /// A security context with a profile of a type.
    Profile(&'a str),
    /// A security context that refuses escalation.
    NoEscalation,
}

#[cfg(test)]
mod tests {
    use super::super::edit::apply;
    use super::*;
    use crate::yaml;

    fn edited(text: &str, edit: impl Fn(&Node) -> Option<Edit>) -> Option<String> {
        let root = yaml::documents(text).next().expect("a document").expect("YAML").root;
        apply(text, &[edit(&root)?])
    }

    #[test]
    fn members_go_with_their_lines_and_the_rest_stays() {
        let text = "a: 1 # one\nb:\n  c: 2 # two\n  # three\nd: 4\n";
        assert_eq!(edited(text, |n| remove(text, n, "b")).unwrap(), "a: 1 # one\n  # three\nd: 4\n");
        let text = "- a: 1\n  b: 2\n";
        assert_eq!(edited(text, |n| remove(text, &n.items()[0], "a")), None);
        assert_eq!(edited(text, |n| remove(text, &n.items()[0], "b")).unwrap(), "- a: 1\n");
        let text = "{a: 1, b: 2}\n";
        assert_eq!(edited(text, |n| remove(text, n, "b")).unwrap(), "{a: 1}\n");
    }

    #[test]
    fn members_are_put_in_as_deep_as_the_others() {
        let text = "x:\n- a: 1\n  b: |\n    text\n# end\ny: 2";
        let add_to = |n: &Node| add(text, &n.get("x")?.items()[0], "c", &Added::Mapping("type", "D"), true);
        assert_eq!(
            edited(text, add_to).unwrap(),
            "x:\n- a: 1\n  b: |\n    text\n  c:\n    type: D\n# end\ny: 2"
        );
        let last = |n: &Node| add(text, n, "z", &Added::Word("false"), true);
        assert_eq!(edited(text, last).unwrap(), format!("{text}\nz: false"));
        let text = "{a: 1}";
        let flow = |n: &Node| add(text, n, "c", &Added::Mapping("type", "D"), true);
        assert_eq!(edited(text, flow).unwrap(), "{a: 1, c: {type: D}}");
        let json = "{\"a\": 1}";
        let quoted = |n: &Node| add(json, n, "c", &Added::Mapping("type", "D"), false);
        assert_eq!(edited(json, quoted).unwrap(), "{\"a\": 1, \"c\": {\"type\": \"D\"}}");
    }
}
