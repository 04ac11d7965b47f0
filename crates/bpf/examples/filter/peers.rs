//! Programs in C beside this one: libseccomp, and whoever installs a filter.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use callgate_bpf::Program;
use callgate_core::profile::Profile;
use callgate_core::set::Op;

use crate::Result;

/// libseccomp with one profile's rules, as a process of its own.
pub(crate) struct Libseccomp {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// Where it writes a program.
    out: PathBuf,
}

impl Libseccomp {
    /// Nothing, where the program is not there.
    pub(crate) fn start(dir: &Path, profile: &Profile) -> Result<Option<Self>> {
        let program = dir.join("libseccomp");
        if !program.exists() {
            return Ok(None);
        }
        let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (mut orders, answers) = (child.stdin.take(), child.stdout.take().ok_or("no answers")?);
        orders.as_mut().ok_or("no orders")?.write_all(rules(profile).as_bytes())?;
        Ok(Some(Self { child, orders, answers: BufReader::new(answers), out: dir.join("libseccomp.bpf") }))
    }

    /// Seconds of building the filter once.
    pub(crate) fn build(&mut self, optimize: u8) -> Result<f64> {
        Ok(self.order(&format!("build {optimize}"))? / 1e9)
    }

    /// The filter.
    pub(crate) fn program(&mut self, optimize: u8) -> Result<Program> {
        self.order(&format!("export {optimize} {}", self.out.display()))?;
        Ok(Program::from_bytes(&fs::read(&self.out)?)?)
    }

    fn order(&mut self, order: &str) -> Result<f64> {
        writeln!(self.orders.as_mut().ok_or("no orders")?, "{order}")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        answer.trim().parse().map_err(|e| format!("libseccomp answers `{answer}` to `{order}`: {e}").into())
    }
}

impl Drop for Libseccomp {
    fn drop(&mut self) {
        // It ends with its orders.
        self.orders = None;
        if let Err(error) = self.child.wait() {
            eprintln!("warning: cannot wait for libseccomp: {error}");
        }
    }
}

/// A profile in the lines that `libseccomp.c` reads. A rule with the default's action says nothing; libseccomp refuses it.
fn rules(profile: &Profile) -> String {
    let default = profile.default.action;
    let mut text = format!("default {:x}\n", default.to_ret());
    for arch in profile.architectures.iter().filter_map(|a| a.arch) {
        text += &format!("arch {arch}\n");
    }
    for rule in profile.rules.iter().filter(|rule| rule.action.action != default) {
        let mut conditions = String::new();
        for condition in &rule.conditions {
            // `enum scmp_compare` counts from 1 in the order of Op::ALL.
            let op = 1 + Op::ALL.iter().position(|(op, _)| *op == condition.op).unwrap_or_default();
            // Writing to a string cannot fail.
            let _ =
                write!(conditions, " {} {op} {} {}", condition.index, condition.value, condition.value_two);
        }
        for name in &rule.names {
            let (ret, count) = (rule.action.action.to_ret(), rule.conditions.len());
            let _ = writeln!(text, "rule {ret:x} {} {count}{conditions}", name.text);
        }
    }
    text + "end\n"
}

/// Seconds of installing each of these programs, per round, in turns; nothing where the program is not there.
pub(crate) fn install(dir: &Path, rounds: usize, programs: &[&Program]) -> Result<Option<Vec<Vec<f64>>>> {
    let installer = dir.join("install");
    if !installer.exists() {
        return Ok(None);
    }
    let mut command = Command::new(installer);
    command.arg(rounds.to_string());
    for (i, program) in programs.iter().enumerate() {
        let path = dir.join(format!("install.{i}.bpf"));
        fs::write(&path, program.to_bytes())?;
        command.arg(path);
    }
    let out = command.stderr(Stdio::inherit()).output()?;
    if !out.status.success() {
        return Err(format!("cannot install: {}", out.status).into());
    }
    let text = String::from_utf8(out.stdout)?;
    let line = |line: &str| line.split(' ').map(|t| Ok(t.parse::<f64>()? / 1e9)).collect::<Result<Vec<_>>>();
    text.lines().map(line).collect::<Result<Vec<_>>>().map(Some)
}
