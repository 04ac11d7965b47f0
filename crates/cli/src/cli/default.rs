//! Which default profile is written or asked about, and for which machine and container.

use std::path::PathBuf;

use clap::Args;

use super::Format;

/// callgate default
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  callgate default\n  callgate default containerd -o containerd.json\n  \
    callgate default containerd@1.6.20 --caps default,CAP_NET_ADMIN --arch aarch64 --kernel 6.1\n  \
    callgate default containerd --blocked\n  callgate default --diff docker containerd\n\n\
    Exit codes: 0 written, shown, equal · 1 different · 2 no such profile, nothing written")]
pub(crate) struct Defaults {
    /// docker, containerd, podman or cri-o, with a release behind @ if it is not the newest; without, they are listed
    #[arg(value_name = "NAME[@RELEASE]")]
    pub(crate) name: Option<String>,
    /// Say what it refuses, by topic, and which capability would open that
    #[arg(long, requires = "name")]
    pub(crate) blocked: bool,
    /// Say what two of them treat differently, by topic, with a call that shows it
    #[arg(long, num_args = 2, value_names = ["A", "B"], conflicts_with = "name")]
    pub(crate) diff: Vec<String>,
    /// The container's capabilities: CAP_SYS_ADMIN,CAP_NET_ADMIN; none; all; default,CAP_BPF [default: what the runtime
    /// gives a container nobody asked anything for]
    #[arg(long, value_name = "CAP,…", value_delimiter = ',')]
    pub(crate) caps: Vec<String>,
    /// The machine's architecture [default: this one's]
    #[arg(long, value_name = "ARCH")]
    pub(crate) arch: Option<String>,
    /// The kernel, as `uname -r` says it [default: this machine's]
    #[arg(long, value_name = "RELEASE")]
    pub(crate) kernel: Option<String>,
    /// The file to write the profile to; `-` is standard output
    #[arg(
        short,
        long,
        value_name = "FILE",
        requires = "name",
        conflicts_with = "blocked",
        default_value = "-"
    )]
    pub(crate) output: PathBuf,
    /// Replace an existing file
    #[arg(long, requires = "name", conflicts_with = "blocked")]
    pub(crate) force: bool,
    /// Write the reason of every rule beside it, as Docker's `comment`, which strict OCI has not
    #[arg(long, requires = "name", conflicts_with = "blocked")]
    pub(crate) with_comments: bool,
    /// For a person or for a program; a profile is JSON for both
    #[arg(long, default_value = "human")]
    pub(crate) format: Format,
}
