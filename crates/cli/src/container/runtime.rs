//! Container runtimes: found, asked for their version, told to run and to forget.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::time::{Duration, Instant};

use callgate_core::args;
use callgate_core::floor::{self, Class, Way};
use callgate_linux::spawn::Command;

use crate::exit::Failure;
use crate::plan;

/// A runtime that has to forget a container is not waited for longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// An OCI runtime with runc's command line.
#[derive(Clone, Debug)]
pub(crate) struct Runtime {
    path: PathBuf,
    /// `runc`, `crun`: the file's name.
    name: String,
    /// As it says itself: `1.1.5`.
    version: String,
}

impl Runtime {
    /// The runtime of this name or path; without one, the first that is there.
    pub(crate) fn find(wanted: Option<&OsStr>) -> Result<Self, Failure> {
        let known = [OsString::from("runc"), OsString::from("crun")];
        let names: Vec<OsString> = wanted.map_or_else(|| known.to_vec(), |name| vec![name.to_owned()]);
        let found = names.iter().find_map(|name| plan::find(std::slice::from_ref(name)).ok());
        let Some(found) = found else {
            return Err(missing(wanted));
        };
        let name = found.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let output = Process::new(&found.path).arg("--version").stdin(Stdio::null()).output();
        let text = output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
        if let Some(engine) = engine(&text) {
            let message = format!("{engine} is no container runtime: it leaves starting a container to one");
            return Err(Failure::new(message)
                .hint("--runtime takes that runtime itself: runc, crun, or a path to one of them"));
        }
        let version = version_of(&text).ok_or_else(|| {
            let message =
                format!("`{}` is no container runtime: `--version` names no version", found.path.display());
            Failure::new(message).hint("--runtime takes runc, crun, or a path to one of them")
        })?;
        Ok(Self { path: found.path, name, version })
    }

    /// `runc@1.1.5`.
    pub(crate) fn at_version(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    /// Calls that cannot be asked about: the runtime makes them while it hands the listener over, and would wait for an
    /// answer that nobody can give yet. write(2) for all of them (runc refuses a profile that says otherwise), and what
    /// Go's scheduler calls when it likes to. None has an argument that a profile constrains; all are in the floor.
    pub(crate) fn not_asked(&self) -> Vec<&'static str> {
        let found = floor::find(&self.at_version()).or_else(|_| floor::find(&self.name));
        let needs = found.map(|f| f.needs(&Way::ALL, None)).unwrap_or_default();
        let asynchronous = needs.into_iter().filter(|(_, need)| need.class == Class::Asynchronous);
        let free = |name: &&str| {
            let params = args::params(name).unwrap_or_default();
            params.iter().all(|p| p.class != args::Class::Surface)
        };
        let mut names: Vec<&'static str> =
            asynchronous.map(|(name, _)| name).filter(free).chain(["write"]).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The command that runs a bundle and ends with its status.
    pub(super) fn run(&self, state: &Path, bundle: &Path, id: &str) -> Command {
        let mut args: Vec<OsString> =
            vec![self.name.clone().into(), "--root".into(), state.into(), "run".into()];
        args.extend(["--bundle".into(), bundle.into(), id.into()]);
        Command { path: self.path.clone(), args, env: Vec::new() }
    }

    /// Makes the runtime forget a container, and end it if it runs.
    pub(super) fn delete(&self, state: &Path, id: &str) {
        let mut command = Process::new(&self.path);
        command.arg("--root").arg(state).args(["delete", "--force", id]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(mut child) = command.spawn() else { return };
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if !matches!(child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // It hangs: nothing more can be done for it.
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// There is no runtime: neither the one that was named, nor, where none was, any that is known.
fn missing(wanted: Option<&OsStr>) -> Failure {
    let Some(name) = wanted else {
        return Failure::new("no container runtime is in PATH: neither runc nor crun")
            .hint("install runc or crun, or name one with --runtime");
    };
    let message = format!("there is no container runtime `{}`", Path::new(name).display());
    Failure::new(message).hint("--runtime takes runc, crun, or a path to one of them")
}

/// The engine that names itself in its version, rather than a runtime.
fn engine(text: &str) -> Option<&'static str> {
    let own = text.split_whitespace().next()?;
    ["podman", "docker", "nerdctl", "crictl", "containerd", "buildah", "cri-o"]
        .into_iter()
        .find(|engine| own.eq_ignore_ascii_case(engine))
}

/// `runc version 1.1.5+ds1` → `1.1.5`.
fn version_of(text: &str) -> Option<String> {
    let line = text.lines().next()?;
    let word = line.split_whitespace().skip_while(|w| *w != "version").nth(1)?;
    let version: String = word.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    version.contains('.').then(|| version.trim_end_matches('.').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_both_runtimes_are_read_and_engines_are_told_from_them() {
        assert_eq!(version_of("runc version 1.1.5+ds1\ncommit: x\n").unwrap(), "1.1.5");
        assert_eq!(version_of("crun version 1.8.1\ncommit: f8\n").unwrap(), "1.8.1");
        assert_eq!(version_of("runc version 1.3.0-rc.2\n").unwrap(), "1.3.0");
        assert_eq!(engine("podman version 4.3.1\n"), Some("podman"));
        assert_eq!(engine("Docker version 24.0.5, build ced0996\n"), Some("docker"));
        assert_eq!(engine("crun version 1.8.1\n"), None);
        assert_eq!(version_of("GNU bash, version x\n"), None);
    }
}
