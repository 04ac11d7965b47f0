//! What is run or recorded, and how.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How a workload is driven.
#[derive(Clone, Debug, Args)]
pub(crate) struct Drive {
    /// When the workload is ready: tcp:HOST:PORT, http:URL, unix:PATH, log:TEXT or cmd:COMMAND; waited for for 60 s
    #[arg(long, value_name = "PROBE")]
    pub(crate) ready: Option<String>,
    /// Shell command that exercises the workload once it is ready; the workload is stopped when it ends. Its output is
    /// shown on stderr, in the first run
    #[arg(long, value_name = "COMMAND")]
    pub(crate) exercise: Option<String>,
    /// Stop the workload after this long: 30s, 10m, 1h. For `learn` also, by a second one: add what these container
    /// runtimes call themselves, so that they start it: runc@1.1,crun
    #[arg(long = "for", value_name = "DURATION|RUNTIME,…")]
    pub(crate) purposes: Vec<String>,
    /// Shell command to run before every run, outside the recording, to reset state
    #[arg(long, value_name = "COMMAND")]
    pub(crate) before: Option<String>,
    /// Leave no_new_privs off (root only): set-id programs keep their privilege
    #[arg(long)]
    pub(crate) allow_privilege_escalation: bool,
    /// How calls are seen
    #[arg(long, value_name = "BACKEND", default_value = "auto")]
    pub(crate) backend: BackendChoice,
    /// Run it in a container with this directory as its root file system (root only)
    #[arg(long, value_name = "DIR", group = "contained")]
    pub(crate) rootfs: Option<PathBuf>,
    /// Run this OCI bundle: a directory with config.json
    #[arg(long, value_name = "DIR", group = "contained")]
    pub(crate) bundle: Option<PathBuf>,
    /// Run this image: an archive by `docker save` or `podman save`, or an OCI layout; fresh for every run
    #[arg(long, value_name = "ARCHIVE", group = "contained")]
    pub(crate) image: Option<PathBuf>,
    /// What runs the container: runc, crun, or a path to one [default: the first of them that is there]
    #[arg(long, value_name = "RUNTIME", requires = "contained")]
    pub(crate) runtime: Option<OsString>,
    /// Whether the container has no_new_privs: true is `allowPrivilegeEscalation: false` [default: as the bundle says, or
    /// false; with --for RUNTIME both]
    #[arg(long, value_name = "BOOL", action = clap::ArgAction::Set)]
    pub(crate) nnp: Option<bool>,
}

/// How calls are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BackendChoice {
    /// notify, and another one where that cannot serve; says which
    Auto,
    /// The kernel asks callgate about every call (Linux 5.5)
    Notify,
    /// A tracer, stopped once per call: for older kernels
    Trace,
    /// A tracer, stopped before and after every call: sees what other filters refuse; slow
    Ptrace,
    /// A program in the kernel that looks on and stops nothing; needs root (Linux 5.12)
    Ebpf,
}

/// What runs already, and is recorded from now until Ctrl-C, --for, --until-saturated or its end.
#[derive(Clone, Debug, Args)]
#[group(id = "running", multiple = false,
    conflicts_with_all = ["command", "known", "exercise", "before", "allow_privilege_escalation", "ready", "contained", "nnp"])]
pub(crate) struct Running {
    /// Record a running process and all its descendants: by eBPF, or, where that is not allowed, under ptrace
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) pid: Option<i32>,
    /// Record a cgroup and those below it, by eBPF: who is in it and who comes. A path below a mount, or from a
    /// hierarchy's root
    #[arg(long, value_name = "PATH")]
    pub(crate) cgroup: Option<PathBuf>,
    /// Record a running container, by eBPF: its id, or the beginning of it, as docker ps, podman ps and crictl ps say
    #[arg(long, value_name = "ID")]
    pub(crate) container: Option<String>,
    /// Record a running unit of systemd, by eBPF
    #[arg(long, value_name = "UNIT")]
    pub(crate) unit: Option<String>,
}
