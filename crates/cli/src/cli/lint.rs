//! callgate lint and callgate rule.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::{Cli, Everywhere, Format, Verb, Where};

/// callgate lint
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  callgate lint\n  callgate lint --runtime runc@1.1,crun deploy/ seccomp/app.json\n  \
    helm template . | callgate lint --profiles seccomp --pss restricted -\n  \
    callgate lint --fix --diff deploy/\n  callgate lint --format full --format sarif=lint.sarif --fail-on warning .\n\n\
    Exit codes: 0 nothing at or above --fail-on · 1 findings, or changes that --diff shows · 2 usage, or what cannot be read · \
    3 nothing to look at"
)]
pub(crate) struct Lint {
    /// Profiles, manifests, pipelines, and folders of them; `-` is standard input
    #[arg(value_name = "PATH", default_value = ".")]
    pub(crate) paths: Vec<PathBuf>,
    /// What standard input is called in findings
    #[arg(long, value_name = "NAME")]
    pub(crate) stdin_filename: Option<String>,
    /// The Pod Security Standard by whose part about seccomp manifests are judged: baseline, restricted, restricted@v1.25
    #[arg(long, value_name = "LEVEL")]
    pub(crate) pss: Option<String>,
    /// A folder of profiles as nodes have it below their seccomp folder: what `localhostProfile` names is looked for there,
    /// and they are linted, too
    #[arg(long, value_name = "DIR")]
    pub(crate) profiles: Vec<PathBuf>,
    /// Make the changes that allow nothing and refuse nothing that was not meant
    #[arg(long)]
    pub(crate) fix: bool,
    /// Make the other proposed changes, too; look at each of them
    #[arg(long)]
    pub(crate) unsafe_fixes: bool,
    /// Show the changes, and make none
    #[arg(long)]
    pub(crate) diff: bool,
    /// From which severity on findings make the command fail [default: error]
    #[arg(long, value_name = "SEVERITY")]
    pub(crate) fail_on: Option<Threshold>,
    /// How findings are written: full, concise, json, jsonl, sarif, junit, github, gitlab, checkstyle, rdjson, tap; with =FILE
    /// into a file; several at once [default: full]
    #[arg(long, visible_alias = "output-format", value_name = "FORMAT[=FILE]")]
    pub(crate) format: Vec<String>,
    /// Leave out what this file lists, so that only what is new fails
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Write what is found to such a file, and be content
    #[arg(long, value_name = "FILE", conflicts_with = "baseline")]
    pub(crate) write_baseline: Option<PathBuf>,
    /// The configuration [default: callgate.toml, here or above, up to the repository's root]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The architecture of the machines that profiles are used on [default: this one's]
    #[arg(long, value_name = "ARCH")]
    pub(crate) arch: Option<String>,
    #[command(flatten)]
    pub(crate) place: Where,
}

/// From which severity on findings make the command fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Threshold {
    /// What breaks or is unsafe
    Error,
    /// What is probably not meant, too
    Warning,
    /// Anything
    Note,
    /// Nothing does
    Never,
}

/// A command line whose verb is `lint`: editors and hooks run it all the time, and do not wait until the options of all the
/// other verbs are made. What it cannot read is for [`Cli`] to read, or to say what is wrong with it.
#[derive(Debug, Parser)]
pub(crate) struct LintAlone {
    #[command(subcommand)]
    verb: OnlyLint,
    #[command(flatten)]
    everywhere: Everywhere,
}

#[derive(Debug, Subcommand)]
enum OnlyLint {
    Lint(Box<Lint>),
}

impl From<LintAlone> for Cli {
    fn from(LintAlone { verb: OnlyLint::Lint(lint), everywhere }: LintAlone) -> Self {
        Self { verb: Some(Verb::Lint(lint)), everywhere }
    }
}

/// callgate rule
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  callgate rule\n  callgate rule fallback-errno\n\n\
    Exit codes: 0 ok · 2 there is no such rule")]
pub(crate) struct Rule {
    /// The rule's code, as findings have it; without, all rules are listed
    #[arg(value_name = "CODE")]
    pub(crate) code: Option<String>,
    /// For a person or for a program
    #[arg(long, default_value = "human")]
    pub(crate) format: Format,
}
