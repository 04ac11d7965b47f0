//! The Pod Security Standards that `--pss` asks for: their part about seccomp.

use std::str::FromStr;

use callgate_core::suggest;

/// A level of the Pod Security Standards, of a release of Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standard {
    /// The level.
    pub level: Level,
    /// The minor release: 25 is Kubernetes 1.25; the newest for `latest`.
    pub minor: u32,
}

/// A level with rules; `privileged` has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Nothing known to escalate.
    Baseline,
    /// Current best practice.
    Restricted,
}

/// From this release on fields count; before it annotations did (pod-security-admission,
/// `policy/check_seccompProfile_baseline.go`).
pub(crate) const FIELDS_SINCE: u32 = 19;

/// From this release on pods for Windows are let off (`policy/check_seccompProfile_restricted.go`).
pub(crate) const WINDOWS_SINCE: u32 = 25;

impl Level {
    /// `baseline`, `restricted`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        }
    }
}

/// Not a level with a release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is no Pod Security Standard{}; write baseline, restricted or restricted@v1.25", near.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
pub struct BadStandard {
    given: String,
    near: Option<&'static str>,
}

impl FromStr for Standard {
    type Err = BadStandard;

    /// `baseline`, `restricted@v1.25`, `restricted@latest`.
    fn from_str(text: &str) -> Result<Self, BadStandard> {
        let (name, version) = text.split_once('@').unwrap_or((text, "latest"));
        let bad = || BadStandard {
            given: text.to_owned(),
            near: suggest::nearest(name, ["baseline", "restricted"]),
        };
        let level = match name {
            "baseline" => Level::Baseline,
            "restricted" => Level::Restricted,
            _ => return Err(bad()),
        };
        let minor = match version.strip_prefix('v').unwrap_or(version) {
            "latest" => u32::MAX,
            version => {
                let minor = version.strip_prefix("1.").and_then(|minor| minor.parse().ok());
                minor.ok_or_else(bad)?
            }
        };
        Ok(Self { level, minor })
    }
}

impl std::fmt::Display for Standard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.minor {
            u32::MAX => f.write_str(self.level.name()),
            minor => write!(f, "{}@v1.{minor}", self.level.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_written_as_their_labels_are() {
        let parsed = |text: &str| text.parse::<Standard>().map(|s| (s.level, s.minor));
        assert_eq!(parsed("baseline"), Ok((Level::Baseline, u32::MAX)));
        assert_eq!(parsed("restricted@v1.25"), Ok((Level::Restricted, 25)));
        assert_eq!(parsed("restricted@1.19"), Ok((Level::Restricted, 19)));
        assert!(parsed("restrcited").unwrap_err().to_string().contains("did you mean `restricted`?"));
        assert!(parsed("restricted@2.0").is_err() && parsed("privileged").is_err());
    }
}
