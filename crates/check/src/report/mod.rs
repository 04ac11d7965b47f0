//! Findings of lint as text: for people, pipelines, editors and forges.
//!
//! One file per format. Nothing of a file is trusted: what could move a cursor, end a line, close a string or be markup
//! is escaped as the format has it.

mod checkstyle;
mod concise;
mod excerpt;
mod full;
mod github;
mod gitlab;
mod json;
mod junit;
mod rdjson;
mod sarif;
mod sheet;
mod tap;
#[cfg(test)]
mod tests;

use std::str::FromStr;

use annotate_snippets::renderer::{
    DEFAULT_ERROR_STYLE, DEFAULT_NOTE_STYLE, DEFAULT_WARNING_STYLE, Style as Paint,
};
use callgate_core::{Severity, foreign, suggest};

use crate::lint::{Confidence, FileReport};
use sheet::Sheet;

/// Where the rules are documented; a rule's code follows.
const RULES: &str = "https://callgate.dev/rules/";

/// A form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Excerpts with carets.
    Full,
    /// A line per finding.
    Concise,
    /// One document.
    Json,
    /// A document per line.
    Jsonl,
    /// SARIF 2.1.0: code scanning.
    Sarif,
    /// JUnit's XML, as test reports of pipelines have it.
    Junit,
    /// Annotations of GitHub Actions.
    Github,
    /// Code Quality of GitLab.
    Gitlab,
    /// Checkstyle's XML.
    Checkstyle,
    /// Reviewdog's JSON.
    Rdjson,
    /// Test Anything Protocol, version 13.
    Tap,
}

impl Format {
    /// Every format, in the order of documentation.
    pub const ALL: [Self; 11] = [
        Self::Full,
        Self::Concise,
        Self::Json,
        Self::Jsonl,
        Self::Sarif,
        Self::Junit,
        Self::Github,
        Self::Gitlab,
        Self::Checkstyle,
        Self::Rdjson,
        Self::Tap,
    ];

    /// The name by which it is asked for.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Concise => "concise",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Sarif => "sarif",
            Self::Junit => "junit",
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Checkstyle => "checkstyle",
            Self::Rdjson => "rdjson",
            Self::Tap => "tap",
        }
    }
}

/// Not the name of a format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown format `{given}`{}; formats are {}", near.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default(), Format::ALL.map(Format::name).join(", "))]
pub struct BadFormat {
    given: String,
    near: Option<&'static str>,
}

impl FromStr for Format {
    type Err = BadFormat;

    fn from_str(text: &str) -> Result<Self, BadFormat> {
        let found = Self::ALL.into_iter().find(|format| format.name() == text);
        found.ok_or_else(|| BadFormat {
            given: text.to_owned(),
            near: suggest::nearest(text, Self::ALL.map(Self::name)),
        })
    }
}

/// What a report says of a rule beside its findings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleInfo {
    /// The rule's code.
    pub code: &'static str,
    /// What it finds; one line.
    pub summary: String,
    /// Why, and what to do; Markdown.
    pub help: String,
    /// How much its findings matter, unless configured otherwise.
    pub severity: Severity,
    /// How sure it is.
    pub confidence: Confidence,
    /// What it is about.
    pub family: &'static str,
}

/// How people see it: [`Format::Full`] and [`Format::Concise`] only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether there is colour, which never carries meaning.
    pub color: bool,
    /// Columns for an excerpt of a file.
    pub width: usize,
}

/// The report of some files, in their order. `rules` says what is to be said of a rule by its code.
///
/// Where the text of a file is not at hand ([`FileReport::text`]), its patches and secondary places have byte offsets
/// where the format has them, and no place otherwise.
pub fn render(
    format: Format,
    files: &[FileReport],
    rules: &dyn Fn(&str) -> Option<RuleInfo>,
    style: Style,
) -> String {
    // Where lines begin is known of one file after the other, wherever a format lets it.
    let one_by_one = |render: &dyn Fn(&[Sheet<'_>]) -> String| -> String {
        files.iter().map(|file| render(&[Sheet::of(file)])).collect()
    };
    let sheets = || -> Vec<Sheet<'_>> { files.iter().map(Sheet::of).collect() };
    match format {
        Format::Full => one_by_one(&|sheets| full::render(sheets, style)),
        Format::Concise => one_by_one(&|sheets| concise::render(sheets, style)),
        Format::Json => json::document(files),
        Format::Jsonl => json::lines(files),
        Format::Sarif => sarif::render(&sheets(), rules),
        Format::Junit => junit::render(&sheets()),
        Format::Github => github::render(&sheets()),
        Format::Gitlab => gitlab::render(&sheets()),
        Format::Checkstyle => checkstyle::render(&sheets()),
        Format::Rdjson => rdjson::render(&sheets()),
        Format::Tap => tap::render(&sheets()),
    }
}

/// What a severity looks like where there is colour.
fn paint(severity: Severity) -> Paint {
    match severity {
        Severity::Error => DEFAULT_ERROR_STYLE,
        Severity::Warning => DEFAULT_WARNING_STYLE,
        Severity::Note => DEFAULT_NOTE_STYLE,
    }
}

/// A path from where the command runs, as forges have theirs: without a leading `./`.
fn relative(name: &str) -> &str {
    name.strip_prefix("./").filter(|rest| !rest.is_empty()).unwrap_or(name)
}

/// JSON that may be looked at: what steers a terminal is written as JSON's own escape. Line feeds between values stay.
fn shown(json: Result<String, serde_json::Error>) -> String {
    let json = json.unwrap_or_default();
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n');
    if json.as_bytes().iter().all(is_plain) || json.chars().all(|c| c == '\n' || !foreign::steers(c)) {
        return json + "\n";
    }
    let mut out = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        if c != '\n' && foreign::steers(c) {
            out += &format!("\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out.push('\n');
    out
}
