//! How well a recording knows its workload, in words and as a curve.

use std::time::Duration;

use callgate_core::Trace;
use callgate_core::saturation::Saturation;

/// Of shorter recordings nothing is said: what ends by itself was seen whole.
const WORTH_SAYING: Duration = Duration::from_secs(10);
/// Points of the curve in the status line.
const POINTS: u64 = 8;
/// Heights of the curve.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What a trace says of it, where that is worth a line.
pub(crate) fn told(trace: &Trace) -> Option<String> {
    let (found, length) = Saturation::of(trace)?;
    if u128::from(length) < WORTH_SAYING.as_millis() {
        return None;
    }
    Some(format!(
        "half of the calls were known after {}, the last new one came after {} of {}; half as long again shows {} new \
         ones at most, if it goes on like this (95 %)",
        seconds(found.half_ms()),
        seconds(found.last_ms()),
        seconds(length),
        found.expected(length)
    ))
}

/// The same in the status line: for how long nothing was new; and once that says something the curve, and what is to be
/// expected.
pub(crate) fn line(found: &Saturation, ran: Duration) -> String {
    let now = ran.as_millis() as u64;
    let (distinct, quiet) = (found.distinct(), found.quiet_ms(now) / 1000);
    if ran < WORTH_SAYING {
        return format!("{distinct} distinct, nothing new for {quiet} s");
    }
    let (curve, expected) = (curve(found, now), found.expected(now));
    format!(
        "{distinct} distinct {curve}, nothing new for {quiet} s, {expected} more at most in {} s",
        now / 2000
    )
}

/// How much was known when, as a row of blocks.
fn curve(found: &Saturation, now_ms: u64) -> String {
    let highest = HEIGHTS.len() as u64 - 1;
    let height = |known: u64| HEIGHTS[(known * highest / found.distinct().max(1)) as usize % HEIGHTS.len()];
    found.curve(now_ms, POINTS).into_iter().map(height).collect()
}

/// `0.1 s`, `74 s`.
fn seconds(ms: u64) -> String {
    if ms < 10_000 { format!("{}.{} s", ms / 1000, ms % 1000 / 100) } else { format!("{} s", ms / 1000) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_ends_full_and_the_line_says_what_is_to_be_expected() {
        let mut found = Saturation::default();
        for (distinct, at) in [(10, 100), (20, 3000), (21, 16_000)] {
            found.saw(distinct, at);
        }
        assert_eq!(
            line(&found, Duration::from_secs(80)),
            "21 distinct ▇███████, nothing new for 64 s, 3 more at most in 40 s"
        );
        assert_eq!(line(&found, Duration::from_secs(9)), "21 distinct, nothing new for 0 s");
        assert_eq!([0, 99, 9999, 10_000].map(seconds), ["0.0 s", "0.0 s", "9.9 s", "10 s"]);
    }
}
