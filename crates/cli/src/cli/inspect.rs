//! Which processes are inspected, and for what.

use std::path::PathBuf;

use clap::Args;

use super::{Format, Where};

/// callgate inspect
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  callgate inspect 4242\n  callgate inspect 4242 --profile nginx.json\n  \
    callgate inspect 4242 --profile nginx.json --loader docker --runtime runc@1.1.5\n  \
    callgate inspect --all --format json\n\n\
    Needs CAP_SYS_ADMIN; without it, what /proc says is shown. Each thread with a filter is stopped for a moment, as by a \
    debugger: what it waits in goes on, but epoll_wait(2) and its like return EINTR, see signal(7), and sleeping fails where the \
    filter refuses restart_syscall(2).\n\n\
    Exit codes: 0 shown, equal · 1 other than the profile · 2 not read, or undecided"
)]
pub(crate) struct Inspect {
    /// The process
    #[arg(value_name = "PID", required_unless_present = "all", value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) pid: Option<i32>,
    /// Every process that has a filter, but this one
    #[arg(long, conflicts_with = "pid")]
    pub(crate) all: bool,
    /// Prove that a loaded filter does what this profile says, or show a call that it treats otherwise
    #[arg(short, long, value_name = "PROFILE")]
    pub(crate) profile: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: Where,
    /// Print the instructions of every filter, too
    #[arg(long)]
    pub(crate) disasm: bool,
    /// For a person or for a program
    #[arg(long, default_value = "human")]
    pub(crate) format: Format,
}
