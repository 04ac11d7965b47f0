//! Did-you-mean: the nearest known word to an unknown one.

/// Damerau–Levenshtein distance (adjacent transpositions count one), on bytes: names here are ASCII.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i);
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// No slip of the fingers makes a longer word; files of others may have them.
const LONGEST: usize = 64;

/// The nearest of `known` to `word`, if it is near enough to be a slip of the fingers: at most a third of the word.
///
/// Case does not count. Among equally near words the first in order wins.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST {
        return None;
    }
    let folded = word.to_ascii_lowercase();
    let limit = (folded.len() / 3).max(1);
    known
        .into_iter()
        // Words that differ in length by more differ by more.
        .filter(|k| k.len().abs_diff(folded.len()) <= limit)
        .map(|k| (distance(folded.as_bytes(), k.to_ascii_lowercase().as_bytes()), k))
        .filter(|(d, _)| *d <= limit)
        .min()
        .map(|(_, k)| k)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let known = ["openat", "open", "close", "socket"];
        assert_eq!(nearest("opneat", known), Some("openat"));
        assert_eq!(nearest("SOCKET", known), Some("socket"));
        assert_eq!(nearest("frobnicate", known), None);
        assert_eq!(nearest(&"openat".repeat(20), [&*"openat".repeat(20)]), None);
    }
}
