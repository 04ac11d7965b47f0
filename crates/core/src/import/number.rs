//! Numbers and times at the beginning of a text.

/// The number that text begins with, and what follows; `None` beyond 64 bits.
pub(super) fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    let mut at = 0;
    while let Some(digit @ b'0'..=b'9') = text.get(at) {
        value = value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
        at += 1;
    }
    (at > 0).then(|| (value, &text[at..]))
}

/// Seconds with up to nine decimals, as microseconds, and what follows.
pub(super) fn seconds(text: &[u8]) -> Option<(u64, &[u8])> {
    let (whole, rest) = number(text)?;
    let (micros, rest) = decimals(rest);
    Some((whole.checked_mul(1_000_000)?.checked_add(micros)?, rest))
}

/// `.123456` in microseconds; nothing is 0.
fn decimals(text: &[u8]) -> (u64, &[u8]) {
    let Some((b'.', digits)) = text.split_first() else { return (0, text) };
    let (mut value, mut scale, mut at) = (0, 1_000_000, 0);
    while let Some(digit @ b'0'..=b'9') = digits.get(at) {
        scale /= 10;
        value += u64::from(digit - b'0') * scale;
        at += 1;
    }
    (value, &digits[at..])
}
