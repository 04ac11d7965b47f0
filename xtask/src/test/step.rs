//! One step of a rung: a command, its time, and what it counts for.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;

/// No step may take longer; a hanging test is a failing test.
const DEADLINE: Duration = Duration::from_mins(30);
/// How often an ended step is looked for.
const PAUSE: Duration = Duration::from_millis(20);
/// What a test prints when it cannot run here.
const SKIPPED: &str = "skipped:";

/// Tests and other checks, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
}

impl Count {
    pub(super) fn failed() -> Self {
        Self { failed: 1, ..Self::default() }
    }

    pub(super) fn skipped() -> Self {
        Self { skipped: 1, ..Self::default() }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    /// What the output of a test run says; tests that passed by skipping count as skipped.
    fn of_tests(output: &str) -> Self {
        let mut count = Self::default();
        for line in output.lines().filter_map(|l| l.strip_prefix("test result: ")) {
            let number = |what: &str| {
                let at = line.split(&[';', '.'][..]).map(str::trim).find_map(|part| part.strip_suffix(what));
                at.and_then(|n| n.trim().parse::<usize>().ok()).unwrap_or(0)
            };
            count.add(Self {
                passed: number("passed"),
                failed: number("failed"),
                skipped: number("ignored"),
            });
        }
        let skipped = skips(output).count().min(count.passed);
        Self { passed: count.passed - skipped, skipped: count.skipped + skipped, ..count }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// What is run.
#[derive(Debug)]
pub(super) struct Step {
    name: String,
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(&'static str, OsString)>,
    /// A run of tests: its output says how many.
    tests: bool,
    /// Why it cannot run here.
    absent: Option<String>,
}

impl Step {
    /// A command that passes or fails as a whole.
    pub(super) fn new(name: impl Into<String>, program: impl Into<OsString>, args: &[&str]) -> Self {
        Self {
            name: name.into(),
            program: program.into(),
            args: args.iter().map(OsString::from).collect(),
            env: Vec::new(),
            tests: false,
            absent: None,
        }
    }

    /// `cargo` with these arguments.
    pub(super) fn cargo(name: impl Into<String>, args: &[&str]) -> Self {
        Self::new(name, "cargo", args)
    }

    /// `cargo test` with these arguments; `filter` is a prefix of test names.
    pub(super) fn tests(name: impl Into<String>, args: &[&str], filter: Option<&str>) -> Self {
        let mut all = vec!["test", "--no-fail-fast", "--locked"];
        all.extend(args);
        // Output of tests that pass is where they say why they skipped.
        all.extend(["--", "--show-output"]);
        all.extend(filter);
        Self { tests: true, ..Self::cargo(name, &all) }
    }

    /// Says why it cannot run here.
    pub(super) fn absent(mut self, why: impl Into<String>) -> Self {
        self.absent = Some(why.into());
        self
    }

    /// Adds an argument that is a path.
    pub(super) fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds an environment variable.
    pub(super) fn env(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.env.push((name, value.into()));
        self
    }

    /// The command, ready to be started.
    pub(super) fn command(&self, root: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).envs(self.env.iter().map(|(k, v)| (k, v)));
        command.current_dir(root).stdin(Stdio::null());
        command
    }

    /// Runs it and prints one line; all of its output only where it failed.
    pub(super) fn run(&self, mut command: Command) -> anyhow::Result<Count> {
        if let Some(why) = &self.absent {
            println!("  {:<44} skipped: {why}", self.name);
            return Ok(Count::skipped());
        }
        print!("  {:<44} ", self.name);
        std::io::stdout().flush()?;
        let started = Instant::now();
        let mut log = Log::new()?;
        let mut child = command
            .stdout(log.file.try_clone()?)
            .stderr(log.file.try_clone()?)
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let status = loop {
            match child.try_wait()? {
                Some(status) => break Some(status),
                None if started.elapsed() > DEADLINE => break None,
                None => thread::sleep(PAUSE),
            }
        };
        if status.is_none() {
            child.kill()?;
            child.wait()?;
        }
        let count = self.judge(status, &log.text()?);
        println!("{:>6.1} s", started.elapsed().as_secs_f64());
        self.report(status, &count, &log.text()?);
        Ok(count)
    }

    fn judge(&self, status: Option<ExitStatus>, output: &str) -> Count {
        let good = status.is_some_and(|s| s.success());
        let mut count = if self.tests { Count::of_tests(output) } else { Count::default() };
        // A run that failed for another reason than a test, such as one that does not compile, counts once.
        if !good && count.failed == 0 {
            count.failed = 1;
        } else if good && !self.tests {
            count.passed = 1;
        }
        count
    }

    fn report(&self, status: Option<ExitStatus>, count: &Count, output: &str) {
        if self.tests {
            println!("    {count}");
            for why in skips(output) {
                println!("    {why}");
            }
        }
        match status {
            None => println!("{output}\n  FAILED: {}: not done after {} s", self.name, DEADLINE.as_secs()),
            Some(s) if !s.success() => println!("{output}\n  FAILED: {}: {s}", self.name),
            Some(_) => {}
        }
    }
}

/// Reasons of tests that did not run.
fn skips(output: &str) -> impl Iterator<Item = &str> {
    output.lines().map(str::trim).filter(|line| line.starts_with(SKIPPED))
}

/// Both streams of a step in one file, gone with this value.
struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    fn new() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("callgate-xtask-{}.log", std::process::id()));
        let file = File::options().read(true).append(true).create(true).open(&path)?;
        file.set_len(0)?;
        Ok(Self { path, file })
    }

    fn text(&mut self) -> anyhow::Result<String> {
        let mut bytes = Vec::new();
        self.file.rewind()?;
        self.file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // A file left in the temporary directory is no reason to fail.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_several_test_binaries_add_up() {
        let output = "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.1s\n\
                      test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured\n";
        assert_eq!(Count::of_tests(output), Count { passed: 6, failed: 2, skipped: 1 });
    }

    #[test]
    fn a_test_that_skips_is_not_one_that_passes() {
        let output =
            "---- t2::nginx stdout ----\nskipped: no nginx\ntest result: ok. 3 passed; 0 failed; 0 ignored\n";
        assert_eq!(Count::of_tests(output), Count { passed: 2, failed: 0, skipped: 1 });
    }

    #[test]
    fn steps_pass_and_fail_with_their_command() {
        let root = Path::new("/");
        for (program, want) in [("true", Count { passed: 1, ..Count::default() }), ("false", Count::failed())]
        {
            let step = Step::new("a step", program, &[]);
            assert_eq!(step.run(step.command(root)).unwrap(), want);
        }
        let step = Step::new("a step", "no-such-program", &[]).absent("for a reason");
        assert_eq!(step.run(step.command(root)).unwrap(), Count::skipped());
    }
}
