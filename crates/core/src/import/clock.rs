//! Times of a log: milliseconds since its first line, from whatever the lines say.

/// Microseconds of a day.
const DAY: u64 = 86_400_000_000;

/// A time as it stands in the line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Time {
    /// None.
    #[default]
    Absent,
    /// Microseconds since midnight.
    OfDay(u64),
    /// Microseconds since the epoch.
    Epoch(u64),
    /// Microseconds since some beginning.
    Running(u64),
    /// Microseconds since the line before.
    Since(u64),
}

/// Where in time a log is.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// The first absolute time.
    first: Option<Time>,
    /// The last time of day, and how many days have passed.
    last_of_day: u64,
    days: u64,
    now: u64,
}

impl Clock {
    /// Takes the time of a line.
    pub(super) fn tick(&mut self, time: Time) {
        match (time, self.first) {
            (Time::Absent, _) => {}
            (Time::Since(micros), _) => self.now = self.now.saturating_add(micros),
            (_, None) => {
                self.first = Some(time);
                self.last_of_day = if let Time::OfDay(now) = time { now } else { 0 };
            }
            (Time::Epoch(now), Some(Time::Epoch(first)))
            | (Time::Running(now), Some(Time::Running(first))) => self.now = now.saturating_sub(first),
            (Time::OfDay(now), Some(Time::OfDay(first))) => {
                // Back by more than half a day is midnight; by less, another file of the same log.
                if now.saturating_add(DAY / 2) < self.last_of_day {
                    self.days += 1;
                }
                self.last_of_day = now;
                self.now = (now + self.days * DAY).saturating_sub(first);
            }
            _ => {}
        }
    }

    /// Milliseconds since the first line.
    pub(super) fn now_ms(&self) -> u64 {
        self.now / 1000
    }

    /// The first line, in seconds since the epoch; 0 where no line says it.
    pub(super) fn started(&self) -> u64 {
        match self.first {
            Some(Time::Epoch(first)) => first / 1_000_000,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(times: &[Time]) -> u64 {
        let mut clock = Clock::default();
        for time in times {
            clock.tick(*time);
        }
        clock.now_ms()
    }

    #[test]
    fn every_kind_of_time_counts_from_the_first_line() {
        assert_eq!(after(&[Time::Epoch(5_000_000), Time::Absent, Time::Epoch(7_500_000)]), 2500);
        assert_eq!(after(&[Time::OfDay(DAY - 1_000_000), Time::OfDay(1_000_000)]), 2000);
        assert_eq!(after(&[Time::Since(0), Time::Since(1500), Time::Since(1500)]), 3);
        assert_eq!(after(&[Time::Epoch(7_000_000), Time::Epoch(5_000_000)]), 0);
    }
}
