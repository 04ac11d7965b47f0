//! Profiles as OCI artifacts.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Format;

/// callgate artifact
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  callgate artifact pack app.json -o app.oci\n  \
    callgate artifact check app.oci\n  callgate artifact unpack app.oci -o copy.json\n\n\
    A layout goes to a registry with any tool that copies one: skopeo, oras, crane.\n\n\
    Exit codes: 0 written, fine · 1 what a runtime would not take · 2 nothing written, not read")]
pub(crate) struct Artifact {
    /// What to do
    #[command(subcommand)]
    pub(crate) what: What,
}

/// What is done with an artifact.
#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// Make an OCI image layout of a profile, in the form of KEP-6061
    Pack {
        /// The profile; `-` is standard input
        #[arg(value_name = "PROFILE")]
        profile: PathBuf,
        /// The layout to write: a directory, or an archive if it ends in .tar
        #[arg(short, long, value_name = "LAYOUT")]
        output: PathBuf,
    },
    /// Take the profile out of a layout, digests checked
    Unpack {
        /// The layout: a directory, or an archive
        #[arg(value_name = "LAYOUT")]
        layout: PathBuf,
        /// The profile to write; `-` is standard output
        #[arg(short, long, value_name = "PROFILE", default_value = "-")]
        output: PathBuf,
        /// Replace an existing profile
        #[arg(long)]
        force: bool,
    },
    /// Say whether a runtime would take the profile in a layout
    Check {
        /// The layout: a directory, or an archive
        #[arg(value_name = "LAYOUT")]
        layout: PathBuf,
        /// For a person or for a program
        #[arg(long, default_value = "human")]
        format: Format,
    },
}
