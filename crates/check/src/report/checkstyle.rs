//! `checkstyle`: the XML of Checkstyle, which many tools read (checkstyle, `XMLLogger`: file, line, column, severity,
//! message, source).

use callgate_core::Severity;
use callgate_core::foreign::markup;

use super::sheet::{Place, Sheet};

/// Every file, also those without findings.
pub(super) fn render(sheets: &[Sheet<'_>]) -> String {
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<checkstyle version=\"4.3\">\n".to_owned();
    for sheet in sheets {
        out += &format!("  <file name=\"{}\">\n", markup(sheet.name()));
        for located in sheet.findings() {
            let finding = &located.finding;
            let start = Place::found(located).start;
            let severity = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "info",
            };
            out += &format!(
                "    <error line=\"{}\" column=\"{}\" severity=\"{severity}\" message=\"{}\" source=\"callgate.{}\"/>\n",
                start.line,
                start.column,
                sheet.words(finding).iter().map(|line| markup(line)).collect::<Vec<_>>().join("&#10;"),
                markup(finding.code),
            );
        }
        out += "  </file>\n";
    }
    out + "</checkstyle>\n"
}
