//! `concise`: `file:line:column: error[code] message`, a line per finding, as editors and grep know it.

use callgate_core::foreign::foreign;

use super::sheet::{Place, Sheet};
use super::{Style, paint};

/// Every finding.
pub(super) fn render(sheets: &[Sheet<'_>], style: Style) -> String {
    let mut out = String::new();
    for sheet in sheets {
        let name = foreign(sheet.name());
        for located in sheet.findings() {
            let finding = &located.finding;
            let start = Place::found(located).start;
            let mut level = format!("{}[{}]", finding.severity.name(), finding.code);
            if style.color {
                let paint = paint(finding.severity);
                level = format!("{paint}{level}{paint:#}");
            }
            let message = foreign(&finding.message);
            out += &format!("{name}:{}:{}: {level} {message}\n", start.line, start.column);
        }
    }
    out
}
