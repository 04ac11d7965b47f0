//! Other forms of a profile.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Where;

/// A form of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// JSON that every runtime reads, without keys of Docker's
    Oci,
    /// The same with reasons as Docker's `comment`
    Docker,
    /// A SeccompProfile of the Security Profiles Operator
    Spo,
    /// SystemCallFilter= and its like, for a unit
    Systemd,
    /// One name per line
    List,
}

/// callgate convert
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  callgate convert app.json --to systemd --narrow\n  \
    callgate convert app.json --to spo --name app -o app.yaml\n  \
    callgate convert names.txt --from list --to oci -o app.json\n  \
    callgate convert default.json --to oci --loader docker --caps CAP_NET_ADMIN -o flat.json\n\n\
    Exit codes: 0 written, nothing lost · 1 written, and what the form cannot hold is said · 2 nothing written")]
pub(crate) struct Convert {
    /// The profile, or what --from says; `-` is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The form to write
    #[arg(long, value_name = "FORM")]
    pub(crate) to: Form,
    /// The form that is read [default: JSON; YAML is a SeccompProfile]
    #[arg(long, value_name = "FORM")]
    pub(crate) from: Option<Form>,
    /// What a SeccompProfile is to be called [default: the file's name]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Where a form cannot allow a call for some arguments only: leave it out
    #[arg(long, conflicts_with = "widen")]
    pub(crate) narrow: bool,
    /// Or allow it for all arguments; and go on where a unit refuses calls in settings that are not converted
    #[arg(long)]
    pub(crate) widen: bool,
    /// The file to write; `-` is standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub(crate) output: PathBuf,
    /// Replace an existing file
    #[arg(long)]
    pub(crate) force: bool,
    /// The machine's architecture [default: this one's]
    #[arg(long, value_name = "ARCH")]
    pub(crate) arch: Option<String>,
    #[command(flatten)]
    pub(crate) place: Where,
}
