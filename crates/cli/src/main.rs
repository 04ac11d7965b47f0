//! callgate: learn, prove and roll out seccomp profiles.
//!
//! Parse, run one verb, print the error, end with its exit code. Nothing is decided here.

mod ask;
mod call;
mod cause;
mod chains;
mod changes;
mod cli;
mod cmd;
mod container;
mod digest;
mod ending;
mod env;
mod exit;
mod filter;
mod input;
mod lint;
mod minimise;
mod misses;
mod output;
mod parse;
mod plan;
mod progress;
mod proof;
mod ready;
mod recorded;
mod recording;
mod report;
mod running;
mod saturation;
mod source;
mod streams;
mod subject;
mod summary;
mod table;
mod target;
mod usage;
mod witness;
mod workload;

use std::panic;
use std::process::ExitCode;

use crate::cli::{Cli, ColorChoice, Verb};
use crate::exit::Outcome;
use crate::output::Output;
use crate::usage::Wrong;

/// What bare `callgate` prints.
const WELCOME: &str = "\
callgate learns which system calls a workload needs, turns that into a seccomp
profile you can read and argue with, and proves what the profile does.

Three commands to paste:
  callgate learn -o ls.json -- ls -lR /usr/share/doc    learn and prove it
  callgate show ls.json --why                           read it, with reasons
  callgate run --profile ls.json --stage enforce -- ls  use it

No root needed. `callgate doctor` says what works on this machine;
`callgate --help` lists the rest.
";

fn main() -> ExitCode {
    let cli = match usage::parse() {
        Ok(cli) => cli,
        Err(Wrong::Ours(failure)) => {
            Output::new(ColorChoice::Auto, false).error(&failure.message, failure.hint.as_deref());
            return failure.exit.into();
        }
        Err(Wrong::Theirs(error)) => error.exit(),
    };
    let output = Output::new(cli.everywhere.color, cli.everywhere.quiet);
    report_bugs(cli.everywhere.color);
    match panic::catch_unwind(panic::AssertUnwindSafe(|| dispatch(&cli, &output))) {
        Ok(Ok(exit)) => exit.into(),
        Ok(Err(failure)) => {
            output.error(&failure.message, failure.hint.as_deref());
            failure.exit.into()
        }
        Err(_) => ExitCode::from(70),
    }
}

/// A panic is a bug of ours: said in words, exit code 70 (release builds abort, hence the hook).
fn report_bugs(color: ColorChoice) {
    panic::set_hook(Box::new(move |info| {
        let place = info.location().map(|l| format!(" at {}:{}", l.file(), l.line())).unwrap_or_default();
        let what = info.payload_as_str().unwrap_or("no message");
        Output::new(color, false)
            .error(&format!("a bug in callgate{place}: {what}"), Some("please report it"));
        #[expect(clippy::exit, reason = "release builds abort on panic; the documented code is 70")]
        std::process::exit(70);
    }));
}

fn dispatch(cli: &Cli, output: &Output) -> Outcome {
    match &cli.verb {
        None => cmd::print(output, WELCOME),
        Some(Verb::Learn(args)) => cmd::learn::run(args, output),
        Some(Verb::Record(args)) => {
            cmd::record::run(args, output).map_err(|f| exit::Failure { exit: f.exit.beside_a_command(), ..f })
        }
        Some(Verb::Import(args)) => cmd::import::run(args, output),
        Some(Verb::Generate(args)) => cmd::generate::run(args, output),
        Some(Verb::Update(args)) => cmd::update::run(args, output),
        Some(Verb::Run(args)) => {
            cmd::run::run(args, output).map_err(|f| exit::Failure { exit: f.exit.beside_a_command(), ..f })
        }
        Some(Verb::Show(args)) => cmd::show::run(args, output),
        Some(Verb::Compile(args)) => cmd::compile::run(args, output),
        Some(Verb::Disasm(args)) => cmd::disasm::run(args, output),
        Some(Verb::Sim(args)) => cmd::sim::run(args, output),
        Some(Verb::Artifact(args)) => cmd::artifact::run(args, output),
        Some(Verb::Convert(args)) => cmd::convert::run(args, output),
        Some(Verb::Lint(args)) => cmd::lint::run_verb(&mut args.clone(), output),
        Some(Verb::Rule(args)) => cmd::rule::run(args, output),
        Some(Verb::Explain(args)) => cmd::explain::run(args, output),
        Some(Verb::Expand(args)) => cmd::expand::run(args, output),
        Some(Verb::Equiv(args)) => cmd::equiv::run(args, output),
        Some(Verb::Diff(args)) => cmd::diff::run(args, output),
        Some(Verb::Merge(args)) => cmd::merge::run(args, output),
        Some(Verb::Stage(args)) => cmd::stage::run(args, output),
        Some(Verb::Effective(args)) => cmd::effective::run(args, output),
        Some(Verb::Inspect(args)) => cmd::inspect::run(args, output),
        Some(Verb::Default(args)) => cmd::default::run(args, output),
        Some(Verb::Syscalls(args)) => cmd::syscalls::run(args, output),
        Some(Verb::Groups(args)) => cmd::groups::run(args, output),
        Some(Verb::Doctor(args)) => cmd::doctor::run(args, output),
        Some(Verb::Completions(args)) => cmd::completions::run(args, output),
        Some(Verb::Man(args)) => cmd::man::run(args, output),
    }
}
