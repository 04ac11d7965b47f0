//! Bytes to lines, for the importers of logs.

use super::draft::Draft;
use super::{ImportError, Imported, Source};

/// A longer line is cut: no line of a recorder's is that long, unless somebody asked strace for strings without limit
/// (`-s`).
pub(super) const MAX_LINE: usize = 1 << 20;

/// What the lines of one format mean.
pub(super) trait Grammar {
    /// Reads a line, without its end.
    fn line(&mut self, line: &[u8], draft: &mut Draft);
    /// The file has ended.
    fn end(&mut self, draft: &mut Draft);
    /// The last file has ended: says what is to be said.
    fn close(&mut self, draft: &mut Draft);
}

/// Reads logs of one format.
pub(super) struct Lines<G> {
    grammar: G,
    draft: Draft,
    /// The beginning of a line whose end has not come.
    carry: Vec<u8>,
    /// Lines that were cut.
    long: u64,
}

impl<G: Grammar> Lines<G> {
    /// A reader of logs with this grammar.
    pub(super) fn new(grammar: G, draft: Draft) -> Self {
        Self { grammar, draft, carry: Vec::new(), long: 0 }
    }

    /// Keeps the beginning of a line.
    fn keep(&mut self, part: &[u8]) {
        let room = MAX_LINE.saturating_sub(self.carry.len());
        if part.len() > room && self.carry.len() < MAX_LINE {
            self.long += 1;
        }
        self.carry.extend_from_slice(&part[..part.len().min(room)]);
    }

    fn line(&mut self) {
        let mut whole = std::mem::take(&mut self.carry);
        let first = self.draft.next_line() == 1;
        let mut line = whole.strip_suffix(b"\r").unwrap_or(&whole);
        if first {
            // What Windows writes before UTF-8 is no part of the first line.
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        if !line.trim_ascii().is_empty() {
            self.grammar.line(line, &mut self.draft);
        }
        whole.clear();
        self.carry = whole;
    }
}

impl<G: Grammar> Source for Lines<G> {
    fn begin(&mut self, file: &str, _: Option<u32>) {
        self.draft.begin(file);
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.draft.take(bytes);
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            self.keep(&rest[..end]);
            self.line();
            rest = &rest[end + 1..];
        }
        self.keep(rest);
    }

    fn end(&mut self) {
        if !self.carry.trim_ascii().is_empty() {
            // What is left of the line counts, as far as it can be read.
            self.line();
            self.draft.cut();
        }
        self.carry.clear();
        self.grammar.end(&mut self.draft);
    }

    fn finish(mut self: Box<Self>) -> Result<Imported, ImportError> {
        self.grammar.close(&mut self.draft);
        if self.long > 0 {
            let n = self.long;
            self.draft.lose(format!("{n} lines are longer than 1 MiB; what comes after was not looked at"));
        }
        self.draft.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::Arch;
    use crate::import::Format;

    /// Takes every line for the name of a call.
    struct Names;

    impl Grammar for Names {
        fn line(&mut self, line: &[u8], draft: &mut Draft) {
            draft.known += 1;
            draft.named(Arch::X86_64, line, Some(1), "");
        }

        fn end(&mut self, _: &mut Draft) {}

        fn close(&mut self, _: &mut Draft) {}
    }

    fn read(text: &[u8], size: usize) -> Result<Imported, ImportError> {
        let mut lines = Lines::new(Names, Draft::new(Format::Audit));
        lines.begin("log", None);
        text.chunks(size).for_each(|piece| lines.feed(piece));
        lines.end();
        Box::new(lines).finish()
    }

    #[test]
    fn ends_of_lines_and_what_windows_writes_before_them_are_no_part_of_a_line() {
        for size in [1, 2, 5, 100] {
            let imported = read(b"\xef\xbb\xbfread\r\nwrite\n\n\r\n", size).unwrap();
            assert_eq!(imported.trace.calls.len(), 2);
            assert!(imported.trace.complete);
        }
    }

    #[test]
    fn a_line_without_an_end_counts_and_is_said() {
        let imported = read(b"read\nwrite", 3).unwrap();
        assert_eq!(imported.trace.calls.len(), 2);
        assert!(!imported.trace.complete);
        assert_eq!(
            imported.trace.recordings[0].notes,
            ["log:2: the log ends within a line, so what came after is missing"]
        );
    }

    #[test]
    fn a_line_without_measure_is_cut_and_said() {
        let mut text = b"read\n".to_vec();
        text.extend(vec![b' '; MAX_LINE + 9]);
        text.extend(b"\nwrite\n");
        let imported = read(&text, 4096).unwrap();
        assert_eq!(imported.trace.calls.len(), 2);
        assert!(
            !imported.trace.complete && imported.trace.recordings[0].notes[0].contains("longer than 1 MiB")
        );
    }
}
