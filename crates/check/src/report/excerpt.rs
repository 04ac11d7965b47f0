//! The part of a file that is shown: few lines, none of them longer than a screen is wide, nothing in it that steers a
//! terminal; and where spans of the file are in it.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};

use callgate_core::foreign::{is_plain, push_foreign};

use super::sheet::Sheet;

/// Lines of a span that is shown whole; of a taller one its first line is.
const TALL: usize = 6;
/// Lines between spans that are shown together.
const NEAR: usize = 4;
/// Lines of an excerpt.
const MOST: usize = 60;

/// An excerpt in the making. What it costs depends on what is shown, not on how long lines are.
pub(super) struct Excerpt<'s, 'r> {
    sheet: &'s Sheet<'r>,
    width: usize,
    lines: RangeInclusive<usize>,
    /// What is shown of lines with spans.
    windows: BTreeMap<usize, Range<usize>>,
    spans: Vec<Range<usize>>,
}

/// An excerpt.
pub(super) struct Drawn {
    /// The number of its first line.
    pub(super) line: usize,
    /// Its text.
    pub(super) source: String,
    /// Spans in it, in the order in which they came.
    pub(super) spans: Vec<Range<usize>>,
}

impl<'s, 'r> Excerpt<'s, 'r> {
    /// Around a span of few lines.
    pub(super) fn around(sheet: &'s Sheet<'r>, span: Range<usize>, width: usize) -> Self {
        let lines = lines(sheet, &span);
        let mut excerpt = Self { sheet, width, lines, windows: BTreeMap::new(), spans: Vec::new() };
        excerpt.take(span);
        excerpt
    }

    /// Takes another span in, if it is near enough and not in a part of a line that is not shown.
    pub(super) fn join(&mut self, span: Range<usize>) -> bool {
        let lines = lines(self.sheet, &span);
        let first = *lines.start().min(self.lines.start());
        let last = *lines.end().max(self.lines.end());
        let far = lines.end() + NEAR < *self.lines.start() || self.lines.end() + NEAR < *lines.start();
        let hidden =
            self.windows.get(lines.start()).is_some_and(|w| span.start < w.start || w.end < span.start);
        if far || hidden || last - first >= MOST {
            return false;
        }
        self.lines = first..=last;
        self.take(span);
        true
    }

    /// Whether all of these bytes are shown.
    pub(super) fn shows(&self, span: &Range<usize>) -> bool {
        let lines = lines(self.sheet, span);
        let within = self.lines.contains(lines.start()) && self.lines.contains(lines.end());
        let seen = |line: &usize, at| self.windows.get(line).is_some_and(|w| w.start <= at && at <= w.end);
        within && seen(lines.start(), span.start) && seen(lines.end(), span.end)
    }

    fn take(&mut self, span: Range<usize>) {
        for line in lines(self.sheet, &span) {
            self.windows.entry(line).or_insert_with(|| window(self.sheet, line, &span, self.width));
        }
        self.spans.push(span);
    }

    /// The text, line by line.
    pub(super) fn draw(self) -> Drawn {
        let text = &self.sheet.report.text;
        let mut source = String::new();
        let mut map = Map::default();
        for line in self.lines.clone() {
            let whole = content(self.sheet, line);
            let start = whole.start;
            let known = self.windows.get(&line).cloned();
            let window = known.unwrap_or_else(|| window(self.sheet, line, &(start..start), self.width));
            source += if window.start > whole.start { "…" } else { "" };
            let shown = text.get(window.clone()).unwrap_or_default();
            if is_plain(shown) {
                map.run(window.start, shown.len(), source.len());
                source += shown;
            } else {
                for (at, c) in shown.char_indices() {
                    map.run(window.start + at, 0, source.len());
                    push_visible(&mut source, c);
                }
            }
            source += if window.end < whole.end { "…" } else { "" };
            map.run(whole.end, 0, source.len());
            source.push('\n');
        }
        let spans =
            self.spans.iter().map(|span| map.to(span.start)..map.to(span.end).max(map.to(span.start)));
        let spans = spans.collect();
        Drawn { line: *self.lines.start(), source, spans }
    }
}

/// Where bytes of the file are in an excerpt, in their order.
#[derive(Default)]
struct Map(Vec<Run>);

/// Bytes, and the end of the last of them, that stand in the excerpt one by one.
struct Run {
    from: usize,
    bytes: usize,
    to: usize,
}

impl Map {
    fn run(&mut self, from: usize, bytes: usize, to: usize) {
        self.0.push(Run { from, bytes, to });
    }

    /// Where a byte of the file is; of one that is not shown, the next that is.
    fn to(&self, at: usize) -> usize {
        let next = self.0.get(self.0.partition_point(|run| run.from + run.bytes < at));
        let end = || self.0.last().map_or(0, |run| run.to);
        next.map_or_else(end, |run| run.to + at.saturating_sub(run.from))
    }
}

/// A character as it is shown: tabs as spaces, what steers as its escape.
fn push_visible(out: &mut String, c: char) {
    if c == '\t' { out.push_str("    ") } else { push_foreign(out, c) }
}

/// Text that would stand in an excerpt, which may have several lines.
pub(super) fn several(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' { out.push(c) } else { push_visible(&mut out, c) }
    }
    out
}

/// A line without its end.
fn content(sheet: &Sheet<'_>, line: usize) -> Range<usize> {
    let range = sheet.positions().line_range(line);
    let text = sheet.report.text.get(range.clone()).unwrap_or_default();
    range.start..range.end - usize::from(text.ends_with('\r'))
}

fn lines(sheet: &Sheet<'_>, span: &Range<usize>) -> RangeInclusive<usize> {
    let first = sheet.positions().line(span.start);
    first..=sheet.positions().line(span.end).max(first)
}

/// A span that can be shown: of characters, without the end of its last line, and not of many lines or long ones.
pub(super) fn shortened(sheet: &Sheet<'_>, span: &Range<usize>, width: usize) -> Range<usize> {
    let span = sheet.bytes(span);
    let text = sheet.report.text.get(span.clone()).unwrap_or_default();
    let end = span.start + text.trim_end_matches(['\n', '\r']).len();
    let span = span.start..end;
    let lines = lines(sheet, &span);
    let long = |line| content(sheet, line).len() > width;
    let several = lines.end() > lines.start();
    if several && (lines.end() - lines.start() >= TALL || lines.clone().any(long)) {
        return span.start..content(sheet, *lines.start()).end.max(span.start);
    }
    span
}

/// The part of a line that is shown for a span in it: all of it if it fits, its beginning if the span is in there.
fn window(sheet: &Sheet<'_>, line: usize, span: &Range<usize>, width: usize) -> Range<usize> {
    let whole = content(sheet, line);
    if whole.len() <= width {
        return whole;
    }
    let text = &sheet.report.text;
    let after = |start: usize, chars: usize| {
        let rest = text.get(start..whole.end).unwrap_or_default();
        rest.char_indices().nth(chars).map_or(whole.end, |(at, _)| start + at)
    };
    let to = after(whole.start, width);
    if span.end <= to {
        return whole.start..to;
    }
    let before = text.get(whole.start..span.start.min(whole.end)).unwrap_or_default();
    let start = before.char_indices().rev().nth(width / 3).map_or(whole.start, |(at, _)| whole.start + at);
    start..after(start, width)
}
