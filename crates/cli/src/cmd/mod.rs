//! One file per verb: arguments in, a call into the crates below, output. No decision about profiles lives here.

pub(crate) mod artifact;
pub(crate) mod compile;
pub(crate) mod completions;
pub(crate) mod convert;
pub(crate) mod default;
pub(crate) mod diff;
pub(crate) mod disasm;
pub(crate) mod doctor;
pub(crate) mod effective;
pub(crate) mod equiv;
pub(crate) mod expand;
pub(crate) mod explain;
pub(crate) mod generate;
pub(crate) mod groups;
pub(crate) mod import;
pub(crate) mod inspect;
pub(crate) mod learn;
pub(crate) mod lint;
pub(crate) mod man;
pub(crate) mod merge;
pub(crate) mod record;
pub(crate) mod rule;
pub(crate) mod run;
pub(crate) mod show;
pub(crate) mod sim;
pub(crate) mod stage;
mod starts;
pub(crate) mod syscalls;
pub(crate) mod update;

use crate::exit::{Exit, Failure, Outcome};
use crate::output::Output;

/// Prints data and is done.
pub(crate) fn print(output: &Output, text: &str) -> Outcome {
    match output.data(text) {
        Ok(()) => Ok(Exit::Ok),
        Err(error) => Err(Failure::new(format!("cannot write to standard output: {error}"))),
    }
}

/// Prints one JSON document.
pub(crate) fn print_json(output: &Output, document: &impl serde::Serialize) -> Outcome {
    let text = serde_json::to_string_pretty(document)
        .map_err(|e| Failure::new(format!("cannot write JSON: {e}")))?;
    print(output, &(text + "\n"))
}
