//! `rdjson`: what reviewdog reads and writes into reviews. A wire format (reviewdog, `proto/rdf/reviewdog.proto`).

use std::ops::Range;

use callgate_core::Severity;
use serde::Serialize;

use super::sheet::{Place, Sheet};
use super::{RULES, relative, shown};
use crate::lint::{Fix, Located};

/// Bytes of a suggestion; a longer one is no help in a review, and many would be of the square of a file's size.
const MAX_SUGGESTION: usize = 16 * 1024;

#[derive(Serialize)]
struct DiagnosticResult<'r> {
    source: Source,
    diagnostics: Vec<Diagnostic<'r>>,
}

#[derive(Serialize)]
struct Source {
    name: &'static str,
    url: &'static str,
}

#[derive(Serialize)]
struct Diagnostic<'r> {
    message: String,
    location: Location<'r>,
    severity: &'static str,
    code: Code,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suggestions: Vec<Suggestion>,
}

#[derive(Serialize)]
struct Location<'r> {
    path: &'r str,
    range: TextRange,
}

#[derive(Serialize)]
struct TextRange {
    start: At,
    end: At,
}

/// Columns are in bytes, and left out where the text is not at hand.
#[derive(Serialize)]
struct At {
    line: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
}

#[derive(Serialize)]
struct Code {
    value: &'static str,
    url: String,
}

#[derive(Serialize)]
struct Suggestion {
    range: TextRange,
    text: String,
}

/// Every finding.
pub(super) fn render(sheets: &[Sheet<'_>]) -> String {
    let diagnostics =
        sheets.iter().flat_map(|sheet| sheet.findings().iter().map(|l| diagnostic(sheet, l))).collect();
    let source = Source { name: "callgate", url: "https://callgate.dev" };
    shown(serde_json::to_string_pretty(&DiagnosticResult { source, diagnostics }))
}

fn diagnostic<'r>(sheet: &Sheet<'r>, located: &Located) -> Diagnostic<'r> {
    let finding = &located.finding;
    let known = !sheet.report.text.is_empty();
    let range = if known { range(sheet, &finding.span) } else { linewise(Place::found(located)) };
    Diagnostic {
        message: sheet.words(finding).join("\n"),
        location: Location { path: relative(sheet.name()), range },
        severity: match finding.severity {
            Severity::Error => "ERROR",
            Severity::Warning => "WARNING",
            Severity::Note => "INFO",
        },
        code: Code { value: finding.code, url: format!("{RULES}{}", finding.code) },
        suggestions: finding.fix.iter().filter_map(|fix| suggestion(sheet, fix)).collect(),
    }
}

fn linewise(place: Place) -> TextRange {
    let at = |line| At { line, column: None };
    TextRange { start: at(place.start.line), end: at(place.end.line) }
}

fn range(sheet: &Sheet<'_>, span: &Range<usize>) -> TextRange {
    let at = |offset| {
        let line = sheet.positions().line(offset);
        At { line, column: Some(offset - sheet.positions().line_range(line).start + 1) }
    };
    let span = sheet.bytes(span);
    TextRange { start: at(span.start), end: at(span.end) }
}

/// A fix as one replacement: several suggestions would be taken one by one, and half of a fix is none.
fn suggestion(sheet: &Sheet<'_>, fix: &Fix) -> Option<Suggestion> {
    let whole = fix.edits.first()?.start..fix.edits.last()?.end;
    let mut text = String::new();
    let mut at = whole.start;
    for edit in &fix.edits {
        text += sheet.report.text.get(at..edit.start)?;
        // An edit outside of the text replaces nothing that is there.
        sheet.report.text.get(edit.start..edit.end)?;
        text += &edit.text;
        at = edit.end;
        if text.len() > MAX_SUGGESTION {
            return None;
        }
    }
    (!sheet.report.text.is_empty()).then(|| Suggestion { range: range(sheet, &whole), text })
}
