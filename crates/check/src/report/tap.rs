//! `tap`: the Test Anything Protocol, version 13, with a YAML block per finding (testanything.org, "TAP version 13
//! specification").

use callgate_core::Severity;
use callgate_core::foreign::foreign;

use super::sheet::{Place, Sheet};
use crate::lint::Located;

/// Every file; one without findings is a test that passes, and so is a note.
pub(super) fn render(sheets: &[Sheet<'_>]) -> String {
    let tests: usize = sheets.iter().map(|sheet| sheet.findings().len().max(1)).sum();
    let mut out = format!("TAP version 13\n1..{tests}\n");
    let mut number = 0;
    for sheet in sheets {
        let name = description(sheet.name());
        if sheet.findings().is_empty() {
            number += 1;
            out += &format!("ok {number} - {name}\n");
        }
        for located in sheet.findings() {
            number += 1;
            out += &test(sheet, number, &name, located);
        }
    }
    out
}

fn test(sheet: &Sheet<'_>, number: usize, name: &str, located: &Located) -> String {
    let finding = &located.finding;
    let place = Place::found(located);
    let result = if finding.severity == Severity::Note { "ok" } else { "not ok" };
    let code = finding.code;
    let title = format!(
        "{name}:{}:{}: {code} {}",
        place.start.line,
        place.start.column,
        description(&finding.message)
    );
    let mut out = format!("{result} {number} - {title}\n  ---\n");
    let mut say = |key: &str, value: &str| out += &format!("  {key}: {}\n", quoted(value));
    say("message", &finding.message);
    say("severity", finding.severity.name());
    say("code", code);
    say("file", sheet.name());
    say("fingerprint", &located.fingerprint);
    finding.hint.iter().for_each(|hint| say("hint", hint));
    out += &format!("  line: {}\n  column: {}\n", place.start.line, place.start.column);
    out += &format!("  end_line: {}\n  end_column: {}\n", place.end.line, place.end.column);
    if !finding.labels.is_empty() {
        out += "  labels:\n";
        out.extend(finding.labels.iter().map(|l| format!("    - {}\n", quoted(&sheet.label_line(l)))));
    }
    out + "  ...\n"
}

/// Text after a number: `#` would begin a directive, `# SKIP`.
fn description(text: &str) -> String {
    foreign(text).replace('\\', "\\\\").replace('#', "\\#")
}

/// A double-quoted scalar of YAML: a string of JSON without unprintable characters is one (YAML 1.2, section 7.3.1).
fn quoted(text: &str) -> String {
    serde_json::Value::from(foreign(text)).to_string()
}
