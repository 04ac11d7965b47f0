//! The verbs that make filters and look into them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Format, Where};

/// What `compile` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Emit {
    /// `struct sock_filter[]`, host byte order: for seccomp(2), bwrap --seccomp, minijail
    Raw,
    /// An array in C, with a `struct sock_fprog` and a comment per instruction
    C,
    /// One JSON document with a schema name
    Json,
    /// An array in Rust, of `libc::sock_filter`
    Rust,
}

/// callgate compile
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  callgate compile ls.json --emit raw -o ls.bpf\n  \
    callgate compile ls.json --arch x86_64 --emit c -o ls.h --stats")]
pub(crate) struct Compile {
    /// The profile; `-` is standard input
    #[arg(value_name = "PROFILE")]
    pub(crate) profile: PathBuf,
    /// Filter calls of this architecture, the machine's own; further ones have to be in the profile; may be repeated
    /// [default: this machine's, and all of the profile]
    #[arg(long, value_name = "ARCH")]
    pub(crate) arch: Vec<String>,
    /// What to write
    #[arg(long, value_name = "FORM")]
    pub(crate) emit: Emit,
    /// The file to write; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Replace an existing file
    #[arg(long)]
    pub(crate) force: bool,
    /// Which calls are to be decided quickly: `default` is those that the kernel asks the filter about, by arguments and
    /// refused ones; `uniform` is all, for kernels before Linux 5.11, which ask about every call; a trace is those it
    /// counted
    #[arg(long, value_name = "default|uniform|TRACE", default_value = "default")]
    pub(crate) weights: String,
    /// Say on stderr what the filter consists of, and what it costs
    #[arg(long)]
    pub(crate) stats: bool,
}

/// callgate disasm
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  callgate compile ls.json --emit raw -o ls.bpf\n  callgate disasm ls.bpf\n  \
    callgate disasm ls.bpf --calls\n  \
    callgate disasm ls.bpf --arch x86_64 --format json\n\n\
    Exit codes: 0 shown · 2 no filter, or shown and the kernel would refuse it"
)]
pub(crate) struct Disasm {
    /// The filter, as `compile --emit raw` or `json` writes it; `-` is standard input
    #[arg(value_name = "FILTER")]
    pub(crate) filter: PathBuf,
    /// Think of calls of this architecture only: where the filter does not check it, names need it
    #[arg(long, value_name = "ARCH")]
    pub(crate) arch: Option<String>,
    /// Say per architecture which calls have which outcome, and on which conditions, instead of the instructions
    #[arg(long, conflicts_with = "format")]
    pub(crate) calls: bool,
    /// For a person or for a program
    #[arg(long, default_value = "human")]
    pub(crate) format: Format,
}

/// callgate sim
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  callgate sim ls.json --arch x86_64 ptrace\n  \
    callgate sim ls.bpf --arch x86_64 socket AF_INET 'SOCK_STREAM|SOCK_CLOEXEC' 0\n  \
    callgate sim ls.bpf --arch aarch64 198 2 0x80001 --format json\n\n\
    Exit codes: 0 answered, whatever the answer is · 2 no profile, filter or call")]
pub(crate) struct Sim {
    /// A profile, which is compiled as `compile` does, or a filter as it writes it, raw or JSON; `-` is standard input
    #[arg(value_name = "PROFILE|FILTER")]
    pub(crate) file: PathBuf,
    /// The architecture of the call
    #[arg(long, value_name = "ARCH")]
    pub(crate) arch: String,
    /// Its name, or its number
    #[arg(value_name = "CALL")]
    pub(crate) call: String,
    /// Its arguments: numbers (10, 0xa, 012) or names (AF_INET); what is left out is 0
    #[arg(value_name = "ARG", num_args = 0..=6, allow_negative_numbers = true)]
    pub(crate) args: Vec<String>,
    /// For a person or for a program
    #[arg(long, default_value = "human")]
    pub(crate) format: Format,
}

/// callgate equiv
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  callgate equiv old.json new.json\n  \
    callgate equiv ls.json ls.bpf --format json\n  \
    callgate equiv ls.json ls.json --runtime runc,crun\n\n\
    Exit codes: 0 equal · 1 different, with a call that shows it · 2 undecided, or no profile or filter")]
pub(crate) struct Equiv {
    /// A profile, or a filter as `compile --emit raw` or `json` writes it; `-` is standard input
    #[arg(value_name = "A")]
    pub(crate) left: PathBuf,
    /// What it is held against, likewise
    #[arg(value_name = "B")]
    pub(crate) right: PathBuf,
    /// Take profiles for ones of a machine of this architecture [default: this machine's]
    #[arg(long, value_name = "ARCH")]
    pub(crate) arch: Option<String>,
    /// Two runtimes are one for each side
    #[command(flatten)]
    pub(crate) place: Where,
    /// For a person or for a program
    #[arg(long, default_value = "human")]
    pub(crate) format: Format,
}
