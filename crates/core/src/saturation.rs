//! How well a recording knows its workload: when it saw what was new, and how much more is to be expected.
//!
//! What is new comes ever more rarely, as long as the workload goes on doing the same. So the next half as long as the
//! whole so far shows at most as much as the last half did; how many that may be, with 95 % confidence, is the upper
//! limit of a Poisson mean of which one count is known (Garwood 1936). A workload that begins to do something else is
//! beyond any estimate.

use crate::Trace;

/// A recording ends by itself when nothing was new for this part of it.
const QUIET_PART: u64 = 2;
/// The 95 % quantile of the normal distribution.
const NORMAL_95: f64 = 1.645;

/// When things were seen for the first time, in milliseconds since the beginning of their recording, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saturation {
    sightings: Vec<u64>,
}

impl Saturation {
    /// The first sightings of a trace's calls, and its length. `None`: several recordings, or one that does not say when.
    pub fn of(trace: &Trace) -> Option<(Self, u64)> {
        let [recording] = trace.recordings.as_slice() else { return None };
        if recording.duration_ms == 0 || recording.trimmed {
            return None;
        }
        let mut sightings: Vec<u64> = trace.calls.values().map(|r| r.first_ms).collect();
        sightings.sort_unstable();
        Some((Self { sightings }, recording.duration_ms))
    }

    /// Takes note of how many different things were seen by now. A smaller number than before is none.
    pub fn saw(&mut self, distinct: u64, now_ms: u64) {
        let new = usize::try_from(distinct).unwrap_or(usize::MAX);
        if new > self.sightings.len() {
            self.sightings.resize(new, now_ms);
        }
    }

    /// How many things were seen.
    pub fn distinct(&self) -> u64 {
        self.sightings.len() as u64
    }

    /// For how long nothing was new.
    pub fn quiet_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.last_ms())
    }

    /// When the last new thing was seen.
    pub fn last_ms(&self) -> u64 {
        self.sightings.last().copied().unwrap_or_default()
    }

    /// When half of all was known.
    pub fn half_ms(&self) -> u64 {
        let half = self.sightings.len().div_ceil(2).saturating_sub(1);
        self.sightings.get(half).copied().unwrap_or_default()
    }

    /// Whether nothing was new for so long, and for half of the recording.
    pub fn is_reached(&self, now_ms: u64, least_ms: u64) -> bool {
        let quiet = self.quiet_ms(now_ms);
        !self.sightings.is_empty() && quiet >= least_ms && quiet >= now_ms.div_ceil(QUIET_PART)
    }

    /// How many new things half as long again shows at most, with 95 % confidence, if the workload goes on as before.
    pub fn expected(&self, now_ms: u64) -> u64 {
        let late = self.sightings.iter().filter(|at| **at > now_ms / 2).count();
        // Half of the χ² quantile with 2(k+1) degrees of freedom, by Wilson and Hilferty's cube.
        let freedom = 2.0 * (late as f64 + 1.0);
        let spread = 2.0 / (9.0 * freedom);
        (freedom * (1.0 - spread + NORMAL_95 * spread.sqrt()).powi(3) / 2.0).round() as u64
    }

    /// How much was known at so many points in time, the last of which is now.
    pub fn curve(&self, now_ms: u64, points: u64) -> Vec<u64> {
        let known = |point: u64| {
            let by = u128::from(now_ms) * u128::from(point) / u128::from(points.max(1));
            self.sightings.partition_point(|at| u128::from(*at) <= by) as u64
        };
        (1..=points).map(known).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(at: &[u64]) -> Saturation {
        Saturation { sightings: at.to_vec() }
    }

    #[test]
    fn it_is_reached_when_nothing_was_new_for_half_of_it_and_long_enough() {
        let found = seen(&[0, 10, 1000]);
        assert!(!found.is_reached(1999, 0) && found.is_reached(2000, 0));
        assert!(!found.is_reached(2000, 5000) && found.is_reached(6000, 5000));
        assert!(!Saturation::default().is_reached(u64::MAX, 0), "nothing is no knowledge");
    }

    #[test]
    fn what_is_to_be_expected_is_the_upper_limit_of_a_poisson_mean() {
        // Garwood's limits for 0, 1, 2, 5 and 10 events: 3.00, 4.74, 6.30, 10.51, 16.96.
        let late = |n: usize| seen(&vec![60; n]).expected(100);
        assert_eq!([0, 1, 2, 5, 10].map(late), [3, 5, 6, 11, 17]);
        assert_eq!(seen(&[1; 1000]).expected(100), 3, "the first half says nothing");
    }

    #[test]
    fn a_growing_number_is_new_and_a_shrinking_one_is_not() {
        let mut found = Saturation::default();
        for (distinct, at) in [(3, 5), (2, 9), (3, 11), (4, 20)] {
            found.saw(distinct, at);
        }
        assert_eq!((found.distinct(), found.last_ms(), found.half_ms(), found.quiet_ms(50)), (4, 20, 5, 30));
        assert_eq!(found.curve(40, 4), [3, 4, 4, 4]);
        assert_eq!(found.curve(u64::MAX, 1), [4]);
    }

    #[test]
    fn a_trace_of_one_recording_says_when_it_knew_what() {
        let mut trace = Trace::default();
        assert_eq!(Saturation::of(&trace), None);
        trace.recordings.push(crate::trace::Provenance { duration_ms: 9, ..Default::default() });
        for (nr, first_ms) in [(1, 7), (2, 3)] {
            let key = (crate::Arch::X86_64, nr, crate::trace::Outcome::Made);
            trace.calls.insert(key, crate::trace::Record { first_ms, ..Default::default() });
        }
        assert_eq!(Saturation::of(&trace), Some((seen(&[3, 7]), 9)));
        trace.recordings[0].trimmed = true;
        assert_eq!(Saturation::of(&trace), None);
    }
}
