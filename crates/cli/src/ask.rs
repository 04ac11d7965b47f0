//! Questions on a terminal: dangerous calls that were seen.

use std::io::{BufRead, IsTerminal};

use callgate_core::generate::Generated;
use callgate_linux::session::Signals;

use crate::output::{Output, foreign};

/// What a person answered.
#[derive(Default)]
pub(crate) struct Answers {
    /// Calls to be allowed.
    pub(crate) allowed: Vec<String>,
    /// The question was answered with Ctrl-C.
    pub(crate) interrupted: bool,
}

/// On a terminal, asks about every dangerous call that was seen.
pub(crate) fn ask(made: &Generated, signals: &Signals, output: &Output) -> Answers {
    let mut answers = Answers::default();
    if !(output.live() && std::io::stdin().is_terminal()) {
        return answers;
    }
    for left in &made.evidence.withheld {
        let (by, after) = (foreign(&left.first_by), left.first_ms);
        let question = format!(
            "{} was called by {by} ({after} ms into the run): {}. Allow it? [y/N] ",
            left.name, left.why
        );
        output.raw_stderr(question.as_bytes());
        if !signals.wait_for_input() {
            output.say("");
            return Answers { interrupted: true, ..answers };
        }
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        if read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes") {
            output.say(&format!("  allowed; without the question: --allow {}", left.name));
            answers.allowed.push(left.name.clone());
        }
    }
    answers
}
