//! `sarif`: SARIF 2.1.0, which code scanning takes. A wire format (OASIS, "Static Analysis Results Interchange Format
//! (SARIF) Version 2.1.0"; what GitHub wants of it: docs.github.com, "SARIF support for code scanning").

use std::collections::BTreeMap;

use callgate_core::{Severity, foreign::foreign};
use serde::Serialize;

use super::sheet::{Place, Sheet};
use super::{RULES, RuleInfo, relative, shown};
use crate::lint::{Confidence, Fix, Label, Located};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

#[derive(Serialize)]
struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    column_kind: &'static str,
    results: Vec<RunResult>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    version: &'static str,
    semantic_version: &'static str,
    information_uri: &'static str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: &'static str,
    help_uri: String,
    #[serde(flatten)]
    known: Option<Known>,
}

/// What is said of a rule that is documented.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Known {
    short_description: Message,
    help: Help,
    default_configuration: Configuration,
    properties: RuleProperties,
}

#[derive(Serialize)]
struct Help {
    text: String,
    markdown: String,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct RuleProperties {
    precision: &'static str,
    #[serde(rename = "security-severity")]
    security_severity: &'static str,
    tags: [&'static str; 2],
}

#[derive(Serialize)]
struct Message {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RunResult {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Message,
    locations: [Location; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location>,
    partial_fingerprints: Fingerprints,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fixes: Vec<FixDoc>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fingerprints {
    primary_location_line_hash: String,
}

#[derive(Serialize)]
struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    #[serde(rename = "physicalLocation")]
    physical: PhysicalLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: Artifact,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
struct Artifact {
    uri: String,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Region {
    #[serde(rename_all = "camelCase")]
    Text { start_line: usize, start_column: usize, end_line: usize, end_column: usize },
    #[serde(rename_all = "camelCase")]
    Bytes { byte_offset: usize, byte_length: usize },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FixDoc {
    description: Message,
    artifact_changes: [Change; 1],
    properties: FixProperties,
}

#[derive(Serialize)]
struct FixProperties {
    safe: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    artifact_location: Artifact,
    replacements: Vec<Replacement>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replacement {
    deleted_region: Region,
    inserted_content: Message,
}

impl From<Place> for Region {
    fn from(Place { start, end }: Place) -> Self {
        Self::Text {
            start_line: start.line,
            start_column: start.column,
            end_line: end.line,
            end_column: end.column,
        }
    }
}

/// Every finding, and the rules that found something.
pub(super) fn render(sheets: &[Sheet<'_>], rules: &dyn Fn(&str) -> Option<RuleInfo>) -> String {
    let codes = sheets.iter().flat_map(Sheet::findings).map(|located| located.finding.code);
    let mut index: BTreeMap<&'static str, usize> = codes.map(|code| (code, 0)).collect();
    index.values_mut().enumerate().for_each(|(at, value)| *value = at);
    let mut results = Vec::new();
    for sheet in sheets {
        results.extend(sheet.findings().iter().map(|located| result(sheet, located, &index)));
    }
    let version = env!("CARGO_PKG_VERSION");
    let driver = Driver {
        name: "callgate",
        version,
        semantic_version: version,
        information_uri: "https://callgate.dev",
        rules: index.keys().map(|code| rule(code, rules(code))).collect(),
    };
    let run = Run { tool: Tool { driver }, column_kind: "unicodeCodePoints", results };
    shown(serde_json::to_string_pretty(&Log { schema: SCHEMA, version: "2.1.0", runs: [run] }))
}

fn rule(code: &'static str, info: Option<RuleInfo>) -> Rule {
    let known = info.map(|info| Known {
        short_description: Message { text: info.summary },
        help: Help { text: info.help.clone(), markdown: info.help },
        default_configuration: Configuration { level: level(info.severity) },
        properties: RuleProperties {
            precision: match info.confidence {
                Confidence::High => "high",
                Confidence::Medium => "medium",
                Confidence::Low => "low",
            },
            // GitHub: over 7.0 is high, over 4.0 medium, the rest low.
            security_severity: match info.severity {
                Severity::Error => "8.0",
                Severity::Warning => "5.0",
                Severity::Note => "2.0",
            },
            tags: ["security", info.family],
        },
    });
    Rule { id: code, help_uri: format!("{RULES}{code}"), known }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn result(sheet: &Sheet<'_>, located: &Located, index: &BTreeMap<&str, usize>) -> RunResult {
    let finding = &located.finding;
    let hint = finding.hint.as_ref().map(|hint| format!("\nhelp: {}", plain(hint))).unwrap_or_default();
    let physical = PhysicalLocation {
        artifact_location: artifact(sheet.name()),
        region: Some(Place::found(located).into()),
    };
    RunResult {
        rule_id: finding.code,
        rule_index: index.get(finding.code).copied().unwrap_or_default(),
        level: level(finding.severity),
        message: Message { text: plain(&finding.message) + &hint },
        locations: [Location { id: None, physical, message: None }],
        related_locations: finding
            .labels
            .iter()
            .zip(1..)
            .map(|(label, id)| related(sheet, label, id))
            .collect(),
        partial_fingerprints: Fingerprints { primary_location_line_hash: located.fingerprint.clone() },
        // A fix without a replacement is none (section 3.57.3).
        fixes: finding.fix.iter().filter(|f| !f.edits.is_empty()).map(|f| fix(sheet, f)).collect(),
    }
}

fn related(sheet: &Sheet<'_>, label: &Label, id: usize) -> Location {
    let (file, place) = sheet.label(label);
    let region = place.map(Region::from).or_else(|| {
        let here = label.file.is_none();
        here.then(|| bytes(label.span.start, label.span.end))
    });
    let physical = PhysicalLocation { artifact_location: artifact(file), region };
    Location { id: Some(id), physical, message: Some(Message { text: plain(&label.text) }) }
}

fn fix(sheet: &Sheet<'_>, fix: &Fix) -> FixDoc {
    let replacements = fix.edits.iter().map(|edit| Replacement {
        deleted_region: sheet
            .place(edit.start, edit.end)
            .map_or_else(|| bytes(edit.start, edit.end), Region::from),
        inserted_content: Message { text: edit.text.clone() },
    });
    let change = Change { artifact_location: artifact(sheet.name()), replacements: replacements.collect() };
    FixDoc {
        description: Message { text: plain(&fix.title) },
        artifact_changes: [change],
        properties: FixProperties { safe: fix.safe },
    }
}

/// Foreign text without embedded links: `[text](target)` is one (section 3.11.6), and a backslash takes that away.
fn plain(text: &str) -> String {
    foreign(text).replace("](", "\\](")
}

fn bytes(start: usize, end: usize) -> Region {
    let first = start.min(end);
    Region::Bytes { byte_offset: first, byte_length: start.max(end) - first }
}

/// A path as a URI reference (RFC 3986): an absolute one as a `file:` URI, others from where the command ran.
fn artifact(name: &str) -> Artifact {
    let scheme = if name.starts_with('/') { "file://" } else { "" };
    let mut uri = scheme.to_owned();
    for byte in relative(name).bytes() {
        // A colon in the first segment would be a scheme's.
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri += &format!("%{byte:02X}");
        }
    }
    Artifact { uri }
}
