//! How a workload is driven: everything about it that can be checked before it runs.

use std::process::{Command as Shell, Stdio};
use std::time::Duration;

use callgate_linux::spawn::{Command, CommandError};

use crate::cli::{BackendChoice, Drive};
use crate::container::{self, Container};
use crate::exit::{Exit, Failure};
use crate::parse;
use crate::ready::Probe;

/// How a workload is driven, checked.
pub(crate) struct Plan {
    pub(crate) command: Command,
    pub(crate) ready: Option<Probe>,
    pub(crate) exercise: Option<String>,
    pub(crate) limit: Option<Duration>,
    pub(crate) before: Option<String>,
    pub(crate) allow_privilege_escalation: bool,
    /// Wait for descendants of a program that ended as long as they run.
    pub(crate) patient: bool,
    /// It ran before we came and runs on when we go.
    pub(crate) attached: bool,
    /// The container it runs in; then `command` only says what it is called.
    pub(crate) container: Option<Container>,
}

impl Plan {
    /// The plan for a process that runs already.
    pub(crate) fn of_process(pid: i32, drive: &Drive) -> Result<Self, Failure> {
        let Some(name) = callgate_linux::proc::command_name(pid) else {
            return Err(Failure::new(format!("there is no process {pid}")).exit(Exit::NotFound));
        };
        let command = called(&name);
        let limit = drive.duration.as_deref().map(parse::duration).transpose()?;
        Ok(Self { limit, attached: true, ..Self::plain(command) })
    }

    /// A command that is run to its end, and nothing else.
    pub(crate) fn plain(command: Command) -> Self {
        Self {
            command,
            ready: None,
            exercise: None,
            limit: None,
            before: None,
            allow_privilege_escalation: false,
            patient: false,
            attached: false,
            container: None,
        }
    }

    /// Checks everything that can be checked before the program runs.
    pub(crate) fn new(drive: &Drive, command: &[std::ffi::OsString]) -> Result<Self, Failure> {
        let container = container::wanted(drive).then(|| Container::new(drive, command)).transpose()?;
        let command = match &container {
            Some(container) => called(container.name()),
            None => find(command)?,
        };
        if container.is_some() && !matches!(drive.backend, BackendChoice::Auto | BackendChoice::Notify) {
            let message = "in a container calls are seen by notification only: its runtime loads the filter";
            return Err(Failure::new(message).hint("leave --backend out"));
        }
        if drive.allow_privilege_escalation && !rustix::process::geteuid().is_root() {
            return Err(Failure::new(
                "--allow-privilege-escalation needs root: without no_new_privs a filter may be loaded by CAP_SYS_ADMIN only",
            ));
        }
        Ok(Self {
            ready: drive.ready.as_deref().map(Probe::parse).transpose()?,
            exercise: drive.exercise.clone(),
            limit: drive.duration.as_deref().map(parse::duration).transpose()?,
            before: drive.before.clone(),
            allow_privilege_escalation: drive.allow_privilege_escalation,
            container,
            ..Self::plain(command)
        })
    }

    /// Whether the run has phases: there is something to be ready for.
    pub(crate) fn phased(&self) -> bool {
        self.ready.is_some() || self.exercise.is_some()
    }

    /// Runs `--before`, outside of any recording.
    pub(crate) fn reset(&self) -> Result<(), Failure> {
        let Some(before) = &self.before else { return Ok(()) };
        let status = shell(before).stdout(Stdio::null()).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Failure::new(format!("--before `{before}` failed: {status}"))),
            Err(error) => Err(Failure::new(format!("--before `{before}` cannot be run: {error}"))),
        }
    }
}

/// A command that somebody else starts: only its name is known here.
fn called(name: &str) -> Command {
    Command { path: name.into(), args: vec![name.into()], env: Vec::new() }
}

/// Finds the command, with env(1)'s exit codes.
pub(crate) fn find(words: &[std::ffi::OsString]) -> Result<Command, Failure> {
    Command::find(words).map_err(|error| {
        let exit = match error {
            CommandError::NotFound(_) => Exit::NotFound,
            CommandError::NotExecutable { .. } => Exit::NotExecutable,
        };
        Failure::new(error.to_string()).exit(exit)
    })
}

pub(crate) fn shell(command: &str) -> Shell {
    let mut shell = Shell::new("/bin/sh");
    shell.args(["-c", command]).stdin(Stdio::null());
    shell
}
