//! What both targets of lint ask.
#![allow(dead_code, reason = "each target uses its part")]

use std::sync::Arc;

use callgate_check::lint::{
    Edit, FileReport, Input, Located, Options, Policy, apply, finish, join, look as look_at,
};
use callgate_check::report::{Format, Style, render};
use callgate_core::Arch;

/// More rounds than this find nothing more to mend, or the patches undo each other.
const ROUNDS: usize = 50;

/// What is found in a file, with every place in the text.
pub fn look(name: &str, text: &str) -> FileReport {
    let mut options = Options::new(Arch::X86_64, "2026-11-26");
    options.pss = "restricted".parse().ok();
    let text: Arc<str> = text.into();
    let looked = vec![(name.to_owned(), look_at(Input { name, text: &text, named: true }, &options))];
    let joined = join(&looked, &[], &options, &|_| Some(text.to_string()));
    let more = joined.findings.into_iter().map(|(_, finding)| finding);
    let (_, mut looked) = looked.into_iter().next().expect("one file");
    looked.findings.extend(more);
    looked.findings.iter().for_each(|finding| {
        let places = finding.labels.iter().filter(|label| label.file.is_none()).map(|label| &label.span);
        for place in places.chain([&finding.span]) {
            assert!(text.get(place.clone()).is_some(), "{}: {place:?}", finding.code);
        }
        for edit in finding.fix.iter().flat_map(|fix| &fix.edits) {
            assert!(text.get(edit.start..edit.end).is_some(), "{}: {edit:?}", finding.code);
        }
        let edits = finding.fix.as_ref().map_or(&[][..], |fix| &fix.edits);
        assert!(apply(&text, edits).is_some(), "{}: edits meet: {edits:?}", finding.code);
    });
    let report = finish((name, &text), (looked, Vec::new()), &[], (&Policy::default(), &options)).report;
    let style = Style { color: false, width: 80 };
    for format in Format::ALL {
        render(format, std::slice::from_ref(&report), &|_| None, style);
    }
    report
}

/// Makes patches one after the other until there is none, and has every text looked at that comes of it.
pub fn mend(name: &str, report: &FileReport, check: impl Fn(&str)) {
    for safe in [true, false] {
        let mut report = report.clone();
        // A profile of many mistakes takes as many rounds.
        let most = ROUNDS + 2 * report.findings.len();
        for round in 0.. {
            let fixes = report.findings.iter().filter_map(|located| located.finding.fix.as_ref());
            let Some(fix) = fixes.filter(|fix| fix.safe || !safe).next() else { break };
            assert!(round < most, "patches have no end: {}", fix.title);
            let mended = apply(&report.text, &fix.edits).expect("edits that do not meet");
            // A patch that changes nothing would be made for ever.
            assert_ne!(mended, *report.text, "{} changes nothing", fix.title);
            check(&mended);
            report = look(name, &mended);
        }
    }
}

/// Suppresses each finding by a comment above it: there are no more of them then.
pub fn suppress(name: &str, report: &FileReport) {
    for Located { finding, start, .. } in report.findings.iter().take(8) {
        let line = report.text.split_inclusive('\n').take(start.line - 1).map(str::len).sum::<usize>();
        let rest = &report.text[line..];
        let indent: String = rest.chars().take_while(|c| *c == ' ').collect();
        let comment = format!("{indent}# callgate: ignore[{}] because\n", finding.code);
        let text = apply(&report.text, &[Edit { start: line, end: line, text: comment }]);
        let again = look(name, &text.expect("one edit"));
        // Inside of a text a comment is none.
        let suppresses = again.findings.iter().all(|l| l.finding.code != "unused-suppression");
        let count =
            |report: &FileReport| report.findings.iter().filter(|l| l.finding.code == finding.code).count();
        assert!(!suppresses || count(&again) <= count(report), "{}: {again:?}", finding.code);
    }
}
