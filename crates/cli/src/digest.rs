//! What a run printed, boiled down: length and hash, for comparing runs; the tail, for looking for a word.

use std::hash::Hasher as _;

/// How much of the end is kept.
const TAIL: usize = 64 << 10;

/// The digest of one stream.
#[derive(Clone, Default)]
pub(crate) struct Digest {
    hash: std::hash::DefaultHasher,
    length: u64,
    tail: Vec<u8>,
}

impl Digest {
    /// Takes in what was printed next.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        // The hasher's state depends on how the stream was cut, so every byte goes in on its own.
        for byte in bytes {
            self.hash.write_u8(*byte);
        }
        self.length += bytes.len() as u64;
        self.tail.extend_from_slice(bytes);
        if self.tail.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
    }

    /// Whether a text stands in what was printed lately.
    pub(crate) fn contains(&self, text: &str) -> bool {
        let needle = text.as_bytes();
        needle.is_empty() || self.tail.windows(needle.len()).any(|w| w == needle)
    }
}

/// Characters of a line that are shown.
const SHOWN: usize = 200;

impl Digest {
    /// The last lines that are not blank, each cut to what can be shown.
    pub(crate) fn last_lines(&self, count: usize) -> Vec<String> {
        // Enough for what is shown, and little of a program that prints one endless line.
        let end = &self.tail[self.tail.len().saturating_sub(4 * SHOWN * count)..];
        let text = String::from_utf8_lossy(end);
        let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|l| !l.is_empty()).collect();
        let cut = |line: &&str| line.chars().take(SHOWN).collect();
        lines[lines.len().saturating_sub(count)..].iter().map(cut).collect()
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        (self.hash.finish(), self.length) == (other.hash.finish(), other.length)
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes, {:016x}", self.length, self.hash.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_stream_is_cut_does_not_matter() {
        let (mut a, mut b) = (Digest::default(), Digest::default());
        a.update(b"hello world");
        b.update(b"hello ");
        b.update(b"world");
        assert_eq!(a, b);
        assert!(a.contains("o w") && !a.contains("xyz"));
    }

    #[test]
    fn the_last_lines_are_few_and_short() {
        let mut digest = Digest::default();
        digest.update(b"one\ntwo\n\nthree\r\nfour");
        assert_eq!(digest.last_lines(3), ["two", "three", "four"]);
        digest.update("x".repeat(100_000).as_bytes());
        assert_eq!(digest.last_lines(3), ["x".repeat(200)]);
        assert!(Digest::default().last_lines(3).is_empty());
    }
}
