//! `callgate completions`: for bash, zsh, fish, PowerShell, elvish.

use clap::CommandFactory as _;

use super::print;
use crate::cli::{Cli, Completions};
use crate::exit::{Failure, Outcome};
use crate::output::Output;

/// Prints the script.
pub(crate) fn run(args: &Completions, output: &Output) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "callgate", &mut script);
    let script =
        String::from_utf8(script).map_err(|e| Failure::new(format!("cannot write completions: {e}")))?;
    print(output, &script)
}
