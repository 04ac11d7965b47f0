//! Workloads in containers: a bundle for every run, the runtime that starts it, and nothing left behind.
//!
//! The runtime loads the filter, in the container, at the place where it loads any profile; so what is recorded is what a
//! profile will be asked about: the runtime's own calls from there on (the floor), and the program's.

mod bundle;
mod image;
mod leftovers;
mod runtime;
mod unpack;

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use callgate_linux::guard::Guard;
use callgate_linux::spawn::Command;
use serde_json::Value;

use crate::cli::Drive;
use crate::exit::Failure;
pub(crate) use runtime::Runtime;

/// Where the container's files come from.
enum Source {
    /// A directory that is used as it is.
    Rootfs(PathBuf),
    /// An OCI bundle: a directory with `config.json`.
    Bundle(Value),
    /// An archive or layout of an image, unpacked for every run.
    Image(image::Image),
}

/// A container to be started, as often as needed.
pub(crate) struct Container {
    source: Source,
    runtime: Runtime,
    /// What runs in it.
    process: bundle::Process,
    /// Whether it shares the host's network.
    host_network: bool,
    /// Ours alone; removed at the end.
    dir: PathBuf,
    /// Directories that the runtime will make in somebody's root file system, to mount on them; removed at the end.
    mount_points: Vec<PathBuf>,
    /// Does so should this process be killed.
    _guard: Guard,
}

/// What the runtime is to load in the container.
#[derive(Clone, Copy)]
pub(crate) enum Seccomp<'s> {
    /// A filter that asks about every call, with a listener.
    Asking,
    /// This profile (JSON).
    Profile(&'s str),
}

/// One container, ready to be started. What the runtime keeps of it is removed when this is dropped.
pub(crate) struct Prepared<'c> {
    container: &'c Container,
    id: String,
    /// The runtime, told to run it.
    pub(crate) command: Command,
    /// Where the runtime sends its listener.
    pub(crate) agent: Option<UnixListener>,
}

/// Whether a container was asked for.
pub(crate) fn wanted(drive: &Drive) -> bool {
    drive.rootfs.is_some() || drive.bundle.is_some() || drive.image.is_some()
}

impl Source {
    /// What was asked for.
    fn of(drive: &Drive) -> Result<Self, Failure> {
        if let Some(rootfs) = &drive.rootfs {
            Ok(Self::Rootfs(existing_directory(rootfs, "--rootfs")?))
        } else if let Some(dir) = &drive.bundle {
            Ok(Self::Bundle(bundle::read(dir)?))
        } else if let Some(path) = &drive.image {
            Ok(Self::Image(image::Image::open(path)?))
        } else {
            Err(Failure::new("no container was named"))
        }
    }

    /// Places of mounts that the root file system does not have yet, where it is not ours; those right below it, since
    /// a longer path may lead out of it through a link.
    fn missing_mount_points(&self) -> Vec<PathBuf> {
        let (root, mounts) = match self {
            Self::Rootfs(root) => (root.clone(), bundle::mounts()),
            Self::Bundle(config) => {
                let root = config["root"]["path"].as_str().unwrap_or_default();
                (PathBuf::from(root), config["mounts"].clone())
            }
            Self::Image(_) => return Vec::new(),
        };
        let places = mounts.as_array().into_iter().flatten().filter_map(|m| m["destination"].as_str());
        let first = |place: &str| match Path::new(place).components().find(|c| *c != Component::RootDir) {
            Some(Component::Normal(name)) => Some(root.join(name)),
            _ => None,
        };
        places.filter_map(first).filter(|place| place.symlink_metadata().is_err()).collect()
    }
}

impl Container {
    /// Checks all that can be checked before anything runs.
    pub(crate) fn new(drive: &Drive, words: &[OsString]) -> Result<Self, Failure> {
        if !rustix::process::geteuid().is_root() {
            let message = "a container is started by a runtime, which needs root here";
            return Err(
                Failure::new(message).hint("run this with sudo; what is written belongs to you all the same")
            );
        }
        let runtime = Runtime::find(drive.runtime.as_deref())?;
        let source = Source::of(drive)?;
        let mut process = match &source {
            Source::Rootfs(_) => bundle::Process::default(),
            Source::Bundle(config) => bundle::process_of(config)?,
            Source::Image(image) => image.process(),
        };
        if !words.is_empty() {
            process.args = texts(words)?;
        }
        if process.args.is_empty() {
            let message = "nothing to run: neither the command line nor the image names a command";
            return Err(Failure::new(message).hint("add -- CMD…"));
        }
        process.no_new_privs = drive.nnp.unwrap_or(process.no_new_privs);
        let mount_points = source.missing_mount_points();
        let host_network = drive.ready.is_some() || drive.exercise.is_some();
        // Last of all: from here on it is removed whatever happens.
        let dir = own_directory()?;
        let guard = leftovers::guarded(&dir, &runtime, &mount_points)
            .inspect_err(|_| leftovers::remove(&dir, &mount_points))?;
        Ok(Self { source, runtime, process, host_network, dir, mount_points, _guard: guard })
    }

    /// What runs in it, as it is called in files and messages.
    pub(crate) fn name(&self) -> &str {
        self.process.args.first().map_or("", String::as_str)
    }

    /// What starts it.
    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Whether it has no_new_privs.
    pub(crate) fn no_new_privs(&self) -> bool {
        self.process.no_new_privs
    }

    /// What is to be said of it before it runs.
    pub(crate) fn announcement(&self) -> String {
        let shared = self.host_network && !matches!(self.source, Source::Bundle(_));
        let network =
            if shared { ", on the host's network, so that probe and exercise reach it" } else { "" };
        let state =
            if matches!(self.source, Source::Image(_)) { "" } else { "; what it writes stays (--before)" };
        let privs = if self.no_new_privs() { "with" } else { "without" };
        format!("  in a container of {}, {privs} no_new_privs{network}{state}", self.runtime.at_version())
    }

    /// Makes one container ready, unless it is wanted to stop.
    pub(crate) fn prepare(
        &self,
        seccomp: Seccomp<'_>,
        stop: &dyn Fn() -> bool,
    ) -> Result<Prepared<'_>, Failure> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let id = format!("callgate-{}-{number}", std::process::id());
        let home = self.dir.join(number.to_string());
        fs::create_dir(&home).map_err(|e| cannot("make", &home, &e))?;
        let rootfs = self.rootfs(&home, stop)?;
        let (agent, filter) = match seccomp {
            Seccomp::Asking => {
                let path = home.join("agent");
                let agent = UnixListener::bind(&path).map_err(|e| cannot("listen at", &path, &e))?;
                (Some(agent), bundle::asking(&path, &self.runtime.not_asked())?)
            }
            Seccomp::Profile(text) => {
                let parsed = serde_json::from_str(text);
                (None, parsed.map_err(|e| Failure::new(format!("the profile is no JSON: {e}")))?)
            }
        };
        let config = match &self.source {
            Source::Bundle(config) => bundle::edited(config.clone(), &self.process, filter),
            _ => bundle::made(&rootfs, &self.process, self.host_network, &id, &filter)?,
        };
        let file = home.join("config.json");
        let text = serde_json::to_string_pretty(&config).unwrap_or_default();
        fs::write(&file, text).map_err(|e| cannot("write", &file, &e))?;
        let command = self.runtime.run(&self.dir.join("state"), &home, &id);
        Ok(Prepared { container: self, id, command, agent })
    }

    /// The root file system of one run.
    fn rootfs(&self, home: &Path, stop: &dyn Fn() -> bool) -> Result<PathBuf, Failure> {
        match &self.source {
            Source::Rootfs(path) => Ok(path.clone()),
            Source::Bundle(_) => Ok(PathBuf::new()),
            Source::Image(image) => {
                let rootfs = home.join("rootfs");
                fs::create_dir(&rootfs).map_err(|e| cannot("make", &rootfs, &e))?;
                image.unpack(&rootfs, stop)?;
                Ok(rootfs)
            }
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        leftovers::remove(&self.dir, &self.mount_points);
    }
}

impl Drop for Prepared<'_> {
    fn drop(&mut self) {
        self.container.runtime.delete(&self.container.dir.join("state"), &self.id);
    }
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot {what} `{}`: {error}", path.display()))
}

/// A fresh directory that nobody else may enter.
fn own_directory() -> Result<PathBuf, Failure> {
    let base = std::env::temp_dir();
    for attempt in 0..100 {
        let dir = base.join(format!("callgate-container-{}-{attempt}", std::process::id()));
        match fs::DirBuilder::new().mode(0o700).create(&dir) {
            Ok(()) => return Ok(dir),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(cannot("make", &dir, &e).hint("TMPDIR names another place")),
        }
    }
    Err(Failure::new(format!("`{}` is full of directories of ours", base.display())))
}

fn existing_directory(path: &Path, flag: &str) -> Result<PathBuf, Failure> {
    let whole = path.canonicalize().map_err(|e| cannot(&format!("open {flag}"), path, &e))?;
    if whole.is_dir() {
        Ok(whole)
    } else {
        Err(Failure::new(format!("{flag} `{}` is no directory", path.display())))
    }
}

/// JSON holds text only.
fn texts(words: &[OsString]) -> Result<Vec<String>, Failure> {
    let text = |word: &OsString| {
        let shown = word.to_string_lossy();
        let text = word.to_str().map(str::to_owned);
        text.ok_or_else(|| {
            Failure::new(format!("`{shown}` is not UTF-8, which a container's command has to be"))
        })
    };
    words.iter().map(text).collect()
}
