//! `cargo xtask floors`: the calls of real runtimes between filter and program, held against `data/floors.toml`.

mod classes;
mod measure;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};

use crate::generate::floors::{self as data, Data};
use crate::test::packages;
use measure::container::Engine;
use measure::{Case, Measured};

/// What a measurement calls.
const TOOLS: [&str; 7] = ["runc", "crun", "busybox", "strace", "script", "unshare", "mount"];

/// What is wanted.
#[derive(Debug, PartialEq, Eq)]
struct Flags {
    /// Runs of every case, for each kind of user and start.
    runs: usize,
    install: bool,
    classes: bool,
}

impl Flags {
    fn parse(words: &[&str]) -> anyhow::Result<Self> {
        let mut flags = Self { runs: 30, install: false, classes: false };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--install" => flags.install = true,
                "--classes" => flags.classes = true,
                "--runs" => {
                    let number = words.next().context("--runs needs a number")?;
                    flags.runs =
                        number.parse().with_context(|| format!("`{number}` is no number of runs"))?;
                }
                other => bail!("unknown flag `{other}`; there are --runs N, --classes and --install"),
            }
        }
        ensure!(flags.runs > 0, "no runs show nothing");
        Ok(flags)
    }
}

/// Measures; `false` where a runtime made a call that the data lack.
pub(crate) fn run(root: &Path, words: &[&str]) -> anyhow::Result<bool> {
    let flags = Flags::parse(words)?;
    if flags.install {
        packages::install()?;
    }
    for tool in TOOLS {
        ensure!(
            packages::find(tool).is_some(),
            "{tool} is not installed; cargo xtask floors --install brings it"
        );
    }
    let data = data::data(root)?;
    let dir = Scratch::new()?;
    let mut good = true;
    for engine in Engine::ALL {
        let version = engine.version().map_err(anyhow::Error::msg)?;
        for case in Case::all(engine) {
            let title = format!(
                "{} {version}, {}, no_new_privs {}",
                engine.name(),
                case.way.name(),
                if case.no_new_privs { "on" } else { "off" }
            );
            let measured = measure::measure(case, flags.runs, &dir.0).map_err(anyhow::Error::msg);
            let measured = measured.with_context(|| title.clone())?;
            println!("{title}: {} calls in {} runs", measured.calls.len(), measured.runs);
            println!("  {}", counts(&measured));
            let lacking = lacking(&data, case, &version, &measured)?;
            if !lacking.is_empty() {
                println!("  NOT IN data/floors.toml: {}", lacking.into_iter().collect::<Vec<_>>().join(" "));
                good = false;
            }
            if flags.classes {
                classes::print(case, &measured, &dir.0).map_err(anyhow::Error::msg)?;
            }
        }
    }
    Ok(good)
}

/// Every call, with the number of runs where not all had it.
fn counts(measured: &Measured) -> String {
    let count = |(name, runs): (&String, &usize)| {
        if *runs == measured.runs { name.clone() } else { format!("{name} ({runs})") }
    };
    measured.calls.iter().map(count).collect::<Vec<_>>().join(" ")
}

/// The calls that the data of this runtime, version, way and setting lack.
fn lacking<'m>(
    data: &Data,
    case: Case,
    version: &str,
    measured: &'m Measured,
) -> anyhow::Result<BTreeSet<&'m str>> {
    let version = data::parts(version.split(['+', '-', '~']).next().unwrap_or_default())?;
    let mut known = BTreeSet::new();
    let mut sets = 0;
    for set in data.set.iter().filter(|s| s.runtime == case.engine.name() && s.way == case.way.name()) {
        if set.no_new_privs == case.no_new_privs && set.holds(version)? {
            known.extend(set.classes().into_iter().flat_map(|(_, calls)| calls));
            sets += 1;
        }
    }
    ensure!(sets == 1, "data/floors.toml has {sets} sets for this");
    let every = data.every.iter().filter(|e| e.runtime == case.engine.name());
    known.extend(every.flat_map(|e| &e.asynchronous));
    let lacks = |name: &&String| !known.contains(*name);
    Ok(measured.calls.keys().filter(lacks).map(String::as_str).collect())
}

/// A directory that is gone with this value.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> anyhow::Result<Self> {
        let dir = std::env::temp_dir().join(format!("callgate-floors-{}", std::process::id()));
        fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        Ok(Self(dir))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A directory left in the temporary one is no reason to fail.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_known_or_named() {
        let flags = Flags { runs: 3, install: false, classes: true };
        assert_eq!(Flags::parse(&["--runs", "3", "--classes"]).unwrap(), flags);
        assert!(Flags::parse(&["--fast"]).unwrap_err().to_string().contains("`--fast`"));
        assert!(Flags::parse(&["--runs", "many"]).unwrap_err().to_string().contains("`many`"));
        assert!(Flags::parse(&["--runs", "0"]).is_err());
    }
}
