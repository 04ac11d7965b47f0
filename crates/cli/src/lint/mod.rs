//! What `callgate lint` does around the rules: files, configuration, patches, baselines.

pub(crate) mod baseline;
pub(crate) mod config;
pub(crate) mod files;
pub(crate) mod mend;
pub(crate) mod run;

use std::time::{SystemTime, UNIX_EPOCH};

/// This day, `YYYY-MM-DD`, in UTC: suppressions may have expired.
pub(crate) fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    date(seconds / 86_400)
}

/// A day since 1970-01-01, in the proleptic Gregorian calendar, whose years begin in March here: leap days come last.
fn date(days: u64) -> String {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{day:02}", year + era * 400 + next)
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn days_have_their_dates() {
        let dates = [0, 59, 11_016, 19_782, 20_783, 47_540].map(date);
        assert_eq!(
            dates,
            ["1970-01-01", "1970-03-01", "2000-02-29", "2024-02-29", "2026-11-26", "2100-02-28"]
        );
    }
}
