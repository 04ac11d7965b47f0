//! `full`: what is wrong, where, with an excerpt and carets, and the way out, as rustc says it.

use annotate_snippets::renderer::{DEFAULT_LINE_NUM_STYLE, Reset};
use annotate_snippets::{
    Annotation, AnnotationKind, Element, Group, Level, Origin, Padding, Patch, Renderer, Snippet,
};
use callgate_core::Severity;
use callgate_core::foreign::foreign;

use super::Style;
use super::excerpt::{Excerpt, several, shortened};
use super::sheet::{Place, Sheet};
use crate::lint::{Edit, Fix, Label, Located};

/// Columns for line numbers and the bar.
const GUTTER: usize = 8;
/// The narrowest excerpt.
const NARROW: usize = 32;
/// The widest.
const WIDE: usize = 400;
/// Characters of a replacement that is shown.
const PATCH: usize = 600;

/// Every finding, with an empty line after each.
pub(super) fn render(sheets: &[Sheet<'_>], style: Style) -> String {
    let renderer = if style.color { Renderer::styled() } else { Renderer::plain() };
    // Excerpts are cut before: the renderer would look at all of a long line.
    let renderer = renderer.term_width(1 << 16);
    let width = style.width.saturating_sub(GUTTER).clamp(NARROW, WIDE);
    let mut out = String::new();
    for sheet in sheets {
        for located in sheet.findings() {
            for line in renderer.render(&groups(sheet, located, width)).lines().filter(|line| !is_bare(line))
            {
                out += line.trim_end();
                out.push('\n');
            }
            out.push('\n');
        }
    }
    out
}

/// The mark of another excerpt that the renderer draws above an excerpt without a name: ours stand below an
/// [`Origin`], since the renderer would count columns in what is left of a long line.
fn is_bare(line: &str) -> bool {
    if line.split_once(':').is_none_or(|(_, rest)| !rest.starts_with("::")) {
        return false;
    }
    let plain = line.replace(&DEFAULT_LINE_NUM_STYLE.to_string(), "").replace(&Reset.to_string(), "");
    plain.trim() == ":::"
}

fn groups<'r>(sheet: &Sheet<'r>, located: &'r Located, width: usize) -> Vec<Group<'r>> {
    let finding = &located.finding;
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(foreign(&finding.message)).id(finding.code);
    let places = place(sheet, located, width);
    let bare = places.len() == 1;
    let mut group = Group::with_title(title).elements(places);
    let (_, elsewhere) = labels(sheet, located);
    let notes = elsewhere.iter().map(|label| Level::NOTE.message(sheet.label_line(label)));
    let helps = finding.hint.iter().map(|hint| Level::HELP.message(foreign(hint)));
    let words: Vec<_> = notes.chain(helps).collect();
    if bare && !words.is_empty() {
        group = group.element(Padding);
    }
    let group = group.elements(words);
    std::iter::once(group).chain(finding.fix.iter().map(|f| fix(sheet, f, width))).collect()
}

/// A finding about a whole file has an empty span at its beginning.
fn has_place(sheet: &Sheet<'_>, located: &Located) -> bool {
    let span = &located.finding.span;
    !sheet.report.text.is_empty() && (span.start, span.end) != (0, 0)
}

/// Labels with an excerpt, and those that are said in words.
fn labels<'r>(sheet: &Sheet<'_>, located: &'r Located) -> (Vec<&'r Label>, Vec<&'r Label>) {
    let here = |label: &&Label| label.file.is_none() && !sheet.report.text.is_empty();
    located.finding.labels.iter().partition(here)
}

/// Where it is: name, line, excerpt; then the places that are too far away for the same excerpt.
fn place<'r>(sheet: &Sheet<'_>, located: &'r Located, width: usize) -> Vec<Element<'r>> {
    let span = &located.finding.span;
    let origin = Origin::path(foreign(sheet.name()));
    let start = Place::found(located).start;
    let whole = (span.start, span.end) == (0, 0);
    let mut elements: Vec<Element<'r>> =
        vec![if whole { origin } else { origin.line(start.line).char_column(start.column) }.into()];
    let (mut left, _) = labels(sheet, located);
    if has_place(sheet, located) {
        let mut excerpt = Excerpt::around(sheet, shortened(sheet, span, width), width);
        let (joined, far): (Vec<&Label>, _) =
            left.into_iter().partition(|l| excerpt.join(shortened(sheet, &l.span, width)));
        elements.push(snippet(excerpt, AnnotationKind::Primary, &joined));
        left = far;
    }
    while let Some((first, rest)) = left.split_first() {
        let mut excerpt = Excerpt::around(sheet, shortened(sheet, &first.span, width), width);
        let (mut joined, far): (Vec<&Label>, _) =
            rest.iter().partition(|l| excerpt.join(shortened(sheet, &l.span, width)));
        joined.insert(0, first);
        if let Some(place) = sheet.place(first.span.start, first.span.end) {
            let origin = Origin::path(foreign(sheet.name()));
            elements.push(origin.line(place.start.line).char_column(place.start.column).into());
        }
        elements.push(snippet(excerpt, AnnotationKind::Context, &joined));
        left = far;
    }
    elements
}

/// An excerpt with carets below its first span, if that is the finding's, and labels at the rest.
fn snippet<'r>(excerpt: Excerpt<'_, '_>, first: AnnotationKind, labels: &[&'r Label]) -> Element<'r> {
    let drawn = excerpt.draw();
    let mut spans = drawn.spans.into_iter();
    let mut annotations: Vec<Annotation<'r>> = Vec::new();
    if matches!(first, AnnotationKind::Primary) {
        annotations.extend(spans.next().map(|span| first.span(span)));
    }
    let labelled = spans.zip(labels);
    annotations.extend(labelled.map(|(span, l)| AnnotationKind::Context.span(span).label(foreign(&l.text))));
    Snippet::source(drawn.source).line_start(drawn.line).annotations(annotations).into()
}

/// The patch, where it is small enough to be seen; its title otherwise.
fn fix<'r>(sheet: &Sheet<'_>, fix: &'r Fix, width: usize) -> Group<'r> {
    let asked = if fix.safe { "" } else { " (`--fix` leaves that to you)" };
    let group = Group::with_title(Level::HELP.secondary_title(foreign(&fix.title) + asked));
    match patch(sheet, &fix.edits, width) {
        Some(patch) => group.element(patch),
        None => group,
    }
}

fn patch<'r>(sheet: &Sheet<'_>, edits: &'r [Edit], width: usize) -> Option<Snippet<'r, Patch<'r>>> {
    let first = edits.first().filter(|_| !sheet.report.text.is_empty())?;
    let text = &*sheet.report.text;
    let apart = edits.windows(2).all(|two| two[0].end <= two[1].start);
    // Whole lines may go, with their ends.
    let seen = |edit: &Edit| {
        let shown = shortened(sheet, &(edit.start..edit.end), width);
        let rest = text.get(shown.end..edit.end);
        shown.start == edit.start && rest.is_some_and(|rest| rest.bytes().all(|b| matches!(b, b'\n' | b'\r')))
    };
    let small = edits.iter().map(|edit| edit.text.len()).sum::<usize>() <= PATCH;
    if !apart || !small || !edits.iter().all(seen) {
        return None;
    }
    let mut excerpt = Excerpt::around(sheet, first.start..first.end, width);
    let together = edits[1..].iter().all(|edit| excerpt.join(edit.start..edit.end));
    if !together || !edits.iter().all(|edit| excerpt.shows(&(edit.start..edit.end))) {
        return None;
    }
    let drawn = excerpt.draw();
    let patches = drawn.spans.into_iter().zip(edits).map(|(span, edit)| {
        // The renderer would number an empty line after lines that go with their ends.
        let gone = edit.text.is_empty() && drawn.source.get(span.clone()).is_some_and(|t| t.ends_with('\n'));
        Patch::new(span.start..span.end - usize::from(gone), several(&edit.text))
    });
    let patches: Vec<_> = patches.collect();
    Some(Snippet::source(drawn.source).line_start(drawn.line).patches(patches))
}
