//! What lint has to say: findings with places, secondary places, the way out and patches.

use std::cell::OnceCell;
use std::ops::Range;
use std::sync::Arc;

use callgate_core::Severity;

/// How sure a rule is that what it found is a mistake, and not meant so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Often meant so; worth a look.
    Low,
    /// Seldom meant so.
    Medium,
    /// It is so.
    High,
}

impl Confidence {
    /// `low`, `medium`, `high`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Something that was found at a place of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's code.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// How sure it is.
    pub confidence: Confidence,
    /// A sentence without final period, which names its subject.
    pub message: String,
    /// Bytes of the file; empty where there is no place in it.
    pub span: Range<usize>,
    /// Other places that belong to it.
    pub labels: Vec<Label>,
    /// The way out, in words.
    pub hint: Option<String>,
    /// The way out as a patch.
    pub fix: Option<Fix>,
    /// Where in the document it is, however its lines move: `/2/spec/containers/0`, the document's number first.
    pub pointer: String,
}

/// A secondary place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Another file; `None`: the same.
    pub file: Option<String>,
    /// Bytes of that file.
    pub span: Range<usize>,
    /// Where that is; only for another file, whose text is not at hand.
    pub at: Option<Position>,
    /// What is there, in few words.
    pub text: String,
}

/// A patch of the file that a finding is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What it does: `write SCMP_ACT_ERRNO`.
    pub title: String,
    /// Whether it allows nothing and refuses nothing that was not meant: `--fix` makes only these.
    pub safe: bool,
    /// Edits that do not overlap, sorted.
    pub edits: Vec<Edit>,
}

/// One replacement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edit {
    /// Where it begins; bytes of the file.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// What stands there afterwards.
    pub text: String,
}

/// A place for people: both from 1, columns in Unicode characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character of the line.
    pub column: usize,
}

/// A finding with its place for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// What was found.
    pub finding: Finding,
    /// Where it begins.
    pub start: Position,
    /// Where it ends; the character after its last.
    pub end: Position,
    /// Tells it from all other findings of a run, and stays the same while lines move: hexadecimal.
    pub fingerprint: String,
}

/// One file and what was found in it, sorted by place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileReport {
    /// The file, as the user named it.
    pub name: String,
    /// Its text, for excerpts; empty where none are wanted.
    pub text: Arc<str>,
    /// What was found.
    pub findings: Vec<Located>,
}

/// Positions of a text, by bisection: a file may have as many findings as lines.
#[derive(Clone, Debug)]
pub struct Positions<'t> {
    text: &'t str,
    /// Where lines begin.
    starts: Vec<usize>,
    /// How many characters begin before every [`STRIDE`]th byte, once it is asked for: a line may be as long as the file.
    characters: OnceCell<Vec<usize>>,
}

/// Bytes that are counted anew for every position.
const STRIDE: usize = 4096;

impl<'t> Positions<'t> {
    /// Of a text.
    pub fn of(text: &'t str) -> Self {
        let ends = memchr::memchr_iter(b'\n', text.as_bytes());
        let starts = std::iter::once(0).chain(ends.map(|end| end + 1)).collect();
        Self { text, starts, characters: OnceCell::new() }
    }

    /// How many characters begin before an offset.
    fn before(&self, offset: usize) -> usize {
        let counted = || {
            self.text.as_bytes().chunks(STRIDE).scan(0, |before, chunk| {
                *before += count(chunk);
                Some(*before)
            })
        };
        let characters = self.characters.get_or_init(|| std::iter::once(0).chain(counted()).collect());
        let strides = offset / STRIDE;
        let rest = self.text.as_bytes().get(strides * STRIDE..offset).unwrap_or_default();
        characters.get(strides).copied().unwrap_or_default() + count(rest)
    }

    /// The line of a byte offset, from 1.
    pub fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    /// The position of a byte offset.
    pub fn at(&self, offset: usize) -> Position {
        let offset = offset.min(self.text.len());
        let line = self.line(offset);
        let start = self.starts.get(line - 1).copied().unwrap_or_default();
        // In a line of ordinary length nothing was counted before.
        let near = offset - start < STRIDE;
        let bytes = || self.text.as_bytes().get(start..offset).unwrap_or_default();
        let characters = if near { count(bytes()) } else { self.before(offset) - self.before(start) };
        Position { line, column: 1 + characters }
    }

    /// Where a line begins and ends, without its line feed; lines are counted from 1.
    pub fn line_range(&self, line: usize) -> Range<usize> {
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(self.text.len());
        let end = self.starts.get(line).map_or(self.text.len(), |next| next - 1);
        start..end.max(start)
    }

    /// How many lines there are.
    pub fn lines(&self) -> usize {
        self.starts.len()
    }
}

/// How many characters begin in bytes of UTF-8.
fn count(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_begin_with_one() {
        let text = "aä\u{1f600}b\nc\n";
        let positions = Positions::of(text);
        let at = |offset| (positions.at(offset).line, positions.at(offset).column);
        assert_eq!((at(0), at(1), at(3), at(7), at(8)), ((1, 1), (1, 2), (1, 3), (1, 4), (1, 5)));
        assert_eq!((at(9), at(10), at(11), at(99)), ((2, 1), (2, 2), (3, 1), (3, 1)));
        let long =
            Positions::of(&text.replace('b', &"\u{1f600}x".repeat(STRIDE))).at(3 + 4 + 5 * 2000).column;
        assert_eq!(long, 4 + 2 * 2000);
        assert_eq!((positions.line_range(2), positions.line_range(3), positions.lines()), (9..10, 11..11, 3));
    }
}
