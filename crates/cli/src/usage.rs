//! The command line, read; and what is wrong with it where the parser's own words do not say how to go on.

use std::ffi::{OsStr, OsString};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, FromArgMatches as _, Parser as _};

use crate::cli::{Cli, LintAlone};
use crate::exit::Failure;
use crate::output;

/// Help is not wider than this, however wide the terminal.
const MAX_WIDTH: usize = 100;
/// Verbs that are planned, or that other tools of this kind have.
const NOT_YET: [&str; 3] = ["monitor", "test", "why"];
/// Verbs that end with `-- COMMAND`.
const WITH_COMMAND: [&str; 3] = ["learn", "record", "run"];

/// Why there is no command line to go on with.
pub(crate) enum Wrong {
    /// In our words.
    Ours(Failure),
    /// In the parser's; help and version are among them.
    Theirs(clap::Error),
}

/// Reads the command line.
pub(crate) fn parse() -> Result<Cli, Wrong> {
    let args = without_help_on_help(std::env::args_os().collect());
    let lint = args.get(1).is_some_and(|verb| verb == "lint");
    if let Some(alone) = lint.then(|| LintAlone::try_parse_from(&args).ok()).flatten() {
        return Ok(alone.into());
    }
    let command = Cli::command().term_width(output::columns().min(MAX_WIDTH));
    let found = command.try_get_matches_from(&args).and_then(|matches| Cli::from_arg_matches(&matches));
    found.map_err(|error| match explain(&error, &args) {
        Some(failure) => Wrong::Ours(failure),
        None => Wrong::Theirs(error),
    })
}

/// `help --help` asks for the help.
fn without_help_on_help(args: Vec<OsString>) -> Vec<OsString> {
    let help = args.get(1).is_some_and(|verb| verb == "help");
    args.into_iter().filter(|a| !help || !["-h", "--help"].map(OsStr::new).contains(&a.as_os_str())).collect()
}

fn explain(error: &clap::Error, args: &[OsString]) -> Option<Failure> {
    let text = |kind: ContextKind| match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    };
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let verb = text(ContextKind::InvalidSubcommand).pop()?;
            NOT_YET.contains(&verb.as_str()).then(|| not_yet(&verb))
        }
        ErrorKind::UnknownArgument => command_without_dashes(&text(ContextKind::InvalidArg).pop()?, args),
        ErrorKind::MissingRequiredArgument => {
            let missing = text(ContextKind::InvalidArg);
            let [stage] = missing.as_slice() else { return None };
            stage.starts_with("--stage").then(|| {
                Failure::new("`run` needs --stage").hint(
                    "--stage audit lets everything go ahead and reports; --stage complain does what Docker's default would \
                     do with what the profile refuses; --stage enforce applies the profile",
                )
            })
        }
        _ => None,
    }
}

fn not_yet(verb: &str) -> Failure {
    let instead = match verb {
        "why" => "callgate show PROFILE --why says why every rule is there",
        "test" => "callgate run --profile PROFILE --stage audit -- COMMAND reports what would be refused",
        "monitor" => "callgate record --pid PID -o TRACE records a process that runs",
        _ => "`callgate --help` lists the verbs",
    };
    Failure::new(format!("`{verb}` is not in this version")).hint(instead)
}

/// `learn -o p.json ls /`: the command needs `--` before it.
fn command_without_dashes(word: &str, args: &[OsString]) -> Option<Failure> {
    let verb = args.get(1)?.to_str().filter(|verb| WITH_COMMAND.contains(verb))?;
    let at = args.iter().position(|a| a == word)?;
    if word.starts_with('-') || args.iter().any(|a| a == "--") {
        return None;
    }
    let (before, command) = args.split_at(at);
    let words = [&["callgate".into()], &before[1..], &["--".into()], command].concat();
    let line = crate::summary::command_line(&words);
    Some(
        Failure::new(format!("`{verb}` takes its command behind --"))
            .hint(format!("put -- before the command: {line}")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lint_is_read_as_with_all_the_verbs_around_it() {
        let lines = [
            "callgate lint",
            "callgate lint -q --color never a b --fix --fail-on warning",
            "callgate lint --quiet --color=always --format json --format sarif=x --pss restricted@v1.30 -",
            "callgate lint --runtime runc@1.1 --profiles p --baseline b --arch aarch64 --nnp true x",
            "callgate lint --write-baseline b -- -x",
        ];
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            let all = Cli::try_parse_from(&words).map(|cli| format!("{cli:?}"));
            let alone = LintAlone::try_parse_from(&words).map(|alone| format!("{:?}", Cli::from(alone)));
            match (all, alone) {
                (Ok(all), Ok(alone)) => assert_eq!(all, alone, "{line}"),
                (all, alone) => panic!("{line}: {all:?}, {alone:?}"),
            }
        }
        for wrong in [
            "callgate lint --nope",
            "callgate lint --help",
            "callgate -q lint --version",
            "callgate lint --fail-on x",
        ] {
            assert!(LintAlone::try_parse_from(wrong.split(' ')).is_err(), "{wrong}: for the other to say");
        }
    }
}
