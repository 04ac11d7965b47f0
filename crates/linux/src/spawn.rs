//! Starting a program under a filter: what happens in which order, stated once.
//!
//! In the child, after the fork: signal mask and SIGPIPE as the caller had them → standard streams → (wait to be
//! traced) → no_new_privs → filter → execve. Credentials stay as they are; a later change of them would stand before
//! no_new_privs. Between filter and execve the child makes no system call: what the filter sees first is the execve.

use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use callgate_bpf::Program;
use callgate_core::Arch;

use crate::error::{Doing, Error, Result};
use crate::filter;
use crate::sys::process::{self, Exec, Fork, SignalMask};
use crate::sys::seccomp::{self, Ready};
use crate::sys::shared::{Shared, Words};

/// A program to run, found and checked.
#[derive(Clone, Debug)]
pub struct Command {
    /// Where it is.
    pub path: PathBuf,
    /// Its arguments, argv\[0\] first.
    pub args: Vec<OsString>,
    /// Variables added to the environment.
    pub env: Vec<(OsString, OsString)>,
}

/// Why a program cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// There is no such file: exit status 127, as env(1).
    #[error("`{0}` not found")]
    NotFound(String),
    /// It is there and cannot be executed: exit status 126, as env(1).
    #[error("`{name}` cannot be executed: {reason}")]
    NotExecutable {
        /// As given.
        name: String,
        /// Why.
        reason: String,
    },
}

impl Command {
    /// Finds a program as execvp(3) would, before anything is loaded, so that execve runs exactly once.
    pub fn find(words: &[OsString]) -> std::result::Result<Self, CommandError> {
        let Some(name) = words.first().filter(|n| !n.is_empty()) else {
            return Err(CommandError::NotFound(String::new()));
        };
        let path = search(name)?;
        Ok(Self { path, args: words.to_vec(), env: Vec::new() })
    }

    /// What the program is called in files and messages: argv\[0\], nothing of its arguments.
    pub fn name(&self) -> String {
        self.args.first().map(|a| a.to_string_lossy().into_owned()).unwrap_or_default()
    }

    fn exec(&self) -> io::Result<Exec> {
        let text = |s: &OsStr| CString::new(s.as_bytes()).map_err(io::Error::other);
        let args = self.args.iter().map(|a| text(a)).collect::<io::Result<_>>()?;
        let own = |name: &OsString| self.env.iter().any(|(n, _)| n == name);
        let inherited = std::env::vars_os().filter(|(name, _)| !own(name));
        let pairs = inherited.chain(self.env.iter().cloned()).map(|(mut name, value)| {
            name.push("=");
            name.push(value);
            CString::new(name.into_vec()).map_err(io::Error::other)
        });
        Ok(Exec::new(text(self.path.as_os_str())?, args, pairs.collect::<io::Result<_>>()?))
    }
}

fn search(name: &OsStr) -> std::result::Result<PathBuf, CommandError> {
    let shown = || name.to_string_lossy().into_owned();
    let path = Path::new(name);
    if name.as_bytes().contains(&b'/') {
        return match executable(path) {
            Ok(()) => Ok(path.to_owned()),
            Err(None) => Err(CommandError::NotFound(shown())),
            Err(Some(reason)) => Err(CommandError::NotExecutable { name: shown(), reason }),
        };
    }
    let mut refused = None;
    let dirs = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    for dir in std::env::split_paths(&dirs) {
        let candidate = if dir.as_os_str().is_empty() { path.to_owned() } else { dir.join(path) };
        match executable(&candidate) {
            Ok(()) => return Ok(candidate),
            Err(reason) => refused = refused.or(reason),
        }
    }
    Err(match refused {
        Some(reason) => CommandError::NotExecutable { name: shown(), reason },
        None => CommandError::NotFound(shown()),
    })
}

/// `Err(None)`: not there. `Err(Some(why))`: there, but not to be executed.
fn executable(path: &Path) -> std::result::Result<(), Option<String>> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(Some("permission denied".to_owned()))
        }
        Err(_) => Err(None),
        Ok(file) if file.is_dir() => Err(Some("is a directory".to_owned())),
        Ok(file) if file.permissions().mode() & 0o111 == 0 => Err(Some("no execute permission".to_owned())),
        Ok(_) => Ok(()),
    }
}

/// What filter the child loads.
#[derive(Clone, Debug)]
pub enum Load {
    /// None, and no_new_privs stays as it is: the program is a container runtime.
    Nothing,
    /// A filter that asks the keeper.
    Listener(Program),
    /// A filter that decides by itself, or asks a tracer.
    Filter {
        /// The program.
        program: Program,
        /// Ask the kernel to log refusals.
        log: bool,
    },
}

/// Where the child's standard streams come from; `None` is inherited.
#[derive(Debug, Default)]
pub struct Streams {
    /// Standard input.
    pub stdin: Option<OwnedFd>,
    /// Standard output.
    pub stdout: Option<OwnedFd>,
    /// Standard error.
    pub stderr: Option<OwnedFd>,
}

/// Which step of the child failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Step {
    Streams = 1,
    NoNewPrivs = 2,
    Filter = 3,
    Exec = 4,
}

/// What the child needs, all made before the fork.
pub(crate) struct Start {
    exec: Exec,
    /// The filter and its flags; `None`: the program is a container runtime, and loads one in the container.
    filter: Option<(Ready, u32)>,
    mask: SignalMask,
    streams: Streams,
    no_new_privs: bool,
    wait_for_tracer: bool,
}

impl Start {
    /// Prepares everything that allocates or can fail for reasons of ours.
    pub(crate) fn new(command: &Command, load: &Load, streams: Streams, mask: SignalMask) -> Result<Self> {
        let exec = command.exec().doing(format!("run `{}`", command.name()))?;
        let (program, flags) = match load {
            Load::Nothing => {
                return Ok(Self {
                    exec,
                    filter: None,
                    mask,
                    streams,
                    no_new_privs: false,
                    wait_for_tracer: false,
                });
            }
            Load::Listener(program) => {
                let killable = seccomp::FLAG_NEW_LISTENER | seccomp::FLAG_WAIT_KILLABLE_RECV;
                let best = seccomp::flags_available(killable);
                (program, if best { killable } else { seccomp::FLAG_NEW_LISTENER })
            }
            Load::Filter { program, log } => (program, if *log { seccomp::FLAG_LOG } else { 0 }),
        };
        let ready = Ready::new(program).doing("prepare the filter")?;
        let flags = flags | seccomp::FLAG_SPEC_ALLOW;
        let filter = Some((ready, flags));
        Ok(Self { exec, filter, mask, streams, no_new_privs: true, wait_for_tracer: false })
    }

    /// Leaves no_new_privs off: needs CAP_SYS_ADMIN.
    pub(crate) fn allow_privilege_escalation(mut self, allow: bool) -> Self {
        self.no_new_privs = !allow && self.filter.is_some();
        self
    }

    /// Makes the child wait for [`Words::go`] before it loads the filter.
    pub(crate) fn wait_for_tracer(mut self, wait: bool) -> Self {
        self.wait_for_tracer = wait;
        self
    }

    /// Starts the child and returns its pid. Child and caller share their descriptors until either ends that.
    pub(crate) fn launch(&self, shared: &Shared) -> Result<i32> {
        match process::fork_sharing_files().doing("start a process")? {
            Fork::Parent(pid) => Ok(pid),
            Fork::Child => {
                self.become_the_program(shared.words());
                process::exit_now(127)
            }
        }
    }

    /// The child. After the filter only memory is touched and execve called.
    fn become_the_program(&self, words: &Words) {
        let fail = |step: Step, errno: i32| {
            words.failed.store(errno, SeqCst);
            words.failed_step.store(step as u32, SeqCst);
        };
        let code = |error: &io::Error| error.raw_os_error().unwrap_or(libc::EINVAL);
        process::restore_dispositions();
        self.mask.restore();
        if let Err(error) = self.connect() {
            return fail(Step::Streams, code(&error));
        }
        while self.wait_for_tracer && words.go.load(SeqCst) == 0 {
            std::thread::yield_now();
        }
        if self.no_new_privs
            && let Err(error) = process::set_no_new_privs()
        {
            return fail(Step::NoNewPrivs, code(&error));
        }
        match self.filter.as_ref().map(|(ready, flags)| ready.load(*flags)) {
            None => {}
            Some(Ok(fd)) => words.listener.store(fd as i32 + 1, SeqCst),
            Some(Err(error)) => return fail(Step::Filter, code(&error)),
        }
        fail(Step::Exec, self.exec.run());
    }

    fn connect(&self) -> io::Result<()> {
        if let Some(fd) = &self.streams.stdin {
            rustix::stdio::dup2_stdin(fd)?;
        }
        if let Some(fd) = &self.streams.stdout {
            rustix::stdio::dup2_stdout(fd)?;
        }
        if let Some(fd) = &self.streams.stderr {
            rustix::stdio::dup2_stderr(fd)?;
        }
        Ok(())
    }
}

/// Whether a filter above this process has a listener: there can be no second one (EBUSY, seccomp(2)).
///
/// Asked by a child that tries, since a filter cannot be taken off again.
pub(crate) fn listener_above() -> Result<bool> {
    let native = Arch::native().ok_or_else(|| io::Error::other("no table for this architecture"));
    let allow = filter::allowing(native.doing("compile a filter")?);
    let program = callgate_bpf::emit(&allow).map_err(io::Error::other).doing("compile a filter")?;
    let ready = Ready::new(&program).doing("prepare a filter")?;
    match process::fork().doing("start a process")? {
        Fork::Parent(pid) => Ok(libc::WEXITSTATUS(process::wait_for(pid)) == 1),
        Fork::Child => {
            let loaded = process::set_no_new_privs().and_then(|()| ready.load(seccomp::FLAG_NEW_LISTENER));
            let busy = loaded.is_err_and(|e| e.raw_os_error() == Some(libc::EBUSY));
            process::exit_now(i32::from(busy))
        }
    }
}

/// Whether the child could not load its filter because another one above it has a listener (EBUSY, seccomp(2)).
pub(crate) fn listener_is_taken(words: &Words) -> bool {
    words.failed_step.load(Relaxed) == Step::Filter as u32 && words.failed.load(Relaxed) == libc::EBUSY
}

/// The failure a child left in shared memory, in words.
pub(crate) fn failure(words: &Words, command: &str) -> Option<Error> {
    let errno = words.failed.load(Relaxed);
    if errno == 0 {
        return None;
    }
    let source = io::Error::from_raw_os_error(errno);
    let error = match words.failed_step.load(Relaxed) {
        s if s == Step::Streams as u32 => Error::new("connect the program's standard streams", source),
        s if s == Step::NoNewPrivs as u32 => Error::new("set no_new_privs", source),
        s if s == Step::Filter as u32 => filter_failure(source),
        _ if errno == libc::ENOEXEC => Error::new(format!("execute `{command}`"), source)
            .hint("a script needs a first line such as #!/bin/sh"),
        _ => Error::new(format!("execute `{command}`"), source),
    };
    Some(error)
}

fn filter_failure(source: io::Error) -> Error {
    let hint = match source.raw_os_error() {
        Some(libc::EBUSY) => {
            "another supervisor already listens to a filter above this process (callgate itself, or a container \
             runtime's seccomp agent); run callgate outside of it"
        }
        Some(libc::EACCES) => {
            "without no_new_privs this needs CAP_SYS_ADMIN; leave --allow-privilege-escalation out"
        }
        Some(libc::EPERM | libc::ENOSYS) => {
            "a filter above this process forbids seccomp(2), as some containers do; run callgate outside of it"
        }
        Some(libc::EINVAL) => {
            "the kernel may be built without CONFIG_SECCOMP_FILTER, or be older than Linux 5.5"
        }
        _ => return Error::new("load the filter", source),
    };
    Error::new("load the filter", source).hint(hint)
}
