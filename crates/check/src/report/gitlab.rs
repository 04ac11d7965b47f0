//! `gitlab`: a report of GitLab's Code Quality. A wire format (docs.gitlab.com, "Code Quality report format").

use callgate_core::Severity;
use serde::Serialize;

use super::sheet::{Place, Sheet};
use super::{relative, shown};

#[derive(Serialize)]
struct Violation<'r> {
    description: String,
    check_name: &'static str,
    fingerprint: &'r str,
    severity: &'static str,
    location: Location<'r>,
}

#[derive(Serialize)]
struct Location<'r> {
    path: &'r str,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: usize,
}

/// Every finding.
pub(super) fn render(sheets: &[Sheet<'_>]) -> String {
    let mut all = Vec::new();
    for sheet in sheets {
        all.extend(sheet.findings().iter().map(|located| {
            let finding = &located.finding;
            Violation {
                description: sheet.words(finding).join("; "),
                check_name: finding.code,
                fingerprint: &located.fingerprint,
                severity: match finding.severity {
                    Severity::Error => "major",
                    Severity::Warning => "minor",
                    Severity::Note => "info",
                },
                location: Location {
                    path: relative(sheet.name()),
                    lines: Lines { begin: Place::found(located).start.line },
                },
            }
        }));
    }
    shown(serde_json::to_string_pretty(&all))
}
