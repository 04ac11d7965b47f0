//! Where a profile is going to be used.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// The loader, the runtime and the machine that a question is about.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Where the profile is used")]
pub(crate) struct Where {
    /// What reads the file: docker, podman, cri-o, containerd; oci is nobody [default: oci]
    #[arg(long, value_name = "LOADER")]
    pub(crate) loader: Option<String>,
    /// What makes the filter: runc, crun, or one of a version, runc@1.1.5 [default: nobody, the raw OCI meaning]
    #[arg(long, value_name = "RUNTIME")]
    pub(crate) runtime: Vec<String>,
    /// The container's capabilities: CAP_SYS_ADMIN,CAP_NET_ADMIN; none; all [default: Docker's 14]
    #[arg(long, value_name = "CAP,…", value_delimiter = ',')]
    pub(crate) caps: Vec<String>,
    /// The kernel, as `uname -r` says it [default: this machine's]
    #[arg(long, value_name = "RELEASE")]
    pub(crate) kernel: Option<String>,
    /// The libseccomp of the runtime, which knows only so many names: 2.5.4 [default: one that knows all]
    #[arg(long, value_name = "VERSION")]
    pub(crate) libseccomp: Option<String>,
    /// Whether the container has no_new_privs: true is `allowPrivilegeEscalation: false` [default: false]
    #[arg(long, value_name = "BOOL", action = clap::ArgAction::Set)]
    pub(crate) nnp: Option<bool>,
}

/// What the explanation of a profile is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For a person
    Human,
    /// One JSON document with a schema name
    Json,
    /// For a pull request
    Markdown,
    /// One file for a browser
    Html,
}

/// callgate explain
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  callgate explain ls.json ptrace\n  \
    callgate explain ls.json socket AF_VSOCK SOCK_STREAM --runtime runc@1.1.5,crun\n  \
    callgate explain default.json bpf --loader docker --caps CAP_BPF --format json\n  \
    callgate explain app.json --runtime runc@1.1.5,crun --nnp true\n  \
    callgate explain app.json --baseline containerd@1.6 --format html > app.html\n\n\
    Exit codes: 0 answered, whatever the answer is · 2 no profile or call, refused by the loader or runtime, or undecided")]
pub(crate) struct Explain {
    /// The profile; `-` is standard input
    #[arg(value_name = "PROFILE")]
    pub(crate) profile: PathBuf,
    /// The call, by its name or its number; without, the whole profile is explained: every call by topic, what is
    /// dangerous in it, whether containers start
    #[arg(value_name = "CALL")]
    pub(crate) call: Option<String>,
    /// Its arguments: numbers (10, 0xa, 012) or names (AF_INET); what is left out is 0
    #[arg(value_name = "ARG", num_args = 0..=6, allow_negative_numbers = true)]
    pub(crate) args: Vec<String>,
    /// The architecture through which it is made [default: this machine's]
    #[arg(long, value_name = "ARCH")]
    pub(crate) arch: Option<String>,
    #[command(flatten)]
    pub(crate) place: Where,
    /// The runtime's default that a whole profile is held against [default: the loader's; containerd's]
    #[arg(long, value_name = "NAME[@RELEASE]", conflicts_with = "call")]
    pub(crate) baseline: Option<String>,
    /// For a person or for a program; markdown and html are for reviewers of a whole profile
    #[arg(long, default_value = "human")]
    pub(crate) format: ReportFormat,
}

/// callgate expand
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  callgate expand default.json --loader docker -o flat.json\n  \
    callgate expand default.json --loader podman --caps CAP_SYS_ADMIN --arch aarch64 -o flat.json\n\n\
    Exit codes: 0 written · 2 nothing written: the loader refuses the file, or hands nothing over")]
pub(crate) struct Expand {
    /// The profile; `-` is standard input
    #[arg(value_name = "PROFILE")]
    pub(crate) profile: PathBuf,
    /// The profile to write, as the loader hands it to the runtime; `-` is standard output
    #[arg(short, long, value_name = "PROFILE", default_value = "-")]
    pub(crate) output: PathBuf,
    /// Replace an existing profile
    #[arg(long)]
    pub(crate) force: bool,
    /// The machine's architecture [default: this one's]
    #[arg(long, value_name = "ARCH")]
    pub(crate) arch: Option<String>,
    #[command(flatten)]
    pub(crate) place: Where,
}
