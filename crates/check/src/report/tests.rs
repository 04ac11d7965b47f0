//! Every format on one report with hostile text, and on arbitrary ones.

mod sarif;
mod xml;

use callgate_core::Severity;
use proptest::prelude::*;
use serde_json::Value;

use self::sarif::check_log;
use self::xml::{attribute, elements};
use super::{Format, RuleInfo, Style, render};
use crate::lint::{Confidence, Edit, FileReport, Finding, Fix, Label, Located, Position, Positions};

/// What must not get through anywhere: ends of lines, terminal controls, turned lines, ends of strings and elements.
const HOSTILE: &str = "a\n::error::b\u{1b}[31m\u{202e}c]]>\"'<&\0\u{9b}\u{1f600}# SKIP\r%0A,\u{ffff}";
const TEXT: &str = "{\n  \"defaultAction\": \"SCMP_ACT_ERNO\",\n  \"syscalls\": []\n}\n";
const PLAIN: Style = Style { color: false, width: 80 };

fn finding(span: std::ops::Range<usize>, message: &str) -> Finding {
    Finding {
        code: "unknown-action",
        severity: Severity::Error,
        confidence: Confidence::High,
        message: message.to_owned(),
        span,
        labels: Vec::new(),
        hint: None,
        fix: None,
        pointer: "/0/defaultAction".to_owned(),
    }
}

fn report(name: &str, text: &str, findings: Vec<Finding>) -> FileReport {
    let positions = Positions::of(text);
    let located = findings.into_iter().enumerate().map(|(at, finding)| Located {
        start: positions.at(finding.span.start),
        end: positions.at(finding.span.end),
        fingerprint: format!("{at:032x}"),
        finding,
    });
    FileReport { name: name.to_owned(), text: text.into(), findings: located.collect() }
}

/// A slip of the fingers with everything that a finding can have, a warning and a note, and a file without findings.
fn sample() -> Vec<FileReport> {
    let mut first = finding(21..36, "unknown action `SCMP_ACT_ERNO`");
    first.labels = vec![
        Label { file: None, span: 40..50, at: None, text: "these rules".to_owned() },
        Label {
            file: Some("other/file.json".to_owned()),
            span: 7..9,
            at: Some(Position { line: 12, column: 3 }),
            text: HOSTILE.to_owned(),
        },
    ];
    first.hint = Some("did you mean `SCMP_ACT_ERRNO`?".to_owned());
    let edits = vec![Edit { start: 22, end: 35, text: "SCMP_ACT_ERRNO".to_owned() }];
    first.fix = Some(Fix { title: "write SCMP_ACT_ERRNO".to_owned(), safe: true, edits });
    let second = Finding { severity: Severity::Warning, ..finding(52..54, HOSTILE) };
    let third = Finding { code: "whole-file", severity: Severity::Note, ..finding(0..0, "about everything") };
    vec![report("a b%/x:1.json", TEXT, vec![third, first, second]), report("./clean.json", "{}", Vec::new())]
}

fn rules(code: &str) -> Option<RuleInfo> {
    (code == "unknown-action").then_some(RuleInfo {
        code: "unknown-action",
        summary: "An action that no reader knows".to_owned(),
        help: "## Why it matters\n\nNo filter is made.".to_owned(),
        severity: Severity::Error,
        confidence: Confidence::High,
        family: "names",
    })
}

fn rendered(format: Format) -> String {
    render(format, &sample(), &rules, PLAIN)
}

fn parsed(format: Format) -> Value {
    serde_json::from_str(&rendered(format)).expect("it is JSON")
}

fn is_json(format: Format) -> bool {
    matches!(format, Format::Json | Format::Sarif | Format::Gitlab | Format::Rdjson)
}

#[test]
fn a_format_has_one_name_and_a_slip_is_recognised() {
    for format in Format::ALL {
        assert_eq!(format.name().parse(), Ok(format));
    }
    let error = "sarfi".parse::<Format>().expect_err("there is none").to_string();
    assert_eq!(
        error,
        "unknown format `sarfi`; did you mean `sarif`?; formats are full, concise, json, jsonl, sarif, junit, github, \
         gitlab, checkstyle, rdjson, tap"
    );
}

#[test]
fn a_finding_is_shown_with_its_excerpt_its_other_places_and_its_patch() {
    let files = sample();
    let one = FileReport { findings: files[0].findings[..2].to_vec(), ..files[0].clone() };
    let shown = render(Format::Full, &[one], &rules, PLAIN);
    assert_eq!(
        shown,
        "note[whole-file]: about everything\n\
         --> a b%/x:1.json\n\
         \n\
         error[unknown-action]: unknown action `SCMP_ACT_ERNO`\n \
         --> a b%/x:1.json:2:20\n  \
           |\n\
         2 |   \"defaultAction\": \"SCMP_ACT_ERNO\",\n  \
           |                    ^^^^^^^^^^^^^^^\n\
         3 |   \"syscalls\": []\n  \
           |   ---------- these rules\n  \
           |\n  \
           = note: other/file.json:12:3: a\\u{a}::error::b\\u{1b}[31m\\u{202e}c]]>\"'<&\\u{0}\\u{9b}\u{1f600}# SKIP\\u{d}%0A,\u{ffff}\n  \
           = help: did you mean `SCMP_ACT_ERRNO`?\n\
         help: write SCMP_ACT_ERRNO\n  \
           |\n\
         2 |   \"defaultAction\": \"SCMP_ACT_ERRNO\",\n  \
           |                                +\n\
         \n"
    );
}

#[test]
fn a_place_far_away_has_an_excerpt_of_its_own() {
    let text = format!("first\n{}last\n", "between\n".repeat(30));
    let mut twice = finding(0..5, "twice");
    let end = text.len();
    twice.labels = vec![Label { file: None, span: end - 5..end - 1, at: None, text: "again".to_owned() }];
    twice.fix = Some(Fix {
        title: "remove the second".to_owned(),
        safe: false,
        edits: vec![Edit { start: end - 5, end, text: String::new() }],
    });
    let shown = render(Format::Full, &[report("f", &text, vec![twice])], &rules, PLAIN);
    assert_eq!(
        shown,
        "error[unknown-action]: twice\n  \
           --> f:1:1\n   \
            |\n \
          1 | first\n   \
            | ^^^^^\n  \
           ::: f:32:1\n   \
            |\n\
         32 | last\n   \
            | ---- again\n   \
            |\n\
         help: remove the second (`--fix` leaves that to you)\n   \
            |\n\
         32 - last\n   \
            |\n\
         \n"
    );
}

#[test]
fn a_finding_about_a_whole_file_still_shows_its_other_places() {
    let mut whole = finding(0..0, "twice");
    whole.labels = vec![Label { file: None, span: 6..12, at: None, text: "here".to_owned() }];
    let shown = render(Format::Full, &[report("f", "first\nsecond\n", vec![whole])], &rules, PLAIN);
    assert_eq!(
        shown,
        "error[unknown-action]: twice\n \
           --> f\n \
          ::: f:2:1\n  \
           |\n\
         2 | second\n  \
           | ------ here\n\
         \n"
    );
}

/// An entry of a file of one line; its second quoted text has a character of two bytes.
const ENTRY: &str = "{\"names\":[\"\u{e9}\"],\"action\":\"SCMP_ACT_ALLOW\"},";

/// A file of one line: entries, and 400 findings spread over them.
fn one_line(entries: usize) -> FileReport {
    let findings = (0..400).map(|at| {
        let start = at * (entries / 400) * ENTRY.len() + 10;
        let mut one = finding(start..start + 4, "strange name");
        one.labels = vec![Label { file: None, span: 0..7, at: None, text: "first".to_owned() }];
        one.fix = Some(Fix {
            title: "name it".to_owned(),
            safe: true,
            edits: vec![Edit { start, end: start + 4, text: "\"read\"".to_owned() }],
        });
        one
    });
    report("min.json", &ENTRY.repeat(entries), findings.collect())
}

#[test]
fn a_long_line_is_neither_shown_whole_nor_read_for_every_finding() {
    let [short, long] = [2_400, 38_400].map(|entries| [one_line(entries)]);
    let time = |files: &[FileReport]| {
        let begun = std::time::Instant::now();
        for format in Format::ALL {
            assert!(!render(format, files, &rules, PLAIN).is_empty());
        }
        begun.elapsed().as_secs_f64()
    };
    let mut ratios: Vec<f64> = (0..3).map(|_| time(&long) / time(&short)).collect();
    ratios.sort_by(f64::total_cmp);
    // As many findings in sixteen times the text.
    assert!(ratios[1] < 8.0, "{ratios:?}");
}

#[test]
fn a_long_line_is_shown_where_it_matters_with_its_own_column() {
    let shown = render(Format::Full, &[one_line(2_400)], &rules, PLAIN);
    let longest = shown.lines().map(|line| line.chars().count()).max();
    // A patch may add to what fits.
    assert!(longest.is_some_and(|l| l <= 90), "{longest:?}");
    let column = 6 * ENTRY.chars().count() + 10 + 1;
    assert!(shown.contains(&format!("--> min.json:1:{column}\n")), "columns are those of the file");
    assert!(shown.contains("^^^"));
}

#[test]
fn a_line_per_finding_stays_a_line() {
    let shown = rendered(Format::Concise);
    assert_eq!(shown.lines().count(), 3);
    assert!(shown.contains("\na b%/x:1.json:2:20: error[unknown-action] unknown action `SCMP_ACT_ERNO`\n"));
    let colored = render(Format::Concise, &sample(), &rules, Style { color: true, width: 80 });
    assert!(colored.contains("\u{1b}[1m\u{1b}[91merror[unknown-action]\u{1b}[0m unknown"), "{colored:?}");
}

#[test]
fn json_has_everything_and_gives_text_back_as_it_was() {
    let document = parsed(Format::Json);
    assert_eq!(document["schema"], "callgate.dev/lint/v1");
    assert_eq!(document["summary"], serde_json::json!({"error": 1, "warning": 1, "note": 1}));
    let expected = serde_json::json!({
        "code": "unknown-action", "severity": "error", "confidence": "high",
        "message": "unknown action `SCMP_ACT_ERNO`", "file": "a b%/x:1.json",
        "line": 2, "column": 20, "end_line": 2, "end_column": 35,
        "hint": "did you mean `SCMP_ACT_ERRNO`?",
        "labels": [
            {"file": "a b%/x:1.json", "line": 3, "column": 3, "message": "these rules"},
            {"file": "other/file.json", "line": 12, "column": 3, "message": HOSTILE},
        ],
        "fingerprint": "00000000000000000000000000000001", "pointer": "/0/defaultAction",
        "fix": {"title": "write SCMP_ACT_ERRNO", "safe": true, "edits": [
            {"line": 2, "column": 21, "end_line": 2, "end_column": 34, "start": 22, "end": 35, "text": "SCMP_ACT_ERRNO"},
        ]},
    });
    assert_eq!(document["findings"][1], expected);
    assert_eq!(document["findings"][2]["message"], HOSTILE);
    let lines: Vec<Value> =
        rendered(Format::Jsonl).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(Value::from(lines), document["findings"]);
}

#[test]
fn the_forge_sees_commands_of_ours_only() {
    let shown = rendered(Format::Github);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with(
        "::notice file=a b%25/x%3A1.json,line=1,endLine=1,col=1,endColumn=1,title=whole-file::"
    ));
    assert!(lines[1].starts_with(
        "::error file=a b%25/x%3A1.json,line=2,endLine=2,col=20,endColumn=35,title=unknown-action::unknown action"
    ));
    assert!(lines[1].ends_with("%0Ahelp: did you mean `SCMP_ACT_ERRNO`?"));
    assert!(lines[2].contains("::a\\u{a}::error::b") && lines[2].contains("%250A"), "{}", lines[2]);
}

#[test]
fn code_quality_has_what_gitlab_asks_for() {
    let all = parsed(Format::Gitlab);
    let severities: Vec<&str> = all
        .as_array()
        .expect("a list")
        .iter()
        .map(|violation| {
            assert!(violation["description"].is_string() && violation["check_name"].is_string());
            assert!(violation["fingerprint"].as_str().is_some_and(|f| f.len() == 32));
            assert_eq!(violation["location"]["path"], "a b%/x:1.json");
            assert!(violation["location"]["lines"]["begin"].as_u64().is_some_and(|line| line > 0));
            violation["severity"].as_str().expect("a severity")
        })
        .collect();
    assert_eq!(severities, ["info", "major", "minor"]);
}

#[test]
fn junit_counts_what_it_holds_and_a_clean_file_passes() {
    let all = elements(&rendered(Format::Junit)).expect("it is XML");
    let named = |name: &str| all.iter().filter(|e| e.0 == name).collect::<Vec<_>>();
    assert_eq!((attribute(&all[0], "tests"), attribute(&all[0], "failures")), ("4", "2"));
    let suites = named("testsuite");
    assert_eq!((attribute(suites[0], "tests"), attribute(suites[0], "failures")), ("3", "2"));
    assert_eq!((attribute(suites[1], "tests"), attribute(suites[1], "failures")), ("1", "0"));
    assert_eq!((named("testcase").len(), named("failure").len(), named("system-out").len()), (4, 2, 1));
    assert!(named("failure")[1].2.contains("a\\u{a}::error::b\\u{1b}[31m\\u{202e}c]]>\"'<&\\u{0}"));
}

#[test]
fn checkstyle_names_file_line_column_severity_and_source() {
    let all = elements(&rendered(Format::Checkstyle)).expect("it is XML");
    let files: Vec<&str> = all.iter().filter(|e| e.0 == "file").map(|e| attribute(e, "name")).collect();
    assert_eq!(files, ["a b%/x:1.json", "./clean.json"]);
    let error = all.iter().filter(|e| e.0 == "error").nth(1).expect("three");
    let values = ["line", "column", "severity", "source"].map(|name| attribute(error, name));
    assert_eq!(values, ["2", "20", "error", "callgate.unknown-action"]);
    assert!(attribute(error, "message").contains("\nhelp: did you mean"));
}

#[test]
fn reviewdog_gets_byte_columns_and_one_suggestion_per_fix() {
    let text = "[\"\u{e9}\u{1f600}\", \"b\"]";
    let mut both = finding(11..14, "two");
    let edit = |start, end, text: &str| Edit { start, end, text: text.to_owned() };
    both.fix =
        Some(Fix { title: "t".to_owned(), safe: true, edits: vec![edit(1, 9, "1"), edit(11, 14, "2")] });
    let shown = render(Format::Rdjson, &[report("./f", text, vec![both])], &rules, PLAIN);
    let document: Value = serde_json::from_str(&shown).expect("JSON");
    let expected = serde_json::json!({
        "message": "two",
        "location": {"path": "f", "range": {"start": {"line": 1, "column": 12}, "end": {"line": 1, "column": 15}}},
        "severity": "ERROR",
        "code": {"value": "unknown-action", "url": "https://callgate.dev/rules/unknown-action"},
        "suggestions": [{
            "range": {"start": {"line": 1, "column": 2}, "end": {"line": 1, "column": 15}}, "text": "1, 2",
        }],
    });
    assert_eq!(document["diagnostics"][0], expected);
    assert_eq!(document["source"]["name"], "callgate");
}

#[test]
fn tap_counts_its_tests_and_no_text_becomes_a_directive() {
    let shown = rendered(Format::Tap);
    assert!(
        shown.starts_with("TAP version 13\n1..4\nok 1 - a b%/x:1.json:1:1: whole-file about everything\n")
    );
    let results = shown.lines().filter(|line| !line.starts_with("  ")).skip(2);
    for line in results {
        assert!(line.starts_with("ok ") || line.starts_with("not ok "), "{line}");
        assert!(!line.replace("\\#", "").contains('#'), "{line}");
    }
    let quoted = shown.lines().filter_map(|line| line.trim_start().split_once(": \""));
    for (key, value) in quoted.filter(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase())) {
        assert!(serde_json::from_str::<String>(&format!("\"{value}")).is_ok(), "{key}: {value}");
    }
}

#[test]
fn without_the_text_there_is_no_excerpt_and_no_invented_place() {
    let mut files = sample();
    files[0].text = "".into();
    let shown = render(Format::Full, &files, &rules, PLAIN);
    assert!(shown.contains("--> a b%/x:1.json:2:20\n") && !shown.contains("defaultAction"), "{shown}");
    assert!(
        shown.contains("note: a b%/x:1.json: these rules") && shown.contains("help: write SCMP_ACT_ERRNO")
    );
    let json: Value = serde_json::from_str(&render(Format::Json, &files, &rules, PLAIN)).expect("JSON");
    let fix = &json["findings"][1]["fix"]["edits"][0];
    assert_eq!(*fix, serde_json::json!({"start": 22, "end": 35, "text": "SCMP_ACT_ERRNO"}));
    let sarif: Value = serde_json::from_str(&render(Format::Sarif, &files, &rules, PLAIN)).expect("JSON");
    check_log(&sarif);
    let deleted = &sarif["runs"][0]["results"][1]["fixes"][0]["artifactChanges"][0]["replacements"][0];
    assert_eq!(deleted["deletedRegion"], serde_json::json!({"byteOffset": 22, "byteLength": 13}));
    let rdjson: Value = serde_json::from_str(&render(Format::Rdjson, &files, &rules, PLAIN)).expect("JSON");
    let range = &rdjson["diagnostics"][1]["location"]["range"];
    assert_eq!(*range, serde_json::json!({"start": {"line": 2}, "end": {"line": 2}}));
}

/// Texts of few kinds of character, so that spans meet line ends, wide characters and insides of characters.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => Just("ab ".to_owned()),
        4 => Just("\n".to_owned()),
        1 => Just("\r\n".to_owned()),
        1 => Just("\t".to_owned()),
        1 => Just("\u{1f600}".to_owned()),
        1 => Just("\u{e9}\u{301}\u{200d}".to_owned()),
        1 => Just("\u{6f22}".to_owned()),
        1 => Just("\u{1b}\u{202e}\0".to_owned()),
        1 => Just("x".repeat(60)),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

fn span() -> impl Strategy<Value = std::ops::Range<usize>> {
    (0..120usize, 0..120usize, any::<bool>())
        .prop_map(|(a, b, short)| if short { a..a + b % 8 } else { a..b })
}

fn arbitrary() -> impl Strategy<Value = Finding> {
    let label = (prop::option::of(text()), span(), any::<bool>(), text())
        .prop_map(|(file, span, at, text)| Label { file, span, at: at.then(Position::default), text });
    let edit = (span(), text()).prop_map(|(span, text)| Edit { start: span.start, end: span.end, text });
    let fix = (text(), any::<bool>(), prop::collection::vec(edit, 0..4));
    let fix = (any::<bool>(), fix).prop_map(|(sorted, (title, safe, mut edits))| {
        // Half of them as they should be.
        if sorted {
            for edit in &mut edits {
                edit.end = edit.end.max(edit.start);
            }
            edits.sort();
            edits.dedup_by(|next, before| next.start < before.end);
        }
        Fix { title, safe, edits }
    });
    let severity = prop_oneof![Just(Severity::Note), Just(Severity::Warning), Just(Severity::Error)];
    let words = (text(), prop::option::of(text()));
    (severity, span(), prop::collection::vec(label, 0..4), words, prop::option::of(fix)).prop_map(
        |(severity, span, labels, (message, hint), fix)| Finding {
            severity,
            labels,
            hint,
            fix,
            ..finding(span, &message)
        },
    )
}

proptest! {
    #[test]
    fn no_format_is_broken_by_any_text_or_span(
        name in text(),
        (text, findings) in (text(), prop::collection::vec(arbitrary(), 0..4)),
        (width, known, found) in (0..200usize, any::<bool>(), any::<bool>()),
    ) {
        let mut file = report(&name, &text, findings);
        if !known {
            file.text = "".into();
        }
        if !found {
            file.findings.iter_mut().for_each(|l| (l.start, l.end) = Default::default());
        }
        let files = [file];
        for format in Format::ALL {
            let shown = render(format, &files, &rules, Style { color: false, width });
            let steered = shown.chars().find(|c| *c != '\n' && callgate_core::foreign::steers(*c));
            prop_assert_eq!(steered, None, "{}: {}", format.name(), shown);
            if is_json(format) {
                prop_assert!(serde_json::from_str::<Value>(&shown).is_ok());
            }
            if matches!(format, Format::Junit | Format::Checkstyle) {
                prop_assert!(elements(&shown).is_ok(), "{:?}: {}", elements(&shown), shown);
            }
        }
        let sarif = render(Format::Sarif, &files, &rules, PLAIN);
        check_log(&serde_json::from_str(&sarif).expect("JSON"));
        let lines = files[0].findings.len();
        prop_assert_eq!(render(Format::Concise, &files, &rules, PLAIN).lines().count(), lines);
        prop_assert_eq!(render(Format::Github, &files, &rules, PLAIN).lines().count(), lines);
        prop_assert_eq!(render(Format::Jsonl, &files, &rules, PLAIN).lines().count(), lines);
        render(Format::Full, &files, &rules, Style { color: true, width });
    }
}
