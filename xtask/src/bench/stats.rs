//! Medians, and how sure they are.

/// A median with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Estimate {
    pub(super) median: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Estimate {
    /// The interval is made of two of the values themselves (order statistics of a binomial), so that it assumes
    /// nothing about how they are spread. Of fewer than six values it is their whole range.
    pub(super) fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1);
        let rank = low_rank(sorted.len());
        let at = |i: usize| sorted.get(i).copied().unwrap_or(f64::NAN);
        Self { median: median_of_sorted(&sorted), low: at(rank), high: at(last - rank.min(last)) }
    }
}

/// The median of unsorted values.
pub(super) fn median(values: &[f64]) -> f64 {
    Estimate::of(values).median
}

fn median_of_sorted(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match sorted {
        [] => f64::NAN,
        _ if sorted.len().is_multiple_of(2) => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

/// The largest index `k` with P(at most `k` of `n` fair coins fall heads) ≤ 2.5 %: the median lies between the values
/// at `k` and `n - 1 - k` with at least 95 %.
fn low_rank(n: usize) -> usize {
    let mut chance = 0.5_f64.powi(i32::try_from(n).unwrap_or(i32::MAX));
    let mut sum = chance;
    let mut k = 0;
    while k < n {
        chance *= (n - k) as f64 / (k + 1) as f64;
        if sum + chance > 0.025 {
            break;
        }
        sum += chance;
        k += 1;
    }
    k
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_twenty_runs_from_the_sixth_to_the_fifteenth() {
        let values: Vec<f64> = (1..=20).rev().map(f64::from).collect();
        assert_eq!(Estimate::of(&values), Estimate { median: 10.5, low: 6.0, high: 15.0 });
    }

    #[test]
    fn few_values_give_their_range() {
        assert_eq!(Estimate::of(&[3.0, 1.0, 2.0]), Estimate { median: 2.0, low: 1.0, high: 3.0 });
        assert_eq!(Estimate::of(&[4.0]), Estimate { median: 4.0, low: 4.0, high: 4.0 });
        assert!(Estimate::of(&[]).median.is_nan());
    }
}
