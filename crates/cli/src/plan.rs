//! How a workload is driven: everything about it that can be checked before it runs.

use std::collections::BTreeSet;
use std::process::{Command as Shell, Stdio};
use std::time::Duration;

use callgate_core::suggest;
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
    /// Stop it when nothing was new for half of the time, and for so long at least.
    pub(crate) quiet: Option<Duration>,
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
    /// What runs already, by its name.
    pub(crate) fn attached(name: &str, drive: &Drive) -> Result<Self, Failure> {
        let command = called(name);
        let limit = parse::purposes(&drive.purposes)?.limit;
        Ok(Self { limit, attached: true, ..Self::plain(command) })
    }

    /// A command that is run to its end, and nothing else.
    pub(crate) fn plain(command: Command) -> Self {
        Self {
            command,
            ready: None,
            exercise: None,
            limit: None,
            quiet: None,
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
        for (flag, script) in [("--exercise", &drive.exercise), ("--before", &drive.before)] {
            if script.as_ref().is_some_and(|s| s.trim().is_empty()) {
                return Err(
                    Failure::new(format!("{flag} needs a command for /bin/sh")).hint("or leave it out")
                );
            }
        }
        if drive.nnp.is_some() && container.is_none() && parse::purposes(&drive.purposes)?.runtimes.is_none()
        {
            return Err(Failure::new("--nnp says how a container runs, and there is none").hint(
                "give --rootfs, --bundle or --image, or the runtimes that are to start it: --for runc,crun",
            ));
        }
        if drive.allow_privilege_escalation && !rustix::process::geteuid().is_root() {
            return Err(Failure::new(
                "--allow-privilege-escalation needs root: without no_new_privs a filter may be loaded by CAP_SYS_ADMIN only",
            ));
        }
        Ok(Self {
            ready: drive.ready.as_deref().map(Probe::parse).transpose()?,
            exercise: drive.exercise.clone(),
            limit: parse::purposes(&drive.purposes)?.limit,
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
            Ok(status) => Err(Failure::new(format!("--before `{before}` failed: {status}"))
                .hint("/bin/sh runs it before every run, the first one too; `… || true` where it may fail")),
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
        let (exit, hint) = match &error {
            CommandError::NotFound(name) => (Exit::NotFound, near(name)),
            CommandError::NotExecutable { name, reason } => (Exit::NotExecutable, executable(name, reason)),
        };
        Failure { hint, ..Failure::new(error.to_string()).exit(exit) }
    })
}

/// What may have been meant by a command that is not there.
fn near(name: &str) -> Option<String> {
    if name.contains(' ') {
        let quoted = crate::summary::command_line(&[name.into()]);
        return Some(format!("give its words one by one: -- {name}; or a shell: -- sh -c {quoted}"));
    }
    if name.contains('/') {
        return None;
    }
    let dirs = std::env::var_os("PATH").unwrap_or_default();
    let names: BTreeSet<String> = std::env::split_paths(&dirs)
        .filter_map(|dir| std::fs::read_dir(dir).ok())
        .flat_map(|entries| entries.flatten().filter_map(|e| e.file_name().into_string().ok()))
        .collect();
    let near = suggest::nearest(name, names.iter().map(String::as_str));
    Some(near.map_or_else(
        || "it is in no directory of PATH; ./NAME runs a file here".to_owned(),
        |near| format!("did you mean `{near}`?"),
    ))
}

/// How to go on with what is there and cannot be executed.
fn executable(name: &str, reason: &str) -> Option<String> {
    let file = crate::summary::command_line(&[name.into()]);
    (reason == "no execute permission")
        .then(|| format!("chmod +x {file}, or name its interpreter: -- sh {file}"))
}

/// A shell that runs this, as a shell of the user's own would.
pub(crate) fn shell(command: &str) -> Shell {
    let mut shell = Shell::new("/bin/sh");
    callgate_linux::undisturbed(shell.args(["-c", command]).stdin(Stdio::null()));
    shell
}
