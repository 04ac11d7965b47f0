//! One file, looked at alone.

use std::cell::{LazyCell, OnceCell};
use std::ops::Range;

use callgate_core::profile::Lines;
use callgate_core::profile::json::{JsonError, Node};
use memchr::memmem;

use super::config_map::{self, Embedded};
use super::embedded::SourceMap;
use super::finding::{Finding, Positions};
use super::manifest::{Object, objects, short};
use super::options::Options;
use super::rule::{Check, Rule, Sink};
use super::rules::{self, input};
use super::subject::Subject;
use super::suppress::{self, Suppression};
use super::usage::{self, Usage};
use super::{pointer, script};
use crate::yaml::{self, Document};

/// Larger documents are no profile and no manifest: etcd takes 1.5 MiB, and a runtime takes a profile of 1 MiB out of an
/// artifact.
pub const MAX_DOCUMENT: usize = 8 << 20;

/// A file, and what to call it.
#[derive(Clone, Copy, Debug)]
pub struct Input<'i> {
    /// As the user named it.
    pub name: &'i str,
    /// What is in it.
    pub text: &'i str,
    /// Whether the user named it, and not a folder it is in: then it has to be something.
    pub named: bool,
}

/// What a file turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Nothing that lint knows.
    Other,
    /// A pipeline.
    Pipeline,
    /// Kubernetes manifests.
    Manifest,
    /// A profile.
    Profile,
}

/// A profile that manifests may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Which of the files that were looked at it is in.
    pub file: usize,
    /// What to call it: the file, or the ConfigMap and its key.
    pub name: String,
    /// The path it may be named by: that of the file, or the key.
    pub path: String,
    /// Its text, where it is not the whole file.
    pub value: Option<String>,
}

/// What was found in a file by itself.
#[derive(Clone, Debug)]
pub struct Looked {
    /// What it is.
    pub kind: Kind,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What is to be kept quiet.
    pub suppressions: Vec<Suppression>,
    /// Profiles that its containers use.
    pub uses: Vec<Usage>,
    /// Profiles in it; their `file` is for the caller to say.
    pub profiles: Vec<Known>,
}

/// Looks at a file.
pub fn look(input: Input<'_>, options: &Options) -> Looked {
    let mut looker = Looker {
        input,
        options,
        looked: Looked {
            kind: Kind::Other,
            findings: Vec::new(),
            suppressions: Vec::new(),
            uses: Vec::new(),
            profiles: Vec::new(),
        },
        lines: OnceCell::new(),
        positions: OnceCell::new(),
    };
    if input.named || may_matter(input) {
        looker.file();
    }
    looker.looked.on_characters(input.text);
    looker.looked
}

impl Looked {
    /// Has every place begin and end at characters of the text: the first byte of what begins with ä is no place to show.
    fn on_characters(&mut self, text: &str) {
        let fit = |span: &mut Range<usize>| {
            let start = text.floor_char_boundary(span.start);
            *span = start..text.ceil_char_boundary(span.end).max(start);
        };
        for finding in &mut self.findings {
            fit(&mut finding.span);
            finding.labels.iter_mut().filter(|label| label.file.is_none()).for_each(|l| fit(&mut l.span));
        }
        self.uses.iter_mut().for_each(|usage| {
            fit(&mut usage.span);
            fit(&mut usage.container);
        });
    }
}

/// Words of which every file that matters has one.
const WORDS: [&str; 5] = ["SCMP_", "defaultAction", "syscalls", "apiVersion", "seccomp"];

fn may_matter(input: Input<'_>) -> bool {
    script::is_pipeline(input.name)
        || WORDS.iter().any(|word| memmem::find(input.text.as_bytes(), word.as_bytes()).is_some())
}

/// Keys of which a profile has one at least.
const PROFILE_KEYS: [&str; 4] = ["defaultAction", "syscalls", "archMap", "defaultErrnoRet"];

struct Looker<'l> {
    input: Input<'l>,
    options: &'l Options,
    looked: Looked,
    /// A file may hold many profiles, and many suppressions.
    lines: OnceCell<Lines>,
    positions: OnceCell<Positions<'l>>,
}

impl Looker<'_> {
    fn file(&mut self) {
        let text = self.input.text;
        if let Some(span) = too_large(text) {
            let message =
                format!("a document of more than {} MiB is no profile and no manifest", MAX_DOCUMENT >> 20);
            self.report(&input::TOO_LARGE, span, message).hint("leave it out, or name the files that matter");
            return;
        }
        let bare = text.trim_start_matches('\u{feff}');
        let json = self.has_extension(&["json"]) || bare.trim_start().starts_with(['{', '[']);
        if json && !self.is_yaml() {
            self.json(bare);
        } else {
            self.yaml();
        }
    }

    fn has_extension(&self, known: &[&str]) -> bool {
        let extension = self.input.name.rsplit_once('.').map(|(_, extension)| extension);
        extension.is_some_and(|own| known.iter().any(|known| own.eq_ignore_ascii_case(known)))
    }

    fn is_yaml(&self) -> bool {
        self.has_extension(&["yaml", "yml"])
    }

    fn json(&mut self, bare: &str) {
        let text = self.input.text;
        let bom = text.len() - bare.len();
        let map = SourceMap::identity();
        match map.parse(bare) {
            Ok(node) if bom > 0 => self.byte_order_mark(&node),
            Ok(node) if !objects(text, &node, false).is_empty() => self.document(&node, 0, false),
            Ok(node) => self.bare(&node),
            Err(error) => {
                self.not_json(&JsonError { at: error.at + bom, ..error });
                if self.looked.kind == Kind::Profile {
                    self.is_profile();
                }
            }
        }
    }

    /// A JSON document that is no object of Kubernetes.
    fn bare(&mut self, node: &Node) {
        let text = self.input.text;
        let map = SourceMap::identity();
        // A bundle's config.json, as runtimes are given it.
        if let Some(seccomp) = node.at(["linux", "seccomp"]).filter(|_| node.get("ociVersion").is_some()) {
            let value = text.get(seccomp.span.clone()).unwrap_or_default();
            self.profile(seccomp, value, &SourceMap::identity(), 0);
            return;
        }
        let ours = node.get("schema").and_then(Node::text).is_some_and(|s| s.starts_with("callgate.dev/"));
        let is_profile = PROFILE_KEYS.iter().any(|key| node.get(key).is_some());
        let mentions = memmem::find(text.as_bytes(), b"SCMP_ACT_").is_some();
        if !ours && (self.input.named || is_profile || (mentions && !node.members().is_empty())) {
            self.profile(node, text, &map, 0);
            self.is_profile();
        }
    }

    /// The whole file is a profile, good or bad: who names it does not name what is not there.
    fn is_profile(&mut self) {
        let name = self.input.name;
        self.looked.profiles.push(Known {
            file: 0,
            name: name.to_owned(),
            path: name.to_owned(),
            value: None,
        });
    }

    fn profile(&mut self, node: &Node, value: &str, map: &SourceMap, document: usize) {
        self.looked.kind = Kind::Profile.max(self.looked.kind);
        let from = self.looked.findings.len();
        let lines = self.lines.get_or_init(|| Lines::of(self.input.text));
        check_profile((self.input.text, lines), (node, value, map), self.options, &mut self.looked.findings);
        for finding in &mut self.looked.findings[from..] {
            finding.pointer = pointer::of(node, document, finding.span.start);
        }
    }

    fn byte_order_mark(&mut self, node: &Node) {
        if self.input.named || PROFILE_KEYS.iter().any(|key| node.get(key).is_some()) {
            self.looked.kind = Kind::Profile;
            rules::input::byte_order_mark(&mut self.sink(&input::BYTE_ORDER_MARK));
            self.is_profile();
        }
    }

    fn not_json(&mut self, error: &JsonError) {
        let text = self.input.text;
        if self.input.named || memmem::find(text.as_bytes(), b"SCMP_ACT_").is_some() {
            self.looked.kind = Kind::Profile;
            rules::input::not_json(text, error, &mut self.sink(&input::INVALID_JSON));
        }
    }

    fn yaml(&mut self) {
        let text = self.input.text;
        // All documents of a stream may be broken; the text is searched once.
        let is_template = LazyCell::new(|| memmem::find(text.as_bytes(), b"{{").is_some());
        let is_manifest = LazyCell::new(|| is_manifest(text));
        for (index, document) in yaml::documents(text).enumerate() {
            match document {
                Ok(document) => self.yaml_document(&document, index),
                Err(invalid) if self.input.named || self.looked.kind == Kind::Manifest || *is_manifest => {
                    self.looked.kind = Kind::Manifest.max(self.looked.kind);
                    rules::input::not_yaml(&invalid, *is_template, &mut self.sink(&input::INVALID_YAML));
                }
                Err(_) => {}
            }
        }
        if self.input.named && self.looked.kind == Kind::Other && text.trim().is_empty() {
            self.looked.kind = Kind::Profile;
            let message = "an empty file is no profile: containers start unconfined with it, or not at all";
            self.report(&input::NOT_CONFINED, 0..0, message);
            self.is_profile();
        }
    }

    fn yaml_document(&mut self, document: &Document, index: usize) {
        let from = self.looked.suppressions.len();
        let marked = suppress::marked(&document.comments);
        if !marked.is_empty() {
            let positions = self.positions.get_or_init(|| Positions::of(self.input.text));
            self.looked.suppressions.extend(suppress::comments(self.input.text, positions, &marked));
        }
        suppress::locate(&mut self.looked.suppressions[from..], &document.root, index);
        self.document(&document.root, index, true);
        if script::is_pipeline(self.input.name) || document.root.get("apiVersion").is_none() {
            self.scripts(&document.root, index);
        }
    }

    /// Objects of Kubernetes, and profiles in them.
    fn document(&mut self, root: &Node, index: usize, yaml: bool) {
        let found = objects(self.input.text, root, yaml);
        if found.is_empty() && PROFILE_KEYS.iter().any(|key| root.get(key).is_some()) && yaml {
            self.looked.kind = Kind::Profile;
            rules::input::profile_in_yaml(root, &mut self.sink(&input::INVALID_JSON));
        }
        for object in &found {
            self.looked.kind = Kind::Manifest.max(self.looked.kind);
            self.object(object, root, index);
        }
    }

    fn object(&mut self, object: &Object<'_>, root: &Node, index: usize) {
        let from = (self.looked.findings.len(), self.looked.suppressions.len(), self.looked.uses.len());
        for rule in rules::all() {
            if let Check::Object(check) = rule.check {
                check(object, &mut Sink::of(rule, self.options, &mut self.looked.findings));
            }
        }
        for finding in &mut self.looked.findings[from.0..] {
            finding.pointer = pointer::of(root, index, finding.span.start);
        }
        self.looked.suppressions.extend(suppress::annotations(object));
        suppress::locate(&mut self.looked.suppressions[from.1..], root, index);
        self.looked.uses.extend(usage::of(object));
        for usage in &mut self.looked.uses[from.2..] {
            usage.pointer = pointer::of(root, index, usage.span.start);
        }
        for embedded in config_map::profiles(object, self.input.text) {
            self.embedded(object, &embedded, index);
        }
    }

    fn embedded(&mut self, object: &Object<'_>, Embedded { key, value, map }: &Embedded<'_>, index: usize) {
        let (from, path, key) = (self.looked.findings.len(), (*key).to_owned(), short(key));
        match map.parse(value) {
            Ok(node) => self.profile(&node, value, map, index),
            Err(error) => self.not_json(&error),
        }
        for finding in &mut self.looked.findings[from..] {
            // Which part it is, is known by its place.
            let inner = finding.pointer.strip_prefix(&format!("/{index}")).filter(|_| map.is_followed());
            finding.pointer = format!("/{index}/{}/{key}{}", object.title(), inner.unwrap_or_default());
            // Line ends and quotes cannot be put into a scalar of every kind, and nothing inside of a scalar that cannot be
            // followed has a place of its own.
            let fits = |fix: &super::finding::Fix| {
                map.is_followed() && (map.indent.is_some() || fix.edits.iter().all(|e| e.text.is_empty()))
            };
            if finding.fix.take_if(|fix| !fits(fix)).is_some() {
                let hint = finding.hint.take().map(|hint| hint + "; ").unwrap_or_default();
                finding.hint =
                    Some(hint + "a patch could be made if the profile stood in a literal block (`|`)");
            }
        }
        self.looked.kind = Kind::Manifest;
        self.looked.profiles.push(Known {
            file: 0,
            name: format!("{} ({}, key {key})", self.input.name, object.title()),
            path,
            value: Some(value.clone().into_owned()),
        });
    }

    fn scripts(&mut self, root: &Node, index: usize) {
        let from = self.looked.findings.len();
        for script in script::scripts(self.input.text, root) {
            self.looked.kind = Kind::Pipeline.max(self.looked.kind);
            for rule in rules::all() {
                if let Check::Script(check) = rule.check {
                    check(&script, &mut Sink::of(rule, self.options, &mut self.looked.findings));
                }
            }
        }
        for finding in &mut self.looked.findings[from..] {
            finding.pointer = pointer::of(root, index, finding.span.start);
        }
    }

    fn sink(&mut self, rule: &'static Rule) -> Sink<'_> {
        Sink::of(rule, self.options, &mut self.looked.findings)
    }

    fn report(
        &mut self,
        rule: &'static Rule,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> &mut Finding {
        let at = self.looked.findings.len();
        self.sink(rule).report(span, message);
        &mut self.looked.findings[at]
    }
}

/// All rules about a profile.
fn check_profile(
    text: (&str, &Lines),
    parts: (&Node, &str, &SourceMap),
    options: &Options,
    findings: &mut Vec<Finding>,
) {
    let subject = Subject::of(text, parts, options);
    let mut own = Vec::new();
    for rule in rules::all() {
        match (rule.check, subject.profile()) {
            (Check::Tree(check), _) => check(&subject, &mut Sink::of(rule, options, &mut own)),
            (Check::Profile(check), Some(profile)) => {
                check(&subject, profile, &mut Sink::of(rule, options, &mut own));
            }
            _ => {}
        }
    }
    findings.append(&mut own);
}

fn is_manifest(text: &str) -> bool {
    ["apiVersion", "kind"].iter().all(|word| memmem::find(text.as_bytes(), word.as_bytes()).is_some())
}

/// The first document that is too large. Documents of a stream are told apart by the lines that begin with `---`, which nothing
/// inside of one does.
fn too_large(text: &str) -> Option<Range<usize>> {
    if text.len() <= MAX_DOCUMENT {
        return None;
    }
    let mut start = 0;
    for end in memmem::find_iter(text.as_bytes(), b"\n---").chain([text.len()]) {
        if end - start > MAX_DOCUMENT {
            return Some(start..start);
        }
        start = end + 1;
    }
    None
}
