//! What is measured: thirty small C files for gcc, a loop of one cheap call, and the ways to run them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, ensure};

use super::scratch::Scratch;
use crate::metadata::Metadata;

/// How many files gcc compiles.
const FILES: usize = 30;
/// Calls of the loop.
const CALLS: u32 = 50_000;
/// The loop, timing itself: start and end of the process are none of the figure.
const LOOP: &str = "\
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>
int main(void) {
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < CALLS; i++) syscall(SYS_getppid);
    clock_gettime(CLOCK_MONOTONIC, &b);
    printf(\"%lld\\n\", (b.tv_sec - a.tv_sec) * 1000000000LL + (b.tv_nsec - a.tv_nsec));
    return 0;
}
";

/// How a command is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// As it is.
    Bare,
    /// `callgate record`, asking about every call.
    Cold,
    /// `callgate record` that knows an earlier trace.
    Trimmed,
    /// `callgate record --backend trace`.
    Traced,
    /// `strace -f -o /dev/null`.
    Strace,
}

/// Files and programs, in a directory that goes with this value.
pub(super) struct Workload {
    dir: Scratch,
    pub(super) callgate: PathBuf,
}

impl Workload {
    /// Builds callgate as it is released, and everything to be measured.
    pub(super) fn prepare(root: &Path) -> anyhow::Result<Self> {
        let callgate = build(root)?;
        let workload = Self { dir: Scratch::new()?, callgate };
        workload.write()?;
        Ok(workload)
    }

    fn write(&self) -> anyhow::Result<()> {
        for i in 0..FILES {
            let text = format!(
                "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n\
                 int sum{i}(const int *v, int n) {{ int s = {i}; for (int j = 0; j < n; j++) s += v[j]; return s; }}\n\
                 void say{i}(void) {{ printf(\"%d\\n\", sum{i}((int[]){{1, 2, {i}}}, 3)); }}\n"
            );
            fs::write(self.dir.join(format!("f{i}.c")), text)?;
        }
        fs::write(self.dir.join("loop.c"), LOOP)?;
        let define = format!("-DCALLS={CALLS}");
        let status = self
            .command("gcc", &["-O1", &define, "-o", "loop", "loop.c"])
            .status()
            .context("cannot start gcc")?;
        ensure!(status.success(), "gcc failed: {status}");
        Ok(())
    }

    /// The directory.
    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Seconds that gcc over all files takes.
    pub(super) fn compile(&self, way: Way) -> anyhow::Result<f64> {
        let mut command =
            self.run(way, "gcc", &["sh", "-c", "for f in f*.c; do gcc -O1 -c \"$f\" || exit; done"]);
        time(&mut command)
    }

    /// Seconds per call of the loop, by its own clock.
    pub(super) fn call(&self, way: Way) -> anyhow::Result<f64> {
        let out = self.run(way, "loop", &["./loop"]).stdout(Stdio::piped()).output()?;
        ensure!(out.status.success(), "{way:?}: the loop failed: {}", out.status);
        let text = String::from_utf8(out.stdout)?;
        let nanoseconds: f64 =
            text.trim().parse().with_context(|| format!("the loop said `{}`", text.trim()))?;
        Ok(nanoseconds / 1e9 / f64::from(CALLS))
    }

    /// Seconds of `times` runs of a program one after the other.
    pub(super) fn start(program: &Path, args: &[&str], times: u32) -> anyhow::Result<f64> {
        let started = Instant::now();
        for _ in 0..times {
            let status =
                Command::new(program).args(args).stdin(Stdio::null()).stdout(Stdio::null()).status()?;
            ensure!(status.success(), "{} failed: {status}", program.display());
        }
        Ok(started.elapsed().as_secs_f64() / f64::from(times))
    }

    /// A command in one of the ways; `name` keeps the traces of different commands apart.
    fn run(&self, way: Way, name: &str, args: &[&str]) -> Command {
        let (known, trace) = (format!("{name}.known"), format!("{name}.trace"));
        let record = ["--quiet", "record", "--force", "-o"];
        let mut all: Vec<&str> = match way {
            Way::Bare => Vec::new(),
            Way::Strace => vec!["-f", "-o", "/dev/null"],
            // What a cold run learned is what a trimmed one knows.
            Way::Cold => [&record[..], &[&known, "--"]].concat(),
            Way::Traced => [&record[..], &[&trace, "--backend", "trace", "--"]].concat(),
            Way::Trimmed => [&record[..], &[&trace, "--known", &known, "--"]].concat(),
        };
        all.extend(args);
        match way {
            Way::Bare => self.command(all[0], &all[1..]),
            Way::Strace => self.command("strace", &all),
            Way::Cold | Way::Trimmed | Way::Traced => self.command(&self.callgate, &all),
        }
    }

    /// A command in the directory of all this.
    pub(super) fn command(&self, program: impl AsRef<std::ffi::OsStr>, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.dir.path()).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }
}

/// Seconds a command takes, which must succeed.
pub(super) fn time(command: &mut Command) -> anyhow::Result<f64> {
    let started = Instant::now();
    let status =
        command.status().with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let took = started.elapsed().as_secs_f64();
    ensure!(status.success(), "{} failed: {status}", command.get_program().display());
    Ok(took)
}

/// Builds an example of a crate as callgate is released.
pub(super) fn example(root: &Path, package: &str, example: &str) -> anyhow::Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    let words = ["build", "--profile", "release", "--package", package, "--example", example, "--locked"];
    let status = cargo.args(words).current_dir(root).status().context("cannot start cargo")?;
    ensure!(status.success(), "cargo build failed: {status}");
    Ok(Metadata::read(root)?.target_directory.join("release/examples").join(example))
}

/// Builds the released form of callgate; returns where it lies.
pub(super) fn build(root: &Path) -> anyhow::Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--profile", "release", "--package", "callgate", "--locked"]).current_dir(root);
    let status = cargo.status().context("cannot start cargo")?;
    ensure!(status.success(), "cargo build failed: {status}");
    Ok(Metadata::read(root)?.target_directory.join("release/callgate"))
}
