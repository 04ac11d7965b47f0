//! The verbs that hold profiles against each other and make new ones of them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Format, Stage};

/// The machine that profiles are for.
#[derive(Debug, Default, Args)]
pub(crate) struct On {
    /// Calls of this architecture, the machine's own; further ones may be added, others are then left out; may be repeated
    /// [default: this machine's, and all that are listed]
    #[arg(long, value_name = "ARCH")]
    pub(crate) arch: Vec<String>,
    /// What reads the files: docker, podman, cri-o, containerd [default: nobody; a profile has to mean the same to all]
    #[arg(long, value_name = "LOADER")]
    pub(crate) loader: Option<String>,
    /// The capabilities of the container, for runtimes' defaults and loaders: CAP_NET_ADMIN,CAP_CHOWN; none; all; default,CAP_BPF
    /// [default: the runtime's own]
    #[arg(long, value_name = "CAP,…", value_delimiter = ',')]
    pub(crate) caps: Vec<String>,
    /// The kernel, likewise [default: this machine's]
    #[arg(long, value_name = "RELEASE")]
    pub(crate) kernel: Option<String>,
}

/// What a difference has to be for exit code 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Something is newly allowed, or left to a listener or tracer
    Widened,
    /// Anything
    Any,
}

/// callgate diff
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  callgate diff old.json new.json\n  \
    callgate diff docker app.json --fail-on widened\n  \
    git show HEAD:app.json | callgate diff - app.json --as-review\n\n\
    Exit codes: 0 equal, or nothing that --fail-on names · 1 different · 2 undecided, or no profile")]
pub(crate) struct Diff {
    /// A profile, or the name of a runtime's default: docker; `-` is standard input
    #[arg(value_name = "A")]
    pub(crate) before: String,
    /// What it becomes, likewise
    #[arg(value_name = "B")]
    pub(crate) after: String,
    /// Which differences are failures
    #[arg(long, value_name = "WHAT", default_value = "any")]
    pub(crate) fail_on: FailOn,
    /// Write Markdown for a pull request: what is newly allowed first, the rest folded
    #[arg(long, conflicts_with = "format")]
    pub(crate) as_review: bool,
    #[command(flatten)]
    pub(crate) on: On,
    /// For a person or for a program
    #[arg(long, default_value = "human")]
    pub(crate) format: Format,
}

/// callgate merge
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  callgate merge --union web.json worker.json -o both.json\n  \
    callgate merge --intersect docker app.json -o strict.json\n\n\
    Exit codes: 0 written · 2 nothing written: no profile can say it, and a call shows why, or there is no such profile")]
#[command(override_usage = "callgate merge --union|--intersect [OPTIONS] -o <PROFILE> <PROFILE>...")]
#[group(id = "how", required = true, multiple = false, args = ["union", "intersect"])]
pub(crate) struct Merge {
    /// Allow what any of them allows; what all refuse is refused as by the first
    #[arg(long)]
    pub(crate) union: bool,
    /// Allow what all of them allow; of several refusals the strictest counts, as of stacked filters
    #[arg(long)]
    pub(crate) intersect: bool,
    /// Profiles, or names of runtimes' defaults; `-` is standard input; one alone is written in its shortest form
    #[arg(value_name = "A", required = true)]
    pub(crate) profiles: Vec<String>,
    /// The profile to write; `-` is standard output
    #[arg(short, long, value_name = "PROFILE")]
    pub(crate) output: PathBuf,
    /// Replace an existing profile
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) on: On,
}

/// callgate stage
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  callgate stage app.json audit --baseline docker -o app-audit.json\n  \
    callgate stage app.json complain --baseline docker -o app-complain.json\n  \
    callgate stage app.json enforce --baseline docker -o app-enforce.json\n\n\
    Exit codes: 0 written · 1 nothing written: a dangerous call is allowed beyond the baseline · 2 nothing written")]
#[command(override_usage = "callgate stage [OPTIONS] --baseline <NAME> -o <FILE> <PROFILE> <STAGE>")]
pub(crate) struct Staged {
    /// The profile that is going to be enforced; `-` is standard input
    #[arg(value_name = "PROFILE")]
    pub(crate) profile: String,
    /// How far it is applied
    #[arg(value_name = "STAGE")]
    pub(crate) stage: Stage,
    /// What applies now: the name of a runtime's default (docker), or a profile
    #[arg(long, value_name = "B")]
    pub(crate) baseline: String,
    /// Write it although the profile allows dangerous calls that the baseline refuses
    #[arg(long)]
    pub(crate) allow_beyond_baseline: bool,
    /// Leave SECCOMP_FILTER_FLAG_LOG out: runc before 1.2 does not know it, and what is refused is then not logged
    #[arg(long)]
    pub(crate) no_log_flag: bool,
    /// The profile to write; `-` is standard output
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// Replace an existing profile
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) on: On,
}

/// callgate effective
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  callgate effective --baseline docker app.json\n  \
    callgate effective --baseline containerd --base node.json app.json -o effective.json --format json\n\n\
    Exit codes: 0 shown, whatever is taken away · 2 no profile can say it, or there is no such profile")]
pub(crate) struct Effective {
    /// What the runtime applies by itself: docker, or a profile; may be repeated
    #[arg(long, required = true, value_name = "NAME|PROFILE")]
    pub(crate) baseline: Vec<String>,
    /// What applies between the two, as the base profile of Kubernetes' KEP-6061; may be repeated
    #[arg(long, value_name = "NAME|PROFILE")]
    pub(crate) base: Vec<String>,
    /// The profile; `-` is standard input
    #[arg(value_name = "PROFILE")]
    pub(crate) profile: String,
    /// Where to write what is left
    #[arg(short, long, value_name = "PROFILE")]
    pub(crate) output: Option<PathBuf>,
    /// Replace an existing profile
    #[arg(long, requires = "output")]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) on: On,
    /// For a person or for a program
    #[arg(long, default_value = "human")]
    pub(crate) format: Format,
}
