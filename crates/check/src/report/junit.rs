//! `junit`: test reports as pipelines show them: a suite per file, a case per finding (testmoapp/junitxml, the common
//! form of JUnit's XML).

use callgate_core::Severity;
use callgate_core::foreign::markup;

use super::sheet::{Place, Sheet, tally};
use crate::lint::Located;

/// Every file; one without findings is a case that passes.
pub(super) fn render(sheets: &[Sheet<'_>]) -> String {
    let cases: usize = sheets.iter().map(cases).sum();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"callgate lint\" tests=\"{cases}\" \
         failures=\"{}\" errors=\"0\">\n",
        failures(sheets)
    );
    for sheet in sheets {
        out += &suite(sheet);
    }
    out + "</testsuites>\n"
}

fn cases(sheet: &Sheet<'_>) -> usize {
    sheet.findings().len().max(1)
}

fn failures(sheets: &[Sheet<'_>]) -> usize {
    tally(sheets, Severity::Error) + tally(sheets, Severity::Warning)
}

fn suite(sheet: &Sheet<'_>) -> String {
    let name = markup(sheet.name());
    let mut out = format!(
        "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"0\">\n",
        cases(sheet),
        failures(std::slice::from_ref(sheet)),
    );
    if sheet.findings().is_empty() {
        out += &format!("    <testcase name=\"lint\" classname=\"{name}\" file=\"{name}\"/>\n");
    }
    for located in sheet.findings() {
        out += &case(sheet, &name, located);
    }
    out + "  </testsuite>\n"
}

fn case(sheet: &Sheet<'_>, name: &str, located: &Located) -> String {
    let finding = &located.finding;
    let start = Place::found(located).start;
    let code = markup(finding.code);
    let message = markup(&finding.message);
    let lines: Vec<String> = sheet.words(finding).iter().map(|line| markup(line)).collect();
    let place = format!("{name}:{}:{}", start.line, start.column);
    let said = format!("{place}: {}[{code}] {}", finding.severity.name(), lines.join("\n"));
    // Notes fail nothing.
    let inside = match finding.severity {
        Severity::Note => format!("<system-out>{said}</system-out>"),
        severity => {
            format!("<failure message=\"{message}\" type=\"{}\">{said}</failure>", severity.name())
        }
    };
    format!(
        "    <testcase name=\"{code} at {}:{}\" classname=\"{name}\" file=\"{name}\" line=\"{}\">\n      {inside}\n    </testcase>\n",
        start.line, start.column, start.line,
    )
}
