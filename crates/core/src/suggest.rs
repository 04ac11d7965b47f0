//! Did-you-mean: the nearest known word to an unknown one.

/// Damerau–Levenshtein distance (adjacent transpositions count one), on bytes: names here are ASCII.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
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

/// The nearest of `known` to `word`, if it is near enough to be a slip of the fingers: at most a third of the word.
///
/// Case does not count. Among equally near words the first in order wins.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = word.to_ascii_lowercase();
    let limit = (folded.len() / 3).max(1);
    known
        .into_iter()
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
    }
}
