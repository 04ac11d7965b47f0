//! What a container runtime calls between loading the filter and the program: run the real one under strace.
//!
//! Used by `cargo xtask floors` and, by path, by the tests of the command: it stands on the standard library and
//! serde_json alone.

pub(crate) mod container;
mod strace;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use container::{Container, Ended, Engine, Setup, Who};

/// How a process gets into a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// `run`: the container's first process.
    Create,
    /// `exec`: one more.
    Exec,
}

impl Way {
    /// The name in the data.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Exec => "exec",
        }
    }
}

/// One thing to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    /// The runtime.
    pub(crate) engine: Engine,
    /// How the process gets in.
    pub(crate) way: Way,
    /// Whether no_new_privs is set.
    pub(crate) no_new_privs: bool,
}

impl Case {
    /// Everything there is to measure of one runtime.
    pub(crate) fn all(engine: Engine) -> impl Iterator<Item = Self> {
        [Way::Create, Way::Exec]
            .into_iter()
            .flat_map(move |way| [false, true].map(|no_new_privs| Self { engine, way, no_new_privs }))
    }
}

/// Calls seen, each with the number of runs that had it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Measured {
    /// Call → runs.
    pub(crate) calls: BTreeMap<String, usize>,
    /// Runs in all.
    pub(crate) runs: usize,
}

/// Runs a case `runs` times for each kind of user and of start, in a directory of its own.
pub(crate) fn measure(case: Case, runs: usize, dir: &Path) -> Result<Measured, String> {
    let mut measured = Measured::default();
    let log = dir.join("strace.log");
    for (who, entry) in entries(case.way) {
        let setup = Setup { no_new_privs: case.no_new_privs, who, profile: LOG_ALL.to_owned() };
        let container = Container::new(case.engine, dir, &setup)?;
        if case.way == Way::Exec {
            container.start()?;
        }
        for _ in 0..runs {
            let ended = entry(&container, Some(&log))?;
            if ended != Ended::Well {
                return Err(format!("{} {}: {ended:?}", case.engine.name(), case.way.name()));
            }
            let bytes = fs::read(&log).map_err(|e| format!("cannot read {}: {e}", log.display()))?;
            for call in strace::below_the_filter(&String::from_utf8_lossy(&bytes))? {
                *measured.calls.entry(call).or_default() += 1;
            }
            measured.runs += 1;
        }
    }
    Ok(measured)
}

/// One way in: runs it to its end, below strace where a log is wanted.
pub(crate) type Entry = fn(&Container, Option<&Path>) -> Result<Ended, String>;

/// The kinds of user, and for each the ways in: `run` in one, and `create` with `start`, which waits in between. On a
/// terminal `create` would need somebody to hand the terminal to.
pub(crate) fn entries(way: Way) -> Vec<(Who, Entry)> {
    let in_one: Entry = if way == Way::Exec { Container::exec } else { Container::run };
    let mut entries: Vec<(Who, Entry)> = Who::ALL.into_iter().map(|who| (who, in_one)).collect();
    if way == Way::Create {
        entries.extend([Who::Root, Who::User].map(|who| (who, Container::create_and_start as Entry)));
    }
    entries
}

/// A profile that refuses nothing and still is a filter.
const LOG_ALL: &str = r#"{"defaultAction": "SCMP_ACT_LOG"}"#;
