//! `callgate man`: man pages from the same model as the help.

use callgate_core::suggest;
use clap::CommandFactory as _;

use super::print;
use crate::cli::{Cli, Man};
use crate::exit::{Failure, Outcome};
use crate::output::Output;

/// Prints the page.
pub(crate) fn run(args: &Man, output: &Output) -> Outcome {
    let mut command = Cli::command();
    command.build();
    let page = match &args.verb {
        None => command,
        Some(name) => {
            let known: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
            let Some(found) = command.find_subcommand(name) else {
                let near = suggest::nearest(name, known.iter().map(String::as_str));
                let hint = near.map_or_else(
                    || format!("known: {}", known.join(", ")),
                    |n| format!("did you mean `{n}`?"),
                );
                return Err(Failure::new(format!("unknown verb `{name}`")).hint(hint));
            };
            found.clone().display_name(format!("callgate-{name}"))
        }
    };
    let mut text = Vec::new();
    let failed = |e: std::io::Error| Failure::new(format!("cannot write the man page: {e}"));
    clap_mangen::Man::new(page).render(&mut text).map_err(failed)?;
    print(output, &String::from_utf8_lossy(&text))
}
