//! Where a profile is going to be used: everything its effect depends on beside its own text.

use std::fmt;
use std::str::FromStr;

use callgate_core::baseline::Machine;
use callgate_core::floor::Version;
use callgate_core::suggest;

/// What reads the profile's file, and hands it to a container runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loader {
    /// Nobody: the file is the `linux.seccomp` of a bundle's config.json.
    Oci,
    /// Docker's daemon.
    Moby,
    /// Podman, Buildah, and CRI-O's profiles: `containers/common`.
    ContainersCommon,
    /// containerd's `Localhost` profiles in Kubernetes, and `ctr --seccomp-profile`.
    Containerd,
    /// CRI-O's `Localhost` profiles in Kubernetes.
    CriO,
}

/// What makes the filter and starts the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuntimeName {
    /// opencontainers/runc.
    Runc,
    /// containers/crun.
    Crun,
    /// youki-dev/youki: known from its source only.
    Youki,
    /// Kata Containers' agent: known from its source only.
    Kata,
    /// gVisor's runsc: known from its source only.
    Gvisor,
}

/// A runtime of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Runtime {
    /// Which.
    pub name: RuntimeName,
    /// Its version; the newest that is known where none was named.
    pub version: Version,
}

/// Where a profile is going to be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// What reads the file.
    pub loader: Loader,
    /// What makes the filter; `None`: nobody, the raw OCI meaning counts.
    pub runtime: Option<Runtime>,
    /// Architecture, kernel and the container's bounding set.
    pub machine: Machine,
    /// The libseccomp of the runtime, which knows only so many names; `None`: one that knows all.
    pub libseccomp: Option<Version>,
    /// Whether the container has no_new_privs: Kubernetes' `allowPrivilegeEscalation: false`.
    pub no_new_privs: bool,
}

impl Loader {
    /// Every loader.
    pub const ALL: [Self; 5] = [Self::Oci, Self::Moby, Self::ContainersCommon, Self::Containerd, Self::CriO];

    /// What `--loader` takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Oci => "oci",
            Self::Moby => "docker",
            Self::ContainersCommon => "podman",
            Self::Containerd => "containerd",
            Self::CriO => "cri-o",
        }
    }
}

impl FromStr for Loader {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let alias = match text {
            "moby" => "docker",
            "containers-common" | "buildah" => "podman",
            "crio" => "cri-o",
            other => other,
        };
        named(Self::ALL, Self::name, alias)
            .ok_or_else(|| UnknownName::of("loader", text, Self::ALL.map(Self::name)))
    }
}

impl RuntimeName {
    /// Every runtime.
    pub const ALL: [Self; 5] = [Self::Runc, Self::Crun, Self::Youki, Self::Kata, Self::Gvisor];

    /// What `--runtime` takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Runc => "runc",
            Self::Crun => "crun",
            Self::Youki => "youki",
            Self::Kata => "kata",
            Self::Gvisor => "gvisor",
        }
    }

    /// The newest version whose source or binary the model was held against.
    pub fn newest(self) -> Version {
        match self {
            Self::Runc => Version::new(1, 4, 0),
            Self::Crun => Version::new(1, 28, 0),
            Self::Youki => Version::new(0, 7, 0),
            Self::Kata => Version::new(3, 0, 0),
            Self::Gvisor => Version::new(0, 0, 0),
        }
    }

    /// Whether nobody ran it to see whether the model is right: it was read in the source.
    pub fn is_source_only(self) -> bool {
        matches!(self, Self::Youki | Self::Kata | Self::Gvisor)
    }
}

/// A name that is none of those known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{given}`; known: {known}{}", near.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
pub struct UnknownName {
    what: &'static str,
    given: String,
    known: String,
    near: Option<&'static str>,
}

impl UnknownName {
    fn of<const N: usize>(what: &'static str, given: &str, known: [&'static str; N]) -> Self {
        Self { what, given: given.to_owned(), known: known.join(", "), near: suggest::nearest(given, known) }
    }
}

/// Not a runtime with a version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRuntime {
    /// No such runtime.
    #[error(transparent)]
    Name(#[from] UnknownName),
    /// What stands behind the `@` is no version.
    #[error("`{0}` is no version: write runc@1.1.5, or runc@1.1")]
    Version(String),
}

fn named<T: Copy, const N: usize>(all: [T; N], name: impl Fn(T) -> &'static str, text: &str) -> Option<T> {
    all.into_iter().find(|one| name(*one) == text)
}

impl FromStr for Runtime {
    type Err = BadRuntime;

    /// `runc`, `runc@1.1`, `crun@1.8.1`. A short version means the first of its series.
    fn from_str(text: &str) -> Result<Self, BadRuntime> {
        let (name, version) =
            text.split_once('@').map_or((text, None), |(name, version)| (name, Some(version)));
        let alias = if name == "runsc" { "gvisor" } else { name };
        let known = RuntimeName::ALL.map(RuntimeName::name);
        let name = named(RuntimeName::ALL, RuntimeName::name, alias)
            .ok_or_else(|| UnknownName::of("runtime", name, known))?;
        let version = match version {
            None => name.newest(),
            Some(text) => Version::series(text).map_err(|_bad| BadRuntime::Version(text.to_owned()))?.0,
        };
        Ok(Self { name, version })
    }
}

impl Runtime {
    /// That nobody here has seen the version: a runtime that is known in releases, and one of a later series than all of them.
    pub fn beyond(self) -> Option<String> {
        let newest = Self { version: self.name.newest(), ..self };
        let later = !self.name.is_source_only() && self.version.is_of_later_series(newest.version);
        later.then(|| {
            format!(
                "{self} is newer than {newest}, the newest release that is known here: what that does is taken for it"
            )
        })
    }
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // gVisor's releases are dates, of which none is known here.
        if self.version == Version::default() {
            return f.write_str(self.name.name());
        }
        write!(f, "{} {}", self.name.name(), self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtimes_are_named_with_or_without_a_version() {
        let parsed = |text: &str| text.parse::<Runtime>().map(|r| r.to_string()).map_err(|e| e.to_string());
        assert_eq!(parsed("runc@1.1.5+ds1-1").as_deref(), Ok("runc 1.1.5"));
        assert_eq!(parsed("crun").as_deref(), Ok("crun 1.28"));
        assert!(parsed("rnuc").unwrap_err().ends_with("did you mean `runc`?"));
        let beyond = |text: &str| text.parse::<Runtime>().unwrap().beyond();
        assert_eq!(
            beyond("runc@9").as_deref(),
            Some(
                "runc 9.0 is newer than runc 1.4, the newest release that is known here: what that does is taken for it"
            )
        );
        assert_eq!(
            [beyond("runc@1.4.7"), beyond("crun"), beyond("kata@99"), beyond("gvisor")],
            [const { None }; 4]
        );
        assert!(parsed("runc@new").unwrap_err().contains("`new` is no version"));
    }

    #[test]
    fn loaders_have_the_names_people_know_them_by() {
        assert_eq!("moby".parse(), Ok(Loader::Moby));
        assert_eq!("containers-common".parse(), Ok(Loader::ContainersCommon));
        assert!("dokcer".parse::<Loader>().unwrap_err().to_string().contains("did you mean `docker`?"));
    }
}
