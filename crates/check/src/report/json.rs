//! `json` and `jsonl`: `callgate.dev/lint/v1`. A wire format.

use callgate_core::Severity;
use serde::Serialize;

use super::sheet::{Place, Sheet};
use super::shown;
use crate::lint::{FileReport, Fix, Located, Position};

/// The document's name and version.
const SCHEMA: &str = "callgate.dev/lint/v1";

#[derive(Serialize)]
struct Summary {
    error: usize,
    warning: usize,
    note: usize,
}

#[derive(Serialize)]
struct Finding<'r> {
    code: &'static str,
    severity: &'static str,
    confidence: &'static str,
    message: &'r str,
    file: &'r str,
    #[serde(flatten)]
    span: Span,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'r str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    labels: Vec<Label<'r>>,
    fingerprint: &'r str,
    pointer: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<FixDoc<'r>>,
}

/// From a character to the one after the last.
#[derive(Serialize)]
struct Span {
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

impl From<Place> for Span {
    fn from(place: Place) -> Self {
        let Place { start, end } = place;
        Self { line: start.line, column: start.column, end_line: end.line, end_column: end.column }
    }
}

/// A secondary place; without line and column where it is not known.
#[derive(Serialize)]
struct Label<'r> {
    file: &'r str,
    #[serde(flatten)]
    at: Option<At>,
    message: &'r str,
}

#[derive(Serialize)]
struct At {
    line: usize,
    column: usize,
}

impl From<Position> for At {
    fn from(Position { line, column }: Position) -> Self {
        Self { line, column }
    }
}

#[derive(Serialize)]
struct FixDoc<'r> {
    title: &'r str,
    safe: bool,
    edits: Vec<Edit<'r>>,
}

/// A replacement: bytes `start` up to `end`.
#[derive(Serialize)]
struct Edit<'r> {
    #[serde(flatten)]
    span: Option<Span>,
    start: usize,
    end: usize,
    text: &'r str,
}

/// All findings, and how many there are: a finding per line, so that not all of them are there twice at once.
pub(super) fn document(files: &[FileReport]) -> String {
    let mut text = format!("{{\"schema\": \"{SCHEMA}\", \"findings\": [");
    let mut separator = "\n";
    for file in files {
        let sheet = Sheet::of(file);
        for located in sheet.findings() {
            text += separator;
            text += shown(serde_json::to_string(&finding(&sheet, located))).trim_end();
            separator = ",\n";
        }
    }
    let all = || files.iter().flat_map(|file| &file.findings);
    let count = |severity| all().filter(|located| located.finding.severity == severity).count();
    let summary = Summary {
        error: count(Severity::Error),
        warning: count(Severity::Warning),
        note: count(Severity::Note),
    };
    text += "\n], \"summary\": ";
    text += shown(serde_json::to_string(&summary)).trim_end();
    text += "}\n";
    text
}

/// A finding per line.
pub(super) fn lines(files: &[FileReport]) -> String {
    let mut text = String::new();
    for file in files {
        let sheet = Sheet::of(file);
        let findings =
            sheet.findings().iter().map(|located| shown(serde_json::to_string(&finding(&sheet, located))));
        text.extend(findings);
    }
    text
}

fn finding<'r>(sheet: &'r Sheet<'_>, located: &'r Located) -> Finding<'r> {
    let found = &located.finding;
    let labels = found.labels.iter().map(|label| {
        let (file, place) = sheet.label(label);
        Label { file, at: place.map(|place| place.start.into()), message: &label.text }
    });
    Finding {
        code: found.code,
        severity: found.severity.name(),
        confidence: found.confidence.name(),
        message: &found.message,
        file: sheet.name(),
        span: Place::found(located).into(),
        hint: found.hint.as_deref(),
        labels: labels.collect(),
        fingerprint: &located.fingerprint,
        pointer: &found.pointer,
        fix: found.fix.as_ref().map(|f| fix(sheet, f)),
    }
}

fn fix<'r>(sheet: &Sheet<'_>, fix: &'r Fix) -> FixDoc<'r> {
    let edits = fix.edits.iter().map(|edit| Edit {
        span: sheet.place(edit.start, edit.end).map(Span::from),
        start: edit.start,
        end: edit.end,
        text: &edit.text,
    });
    FixDoc { title: &fix.title, safe: fix.safe, edits: edits.collect() }
}
