//! The ladder of tests: lowest rung first, every rung with its time or the reason why it was skipped.

mod fuzz;
pub(crate) mod packages;
mod rungs;
mod step;
mod targets;

use std::env;
use std::path::Path;
use std::time::Instant;

use anyhow::bail;

use crate::metadata::Metadata;
pub(crate) use packages::find as find_tool;
use rungs::Rung;
use step::{Count, Step};

/// The verb that runs T0 emulated, and its name in `CALLGATE_REQUIRE`.
const ARM64: &str = "arm64";

/// What the command line asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Flags {
    /// Bring the Debian packages first.
    install: bool,
    /// Run the stated big numbers.
    full: bool,
}

impl Flags {
    fn parse(flags: &[&str]) -> anyhow::Result<Self> {
        let mut parsed = Self::default();
        for flag in flags {
            match *flag {
                "--install" => parsed.install = true,
                "--full" => parsed.full = true,
                other => bail!("unknown flag `{other}`\n\nhint: cargo xtask test [--install] [--full]"),
            }
        }
        Ok(parsed)
    }
}

/// Rungs that must not be skipped, from `CALLGATE_REQUIRE=t1,t2,arm64`.
#[derive(Debug)]
struct Required(Vec<String>);

impl Required {
    fn from_env() -> Self {
        let list = env::var("CALLGATE_REQUIRE").unwrap_or_default();
        Self(list.split(',').map(|r| r.trim().to_lowercase()).filter(|r| !r.is_empty()).collect())
    }

    fn has(&self, rung: Rung) -> bool {
        self.0.iter().any(|name| name == rung.name())
    }

    /// Names that are no rung: a misspelt one must not make a skip pass.
    fn check(&self) -> anyhow::Result<()> {
        let known = |name: &str| name == ARM64 || Rung::ALL.iter().any(|r| r.name() == name);
        match self.0.iter().find(|name| !known(name)) {
            Some(name) => {
                bail!("CALLGATE_REQUIRE names an unknown rung `{name}`\n\nhint: rungs are t0, t1, t2, arm64")
            }
            None => Ok(()),
        }
    }

    /// T0 once more, for another architecture: nobody's download unless it is asked for.
    fn arm64(&self) -> Step {
        let step = Step::cargo("cargo xtask arm64", &["xtask", ARM64]);
        if self.0.iter().any(|name| name == ARM64) {
            return step;
        }
        step.absent("it downloads 240 MB; CALLGATE_REQUIRE=arm64 asks for it")
    }
}

/// Runs the ladder; `true` if nothing failed.
pub(crate) fn run(root: &Path, flags: &[&str]) -> anyhow::Result<bool> {
    let flags = Flags::parse(flags)?;
    let required = Required::from_env();
    required.check()?;
    if flags.install {
        packages::install()?;
    }
    let metadata = Metadata::read(root)?;
    let mut total = Count::default();
    for rung in Rung::ALL {
        total.add(climb(rung, root, &metadata, flags, &required)?);
    }
    println!("\n{ARM64} T0 on another architecture");
    total.add(run_step(&required.arm64(), root, flags)?);
    println!("\n{total}");
    Ok(total.failed == 0)
}

/// One rung: its steps, or the reason why not.
fn climb(
    rung: Rung,
    root: &Path,
    metadata: &Metadata,
    flags: Flags,
    required: &Required,
) -> anyhow::Result<Count> {
    println!("\n{} {}", rung.name(), rung.about());
    let missing = rung.missing();
    if !missing.is_empty() && required.has(rung) {
        println!("  FAILED: needs {}, and CALLGATE_REQUIRE has {}", missing.join(", "), rung.name());
        return Ok(Count::failed());
    }
    if !missing.is_empty() {
        println!("  skipped: needs {}", missing.join(", "));
        return Ok(Count::skipped());
    }
    for tool in rung.tools_missing() {
        println!("  missing: {tool}; what needs it is skipped (`--install` brings it)");
    }
    let started = Instant::now();
    let mut count = Count::default();
    for step in rung.steps(root, metadata, flags.full)? {
        count.add(run_step(&step, root, flags)?);
    }
    let verdict = if count.failed == 0 { "ok" } else { "FAILED" };
    println!("{} {verdict}: {count} in {:.0} s", rung.name(), started.elapsed().as_secs_f64());
    Ok(count)
}

fn run_step(step: &Step, root: &Path, flags: Flags) -> anyhow::Result<Count> {
    let mut command = step.command(root);
    if flags.full {
        command.env("CALLGATE_FULL", "1");
    }
    step.run(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_known_or_named() {
        assert_eq!(Flags::parse(&["--full", "--install"]).unwrap(), Flags { install: true, full: true });
        assert!(Flags::parse(&["--fast"]).unwrap_err().to_string().contains("`--fast`"));
    }

    #[test]
    fn a_misspelt_rung_is_an_error() {
        assert!(Required(vec!["t1".to_owned(), "arm64".to_owned()]).check().is_ok());
        assert!(Required(vec!["t7".to_owned()]).check().unwrap_err().to_string().contains("`t7`"));
    }
}
