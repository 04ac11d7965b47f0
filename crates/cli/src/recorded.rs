//! What the recording runs of `learn` gave, and what of it is worth saying.

use callgate_core::Trace;
use callgate_linux::Status;

use crate::cause::{self, Cause, Kind};
use crate::digest::Digest;
use crate::output::foreign;
use crate::proof::Expected;
use crate::recording::note;
use crate::workload::Ran;

/// What the recording runs gave.
#[derive(Default)]
pub(crate) struct Recorded {
    pub(crate) trace: Trace,
    pub(crate) runs: Vec<Ran>,
    pub(crate) interrupted: bool,
    /// It was interrupted at the question about a dangerous call, not in a run.
    pub(crate) asked: bool,
}

impl Recorded {
    pub(crate) fn take(&mut self, mut ran: Ran) {
        let mut trace = ran.trace.take().unwrap_or_default();
        note(&mut trace, &ran);
        self.interrupted |= ran.interrupted;
        self.trace.merge(&trace);
        self.runs.push(ran);
    }

    /// What a run under the profile has to show.
    pub(crate) fn expected(&self, same_output: bool) -> Expected {
        let outputs: Vec<&[Digest; 2]> = self.runs.iter().map(|r| &r.outputs).collect();
        let agree = outputs.windows(2).all(|w| w[0] == w[1]);
        let known = (outputs.len() > 1 && agree) || same_output;
        Expected {
            statuses: self.runs.iter().map(|r| r.status).collect(),
            sigsys: self.runs.iter().map(|r| r.sigsys.clone()).max_by_key(Vec::len).unwrap_or_default(),
            exercises: self.runs.iter().map(|r| r.exercise).collect(),
            outputs: outputs.first().filter(|_| known).map(|o| (*o).clone()),
        }
    }

    /// Why what was recorded is not what the workload does.
    pub(crate) fn unusable(&self) -> Option<Cause> {
        let failed = self.runs.iter().filter_map(|r| r.exercise).find(|status| status.code() != 0);
        let failed =
            failed.map(|s| Cause::new(Kind::Exercise, format!("the exercise {}", cause::ended(Some(s)))));
        let found = self.runs.iter().find_map(|r| r.unready.clone()).or(failed)?;
        let text = format!("while recording {}: what was seen is not what it does", found.text);
        Some(Cause { text, ..found })
    }

    /// The status every run ended with by itself, if it is a failure.
    pub(crate) fn fails(&self) -> Option<Status> {
        let fails = |r: &Ran| r.status.filter(|s| s.code() != 0 && !r.asked_to_end && !r.interrupted);
        let first = self.runs.first().and_then(fails)?;
        self.runs.iter().all(|r| fails(r).is_some()).then_some(first)
    }

    /// What a profile of failing runs is worth.
    pub(crate) fn failing(&self, always: bool) -> Option<String> {
        let status = self.fails()?;
        let when = if always { "in every run" } else { "while recording" };
        Some(format!(
            "it failed {when} ({status}): this is the profile of a failing run; if that was not meant, fix the command \
             and learn again"
        ))
    }

    /// What else is to be said about the recording runs.
    pub(crate) fn remarks(&self, limit: Option<&str>, phased: bool) -> Vec<String> {
        let mut remarks = Vec::new();
        let statuses: Vec<_> = self.runs.iter().filter_map(|r| r.status).collect();
        if statuses.windows(2).any(|w| w[0] != w[1]) {
            remarks.push("the recording runs ended differently from each other".to_owned());
        }
        match limit.filter(|_| self.runs.iter().any(|r| r.asked_to_end)) {
            Some(limit) if !phased => remarks
                .push(format!("it was stopped after {}: what it does later was not seen", foreign(limit))),
            _ => {}
        }
        remarks
    }
}
