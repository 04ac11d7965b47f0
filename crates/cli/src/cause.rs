//! Why a profile is not proven, and the advice that fits.

use std::collections::BTreeSet;

use callgate_linux::Status;

use crate::output::foreign;
use crate::plan::Plan;

/// What kind of failure it is: the way out depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The profile refuses this call, which the workload wanted.
    Miss(String),
    /// The same, of a call that no profile can name.
    Nameless(String),
    /// This call was left out because it is dangerous, and the workload wanted it.
    Withheld(String),
    /// A task died of SIGSYS, or there were more refusals than are told.
    Refusals,
    /// It ended otherwise than while recording.
    Status,
    /// It printed something else.
    Output,
    /// It was not ready when it should have been.
    Readiness,
    /// It ended before it served.
    Ended,
    /// The exercise failed.
    Exercise,
    /// The program ran without its privilege.
    Altered,
    /// The proof could not be made.
    NotMade,
}

/// One reason for which a profile is not proven.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    pub(crate) kind: Kind,
    /// For a person, on one line.
    pub(crate) text: String,
}

impl Cause {
    /// A cause in words.
    pub(crate) fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    /// The same for a file: nothing that a person typed or a clock said stands in it.
    pub(crate) fn brief(&self) -> String {
        match &self.kind {
            Kind::Miss(name) => format!("the workload wanted {name}, which the profile refuses"),
            Kind::Nameless(number) => format!("the workload wanted call {number}, which has no name"),
            Kind::Withheld(name) => format!("the workload wanted {name}, which is withheld"),
            Kind::Refusals | Kind::Status | Kind::Output => self.text.clone(),
            Kind::Readiness => "the workload was not ready in time".to_owned(),
            Kind::Ended => "the workload ended before it served".to_owned(),
            Kind::Exercise => "the exercise failed".to_owned(),
            Kind::Altered => "the workload ran without its privilege".to_owned(),
            Kind::NotMade => "the proof could not be made".to_owned(),
        }
    }
}

/// `ended with exit status 2`, `was killed by signal 11`.
pub(crate) fn ended(status: Option<Status>) -> String {
    match status {
        None => "did not end".to_owned(),
        Some(status @ Status::Exited(_)) => format!("ended with {status}"),
        Some(status @ Status::Signaled(_)) => format!("was {status}"),
    }
}

/// What can be done about these causes, one line each.
pub(crate) fn advice(causes: &[Cause], plan: &Plan, same_output: bool) -> Vec<String> {
    let names = |pick: fn(&Kind) -> Option<&String>| {
        causes.iter().filter_map(|c| pick(&c.kind)).cloned().collect::<BTreeSet<String>>()
    };
    let has = |kind: Kind| causes.iter().any(|c| c.kind == kind);
    let missed = names(|k| if let Kind::Miss(name) = k { Some(name) } else { None });
    let withheld = names(|k| if let Kind::Withheld(name) = k { Some(name) } else { None });
    let nameless = names(|k| if let Kind::Nameless(name) = k { Some(name) } else { None });
    if !withheld.is_empty() {
        return about_withheld(&withheld, &missed);
    }
    let mut lines = Vec::new();
    if !missed.is_empty() {
        let it = if missed.len() == 1 { "it" } else { "them" };
        lines.push(format!("allow {it}: callgate learn … --allow {}", list(&missed)));
    }
    if !missed.is_empty() || has(Kind::Refusals) {
        lines.push("or record more of what it does: --runs 3, --exercise COMMAND".to_owned());
    } else if has(Kind::Readiness) || has(Kind::Ended) {
        lines.push(match &plan.ready {
            Some(probe) => {
                format!("check that `{}` serves, and the probe: --ready {probe}", name(plan))
            }
            None => format!(
                "check that `{}` serves until it is stopped; what ends by itself needs no --exercise",
                name(plan)
            ),
        });
    } else if has(Kind::Exercise) {
        let exercise = plan.exercise.as_deref().unwrap_or_default();
        lines.push(format!(
            "try the exercise by hand while it runs: {}; --ready says when it may start",
            foreign(exercise)
        ));
    } else if has(Kind::Status) {
        lines.push(about_state(plan));
    } else if has(Kind::Output) {
        lines.push(about_state(plan));
        if same_output {
            lines.push("if it prints something else every time, leave out --same-output".to_owned());
        }
    }
    if !nameless.is_empty() {
        lines.push(format!(
            "no profile can allow {}: a call needs a name, and callgate's tables have none",
            list(&nameless)
        ));
    }
    lines
}

fn name(plan: &Plan) -> String {
    foreign(&plan.command.name())
}

fn list(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(",")
}

/// What is withheld was refused on purpose: more recordings would change nothing.
fn about_withheld(withheld: &BTreeSet<String>, missed: &BTreeSet<String>) -> Vec<String> {
    let mut lines =
        vec![format!("allow it only if that is meant: callgate learn … --allow {}", list(withheld))];
    if !missed.is_empty() {
        lines.push(format!(
            "{} may have been wanted only because {} was refused: see what is still missed then",
            list(missed),
            list(withheld)
        ));
    }
    lines
}

/// Nothing was refused, and yet it went otherwise: the earlier runs left something behind.
fn about_state(plan: &Plan) -> String {
    match &plan.before {
        Some(before) => format!(
            "nothing was refused; --before `{}` did not put back what the earlier runs left (files, locks, ports)",
            foreign(before)
        ),
        None => "nothing was refused: it may trip over what its earlier runs left (files, locks, ports); \
                 --before COMMAND puts that back before every run"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(before: Option<&str>) -> Plan {
        let words = ["sh".into()];
        let mut plan = Plan::plain(callgate_linux::spawn::Command::find(&words).unwrap());
        plan.before = before.map(str::to_owned);
        plan
    }

    fn advised(kinds: &[Kind], before: Option<&str>) -> String {
        let causes: Vec<Cause> = kinds.iter().map(|k| Cause::new(k.clone(), "x")).collect();
        advice(&causes, &plan(before), true).join("\n")
    }

    #[test]
    fn advice_follows_the_kind_of_failure() {
        let miss = |name: &str| Kind::Miss(name.to_owned());
        let text = advised(&[miss("umask"), miss("chdir"), Kind::Status], None);
        assert!(text.contains("allow them: callgate learn … --allow chdir,umask"), "{text}");
        assert!(text.contains("--runs 3") && !text.contains("--before"), "{text}");
        let text = advised(&[Kind::Status], None);
        assert!(text.contains("--before COMMAND") && !text.contains("--allow"), "{text}");
        assert!(advised(&[Kind::Status], Some("rm x")).contains("--before `rm x` did not"));
        assert!(advised(&[Kind::Output], None).contains("leave out --same-output"));
    }

    #[test]
    fn what_follows_from_a_withheld_call_is_said_to_do_so() {
        let kinds = [Kind::Miss("dup".to_owned()), Kind::Withheld("unshare".to_owned()), Kind::Status];
        let text = advised(&kinds, None);
        assert!(text.contains("--allow unshare") && !text.contains("--allow dup"), "{text}");
        assert!(text.contains("dup may have been wanted only because unshare was refused"), "{text}");
        assert!(!text.contains("--runs"), "{text}");
    }

    #[test]
    fn an_end_reads_as_a_sentence() {
        assert_eq!(ended(Some(Status::Exited(2))), "ended with exit status 2");
        assert_eq!(ended(Some(Status::Signaled(11))), "was killed by signal 11");
    }
}
