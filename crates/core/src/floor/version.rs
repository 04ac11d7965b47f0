//! Versions of runtimes: `1`, `1.1`, `1.1.5`, with what distributions write behind.

use std::fmt;

/// A version: major, minor, patch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version([u32; 3]);

/// The text is not a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a version: write 1.1 or 1.1.5")]
pub struct BadVersion;

impl Version {
    /// `Version::new(1, 1, 5)` is `1.1.5`.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self([major, minor, patch])
    }

    /// The versions that a text means: from the first, up to and without the second. `1.1` means all of 1.1.
    ///
    /// A leading `v` and what follows `+`, `-` or `~` are left out: `v1.1.5+ds1-1+deb12u1` is 1.1.5.
    pub fn series(text: &str) -> Result<(Self, Self), BadVersion> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let text = text.split(['+', '-', '~']).next().unwrap_or_default();
        let parts: Vec<u32> = text.split('.').map(number).collect::<Option<_>>().ok_or(BadVersion)?;
        let &[major, ref rest @ ..] = parts.as_slice() else { return Err(BadVersion) };
        match *rest {
            [] => Ok((Self::new(major, 0, 0), Self::new(major.saturating_add(1), 0, 0))),
            [minor] => Ok((Self::new(major, minor, 0), Self::new(major, minor.saturating_add(1), 0))),
            [minor, patch] => {
                Ok((Self::new(major, minor, patch), Self::new(major, minor, patch.saturating_add(1))))
            }
            _ => Err(BadVersion),
        }
    }

    /// The last version that a text means: `1.1` is the last of 1.1, whatever that is. `1` says too little.
    pub fn last(text: &str) -> Result<Self, BadVersion> {
        let (Self([from, minor, patch]), Self(until)) = Self::series(text)?;
        match until {
            [major, 0, 0] if major > from => Err(BadVersion),
            [_, _, 0] => Ok(Self::new(from, minor, u32::MAX)),
            _ => Ok(Self::new(from, minor, patch)),
        }
    }

    /// Whether this is of a later series than another: `1.5.0` than `1.4.9`, not `1.4.9` than `1.4.0`.
    pub fn is_of_later_series(self, other: Self) -> bool {
        self.0[..2] > other.0[..2]
    }

    /// Whether both are of one series: 1.1.5 and 1.1.
    pub fn is_series_of(self, other: Self) -> bool {
        self.0[..2] == other.0[..2]
    }
}

/// Digits only: `+1` is a number for Rust, and no part of a version.
fn number(text: &str) -> Option<u32> {
    text.chars().all(|c| c.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        if patch == 0 { write!(f, "{major}.{minor}") } else { write!(f, "{major}.{minor}.{patch}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_version_means_its_whole_series() {
        let series = |text| Version::series(text).map(|(from, until)| format!("{from}..{until}"));
        assert_eq!(series("1.1").as_deref(), Ok("1.1..1.2"));
        assert_eq!(series("1").as_deref(), Ok("1.0..2.0"));
        assert_eq!(series("v1.1.5+ds1-1+deb12u1").as_deref(), Ok("1.1.5..1.1.6"));
        assert_eq!(series("1.4.0-rc.1").as_deref(), Ok("1.4..1.4.1"));
        for wrong in ["", "x", "1.", "1.x", "1.2.3.4", "1.-2", "99999999999"] {
            assert_eq!(series(wrong), Err(BadVersion), "{wrong}");
        }
    }

    #[test]
    fn the_last_of_a_series_is_after_all_others_and_before_the_next() {
        let last = |text| Version::last(text).unwrap();
        assert_eq!(last("1.6.20~ds1"), Version::new(1, 6, 20));
        assert!(Version::new(1, 6, 999) < last("1.6") && last("1.6") < Version::new(1, 7, 0));
        assert!(last("1.6").is_series_of(Version::new(1, 6, 0)) && !last("1.6").is_series_of(last("1.7")));
        for wrong in ["x", "1"] {
            assert_eq!(Version::last(wrong), Err(BadVersion), "{wrong}");
        }
    }
}
