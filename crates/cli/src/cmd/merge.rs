//! `callgate merge`: several profiles as one.

use callgate_check::merge::{How, merge};

use crate::cli::Merge;
use crate::exit::Outcome;
use crate::output::Output;
use crate::subject;

/// Merges.
pub(crate) fn run(args: &Merge, output: &Output) -> Outcome {
    let names: Vec<&str> = args.profiles.iter().map(String::as_str).collect();
    let all = subject::read(&names, &args.on, output)?;
    let how = if args.union { How::Union } else { How::Intersection };
    let subjects: Vec<_> = all.iter().map(subject::Subject::as_check).collect();
    let (made, notes) = merge(&subjects, how).map_err(|e| subject::inexpressible(&e))?;
    subject::tell(&notes, output);
    subject::write(&args.output, args.force, &made, output)
}
