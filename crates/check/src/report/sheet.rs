//! A file's report with what formats ask about it: places that are places, and what else is to be said of a finding.

use std::cell::OnceCell;
use std::ops::Range;

use callgate_core::Severity;
use callgate_core::foreign::foreign;

use crate::lint::{FileReport, Finding, Label, Located, Position, Positions};

/// A file's report, and where its lines are.
pub(super) struct Sheet<'r> {
    pub(super) report: &'r FileReport,
    positions: OnceCell<Positions<'r>>,
}

/// Two positions, the first not after the second, neither before the first character.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) start: Position,
    pub(super) end: Position,
}

impl Place {
    /// Of two positions, whatever they are.
    fn of(start: Position, end: Position) -> Self {
        let at_least = |p: Position| Position { line: p.line.max(1), column: p.column.max(1) };
        let start = at_least(start);
        Self { start, end: at_least(end).max(start) }
    }

    /// Where a finding is.
    pub(super) fn found(located: &Located) -> Self {
        Self::of(located.start, located.end)
    }
}

impl<'r> Sheet<'r> {
    pub(super) fn of(report: &'r FileReport) -> Self {
        Self { report, positions: OnceCell::new() }
    }

    /// Where its lines are; most formats ask only where a finding has labels or a patch.
    pub(super) fn positions(&self) -> &Positions<'r> {
        self.positions.get_or_init(|| Positions::of(&self.report.text))
    }

    /// The file's name.
    pub(super) fn name(&self) -> &'r str {
        &self.report.name
    }

    /// What was found.
    pub(super) fn findings(&self) -> &'r [Located] {
        &self.report.findings
    }

    /// The place of bytes; `None` where the text is not at hand.
    pub(super) fn place(&self, start: usize, end: usize) -> Option<Place> {
        let known = !self.report.text.is_empty();
        known.then(|| Place::of(self.positions().at(start.min(end)), self.positions().at(end.max(start))))
    }

    /// The file and the place of a label.
    pub(super) fn label<'l>(&'l self, label: &'l Label) -> (&'l str, Option<Place>) {
        let told = label.at.map(|at| Place::of(at, at));
        if let Some(file) = &label.file {
            return (file, told);
        }
        (self.name(), self.place(label.span.start, label.span.end).or(told))
    }

    /// `file:line:column: text` of a label, for one line.
    pub(super) fn label_line(&self, label: &Label) -> String {
        let (file, place) = self.label(label);
        let place = place.map(|p| format!(":{}:{}", p.start.line, p.start.column)).unwrap_or_default();
        foreign(&format!("{file}{place}: {}", label.text))
    }

    /// Everything that is to be said of a finding, line by line: what is so, where else, and the way out.
    pub(super) fn words(&self, finding: &Finding) -> Vec<String> {
        let mut lines = vec![foreign(&finding.message)];
        lines.extend(finding.labels.iter().map(|label| format!("note: {}", self.label_line(label))));
        lines.extend(finding.hint.iter().map(|hint| format!("help: {}", foreign(hint))));
        lines
    }

    /// Bytes of the text that are characters: within it, begin before end.
    pub(super) fn bytes(&self, span: &Range<usize>) -> Range<usize> {
        let text = &self.report.text;
        let start = text.floor_char_boundary(span.start.min(span.end));
        start..text.ceil_char_boundary(span.end.max(span.start)).max(start)
    }
}

/// How many findings of a file are of a severity.
pub(super) fn tally(sheets: &[Sheet<'_>], severity: Severity) -> usize {
    let all = sheets.iter().flat_map(Sheet::findings);
    all.filter(|located| located.finding.severity == severity).count()
}
