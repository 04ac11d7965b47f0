//! Patches are held against what they are to do to the tree.

use proptest::prelude::*;

use super::super::edit::apply;
use super::*;
use crate::yaml;

fn read(text: &str) -> Result<Node, yaml::Invalid> {
    yaml::documents(text).next().expect("a document").map(|document| document.root)
}

fn edited(text: &str, edit: impl Fn(&Node) -> Option<Edit>) -> Option<String> {
    apply(text, &[edit(&read(text).expect("YAML"))?])
}

const DEFAULT: Added<'_> = Added::Mapping(&[("type", Added::Text("D1")), ("on", Added::Flag(true))]);

#[test]
fn members_go_with_their_lines_and_the_rest_stays() {
    let text = "a: 1 # one\nb:\n  c: 2 # two\n  # three\nd: 4\n";
    assert_eq!(edited(text, |n| remove(text, n, "b")).unwrap(), "a: 1 # one\n  # three\nd: 4\n");
    let text = "- a: 1\n  b: 2\n";
    assert_eq!(edited(text, |n| remove(text, &n.items()[0], "a")), None);
    assert_eq!(edited(text, |n| remove(text, &n.items()[0], "b")).unwrap(), "- a: 1\n");
    let text = "{a: 1, b: 2}\n";
    assert_eq!(edited(text, |n| remove(text, n, "b")).unwrap(), "{a: 1}\n");
    let text = "a: 1\nb: {c: 2}\n";
    assert_eq!(edited(text, |n| remove_from(text, n, "b", "c")).unwrap(), "a: 1\n");
}

#[test]
fn members_are_put_in_as_deep_as_the_others() {
    let text = "x:\n- a: 1\n  b: |\n    text\n# end\ny: 2";
    let add_to = |n: &Node| add(text, &n.get("x")?.items()[0], "cc", &DEFAULT, true);
    assert_eq!(
        edited(text, add_to).unwrap(),
        "x:\n- a: 1\n  b: |\n    text\n  cc:\n    type: D1\n    \"on\": true\n# end\ny: 2"
    );
    let last = |n: &Node| add(text, n, "z", &Added::Flag(false), true);
    assert_eq!(edited(text, last).unwrap(), format!("{text}\nz: false"));
    for (text, becomes) in [
        ("{a: 1}", "{a: 1, cc: {type: D1, \"on\": true}}"),
        ("{}", "{cc: {type: D1, \"on\": true}}"),
        ("{a: 1, # one\n}", "{a: 1, cc: {type: D1, \"on\": true}, # one\n}"),
    ] {
        assert_eq!(edited(text, |n| add(text, n, "cc", &DEFAULT, true)).unwrap(), becomes);
    }
    let json = "{\"a\": 1}";
    let quoted = |n: &Node| add(json, n, "c", &DEFAULT, false);
    assert_eq!(edited(json, quoted).unwrap(), "{\"a\": 1, \"c\": {\"type\": \"D1\", \"on\": true}}");
}

#[test]
fn what_stands_elsewhere_is_not_taken_for_what_stands_here() {
    let text = "x: &x {p: 1}\ny:\n  a: *x\nz:\n  <<: *x\n  b: 2\n  c: *x # why\nv:\n  <<: *x\n";
    let put = |name: &'static str| move |n: &Node| add(text, n.get(name)?, "k", &Added::Flag(true), true);
    assert!(edited(text, put("y")).unwrap().contains("  a: *x\n  k: true\nz:"));
    assert!(edited(text, put("z")).unwrap().contains("  c: *x # why\n  k: true\nv:"));
    assert_eq!(edited(text, put("v")), None);
    let take = |name: &'static str| move |n: &Node| remove(text, n.get("z")?, name);
    assert_eq!(edited(text, take("p")), None);
    assert!(edited(text, take("c")).unwrap().contains("  b: 2\nv:"));
    // Others refer to it.
    assert_eq!(edited(text, |n| remove(text, n, "x")), None);
}

#[test]
fn what_is_put_in_a_scalars_place_is_one() {
    for (text, value, becomes) in [
        ("a: 'b' # c\n", "RuntimeDefault", Some("a: \"RuntimeDefault\" # c\n")),
        ("a: b\n", "true", Some("a: \"true\"\n")),
        ("a: b\n", "c\"d\\e", Some("a: \"c\\\"d\\\\e\"\n")),
        ("{a: b}\n", "y", Some("{a: \"y\"}\n")),
        ("a: |\n  b\n", "c", None),
        ("a: >- # why\n  b\n", "c", None),
        ("a: b\n  c\n", "d", None),
        ("a: &x b\nc: *x\n", "d", None),
        ("d: {e: &x b}\na: *x\n", "d", None),
    ] {
        let own = |n: &Node| replace(text, &n.get("a")?.span, &Added::Text(value), true);
        assert_eq!(edited(text, own).as_deref(), becomes, "{text:?}");
    }
}

/// A value to be written in one way or another.
#[derive(Clone, Debug)]
enum Tree {
    Word(&'static str),
    /// An alias of one of the mappings before it.
    Alias(usize),
    List(Vec<Tree>),
    /// Members; whether in braces, with an anchor, with comments.
    Mapping(Vec<Tree>, bool, bool, bool),
}

fn tree() -> impl Strategy<Value = Tree> {
    let words = ["x", "'x y'", "\"x\\\"y\"", "", "3", "{}", "[]", "|\n  x\n  y", ">-\n\n  x\n   y", "x\n  y"];
    let leaf = prop_oneof![
        6 => proptest::sample::select(words.to_vec()).prop_map(Tree::Word),
        1 => (0..4_usize).prop_map(Tree::Alias)
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let many = || prop::collection::vec(inner.clone(), 1..4);
        let flags = (prop::bool::weighted(0.2), prop::bool::weighted(0.2), any::<bool>());
        prop_oneof![
            many().prop_map(Tree::List),
            (many(), flags)
                .prop_map(|(m, (flow, anchor, comments))| Tree::Mapping(m, flow, anchor, comments)),
        ]
    })
}

/// Writes trees; of anchors there are so many, and to those that are done something can refer.
struct Writer {
    out: String,
    anchors: usize,
    done: Vec<usize>,
}

impl Writer {
    /// Writes a value behind a colon or a dash.
    fn value(&mut self, tree: &Tree, depth: usize, flow: bool) {
        let indent = "  ".repeat(depth);
        match tree {
            Tree::Word(word) if flow && (word.is_empty() || word.contains('\n')) => self.out += " x",
            Tree::Word(word) => self.out += &format!(" {}", word.replace('\n', &format!("\n{indent}"))),
            Tree::Alias(which) => {
                self.out += &self.done.get(*which).map_or(" x".to_owned(), |anchor| format!(" *a{anchor}"));
            }
            Tree::List(items) if flow => {
                self.out += " [";
                for item in items {
                    self.value(item, depth, true);
                    self.out += ",";
                }
                self.out += "]";
            }
            Tree::List(items) => {
                for item in items {
                    self.out += &format!("\n{indent}-");
                    self.value(item, depth + 1, false);
                }
            }
            Tree::Mapping(members, in_braces, anchor, comments) => {
                let name = self.anchors;
                if *anchor {
                    self.anchors += 1;
                    self.out += &format!(" &a{name}");
                }
                if flow || *in_braces {
                    self.braces(members, depth);
                } else {
                    self.block(members, depth, *comments);
                }
                self.done.extend(anchor.then_some(name));
            }
        }
    }

    fn braces(&mut self, members: &[Tree], depth: usize) {
        self.out += " {";
        for (at, member) in members.iter().enumerate() {
            self.out += &format!("k{at}:");
            self.value(member, depth, true);
            self.out += ", ";
        }
        self.out += "}";
    }

    fn block(&mut self, members: &[Tree], depth: usize, comments: bool) {
        let indent = "  ".repeat(depth);
        for (at, member) in members.iter().enumerate() {
            let comment = if comments { format!(" # {at}\n{indent}# more") } else { String::new() };
            // The first member of a list's item stands behind the dash.
            let joined = self.out.ends_with('-') && !comments;
            self.out += &if joined { format!(" k{at}:") } else { format!("{comment}\n{indent}k{at}:") };
            self.value(member, depth + 1, false);
        }
    }
}

type Members = Vec<(String, serde_json::Value)>;
type Change<'c> = Box<dyn Fn(&mut Members) + 'c>;

/// What a node is, wherever it stands; changed where it is the one at that place, or an alias of it.
fn bare(node: &Node, at: &Range<usize>, change: &dyn Fn(&mut Members)) -> serde_json::Value {
    match &node.value {
        Value::Object(members) => {
            let mut members: Vec<_> =
                members.iter().map(|(key, value)| (key.name.clone(), bare(value, at, change))).collect();
            if node.span == *at {
                change(&mut members);
            }
            serde_json::Value::Object(members.into_iter().collect())
        }
        Value::List(items) => items.iter().map(|item| bare(item, at, change)).collect(),
        Value::Text(text) => serde_json::Value::from(text.as_str()),
        Value::Number(number) => serde_json::json!({ "number": number }),
        Value::Bool(flag) => (*flag).into(),
        Value::Null => serde_json::Value::Null,
    }
}

fn mappings<'n>(node: &'n Node, found: &mut Vec<&'n Node>) {
    if matches!(node.value, Value::Object(_)) {
        found.push(node);
    }
    node.items().iter().chain(node.members().iter().map(|(_, value)| value)).for_each(|n| mappings(n, found));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_patch_changes_one_mapping_and_nothing_else(
        trees in prop::collection::vec(tree(), 1..5), which in any::<prop::sample::Index>(),
        key in 0..3_usize, ended in any::<bool>(),
    ) {
        let mut writer = Writer { out: String::new(), anchors: 0, done: Vec::new() };
        writer.block(&trees, 0, false);
        let mut text = writer.out.trim_start().to_owned();
        if ended {
            text.push('\n');
        }
        let root = read(&text).map_err(|e| TestCaseError::fail(format!("{e:?}\n{text}")))?;
        let mut all = Vec::new();
        mappings(&root, &mut all);
        let mapping = *which.get(&all);
        let name = format!("k{key}");
        let nothing = |_: &mut Vec<_>| {};
        let put: Change<'_> = Box::new(|m| m.push(("z".to_owned(), serde_json::json!({"type": "D1", "on": true}))));
        let take: Change<'_> = Box::new(|m| m.retain(|(own, _)| *own != name));
        for (edit, change) in [
            (add(&text, mapping, "z", &DEFAULT, true), put),
            (remove(&text, mapping, &name), take),
        ] {
            let Some(edit) = edit else { continue };
            let made = apply(&text, &[edit]).expect("an edit inside of the text");
            let after = read(&made).map_err(|e| TestCaseError::fail(format!("{e:?}\n{text}\n->\n{made}")))?;
            prop_assert_eq!(
                bare(&after, &(0..0), &nothing),
                bare(&root, &mapping.span, &*change),
                "{}\n->\n{}", text, made
            );
        }
    }
}
