//! `github`: workflow commands of GitHub Actions, which become annotations
//! (docs.github.com, "Workflow commands for GitHub Actions").

use callgate_core::Severity;
use callgate_core::foreign::foreign;

use super::relative;
use super::sheet::{Place, Sheet};

/// Every finding.
pub(super) fn render(sheets: &[Sheet<'_>]) -> String {
    let mut out = String::new();
    for sheet in sheets {
        let file = property(&foreign(relative(sheet.name())));
        for located in sheet.findings() {
            let finding = &located.finding;
            let command = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "notice",
            };
            let place = Place::found(located);
            let (line, end) = (place.start.line, place.end.line);
            // Columns belong to one line (REST API, "Check runs", `start_column`).
            let columns = if line == end {
                format!(",col={},endColumn={}", place.start.column, place.end.column)
            } else {
                String::new()
            };
            let title = property(finding.code);
            let message = data(&sheet.words(finding).join("\n"));
            out += &format!(
                "::{command} file={file},line={line},endLine={end}{columns},title={title}::{message}\n"
            );
        }
    }
    out
}

/// What follows the second `::` (actions/toolkit, `packages/core/src/command.ts`, `escapeData`).
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property's value (the same, `escapeProperty`).
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
