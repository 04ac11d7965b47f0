//! `json` and `jsonl`: `callgate.dev/lint/v1`. A wire format.

use callgate_core::Severity;
use serde::Serialize;

use super::sheet::{Place, Sheet, tally};
use super::shown;
use crate::lint::{Fix, Located, Position};

#[derive(Serialize)]
struct Document<'r> {
    schema: &'static str,
    findings: Vec<Finding<'r>>,
    summary: Summary,
}

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

/// All findings, and how many there are.
pub(super) fn document(sheets: &[Sheet<'_>]) -> String {
    let findings =
        sheets.iter().flat_map(|sheet| sheet.findings().iter().map(|l| finding(sheet, l))).collect();
    let summary = Summary {
        error: tally(sheets, Severity::Error),
        warning: tally(sheets, Severity::Warning),
        note: tally(sheets, Severity::Note),
    };
    shown(serde_json::to_string_pretty(&Document { schema: "callgate.dev/lint/v1", findings, summary }))
}

/// A finding per line.
pub(super) fn lines(sheets: &[Sheet<'_>]) -> String {
    let all = sheets.iter().flat_map(|sheet| sheet.findings().iter().map(move |l| finding(sheet, l)));
    all.map(|finding| shown(serde_json::to_string(&finding))).collect()
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
