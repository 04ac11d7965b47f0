//! One run of a program, to its end or to its deadline.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::{Lab, NOBODY, PATIENCE};

/// A program to be run.
pub(crate) struct Call<'l> {
    lab: &'l Lab,
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    input: Option<Vec<u8>>,
    stdin: Option<File>,
}

impl<'l> Call<'l> {
    pub(super) fn new(lab: &'l Lab, program: &OsStr) -> Self {
        Self { lab, program: program.to_owned(), args: Vec::new(), env: Vec::new(), input: None, stdin: None }
    }

    /// Adds one argument as it is.
    pub(crate) fn arg(&mut self, arg: impl AsRef<OsStr>) -> &mut Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments as they are.
    pub(crate) fn args<A: AsRef<OsStr>>(&mut self, args: impl IntoIterator<Item = A>) -> &mut Self {
        self.args.extend(args.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// Adds `-- COMMAND…`.
    pub(crate) fn command(&mut self, command: &[&str]) -> &mut Self {
        self.arg("--").args(command)
    }

    /// Adds `-- sh -c SCRIPT`.
    pub(crate) fn script(&mut self, script: &str) -> &mut Self {
        self.command(&["sh", "-c", script])
    }

    /// Sets a variable of the environment.
    pub(crate) fn env(&mut self, name: &str, value: impl AsRef<OsStr>) -> &mut Self {
        self.env.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Gives standard input through a pipe.
    pub(crate) fn input(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.input = Some(bytes.as_ref().to_owned());
        self
    }

    /// Gives a file as standard input.
    pub(crate) fn stdin(&mut self, file: File) -> &mut Self {
        self.stdin = Some(file);
        self
    }

    /// Starts it.
    pub(crate) fn start(&self) -> Running {
        let number = self.lab.next_output();
        let outputs = ["out", "err"].map(|kind| self.lab.base.join(format!("{number}.{kind}")));
        let mut command = self.as_user();
        command.current_dir(&self.lab.dir).env("COLUMNS", "100").env("LC_ALL", "C.UTF-8");
        command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").env_remove("SUDO_UID");
        command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        // Programs that start a shell ask this first; an account such as nobody has none that works.
        command.env("SHELL", "/bin/sh").env("HOME", &self.lab.dir).envs(self.env.iter().cloned());
        command.stdout(File::create(&outputs[0]).unwrap()).stderr(File::create(&outputs[1]).unwrap());
        command.stdin(match (&self.input, &self.stdin) {
            (Some(_), _) => Stdio::piped(),
            (None, Some(file)) => file.try_clone().unwrap().into(),
            (None, None) => Stdio::null(),
        });
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{}: {e}", self.program.display()));
        if let (Some(bytes), Some(mut pipe)) = (&self.input, child.stdin.take()) {
            // A program that does not read its input closes it.
            let _ = pipe.write_all(bytes);
        }
        Running { child, outputs, told: format!("{} {:?}", self.program.display(), self.args) }
    }

    fn as_user(&self) -> Command {
        if !self.lab.nobody {
            let mut command = Command::new(&self.program);
            command.args(&self.args);
            return command;
        }
        let mut command = Command::new("setpriv");
        let user = NOBODY.to_string();
        command.args(["--reuid", &user, "--regid", &user, "--clear-groups"]);
        command.arg(&self.program).args(&self.args);
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self) -> Ended {
        self.start().end()
    }

    /// Runs it to its end, which has to be this status.
    pub(crate) fn expect(&self, code: i32) -> Ended {
        self.run().expect(code)
    }
}

/// A program that runs.
pub(crate) struct Running {
    child: Child,
    outputs: [PathBuf; 2],
    told: String,
}

impl Running {
    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status();
        assert!(sent.is_ok_and(|s| s.success()), "cannot send {name} to {}", self.told);
    }

    /// What it has written to stdout so far.
    pub(crate) fn stdout(&self) -> String {
        text(&self.outputs[0])
    }

    /// What it has written to stderr so far.
    pub(crate) fn stderr(&self) -> String {
        text(&self.outputs[1])
    }

    /// Waits until it has written this to stdout.
    pub(crate) fn says(&self, words: &str) {
        super::until(&format!("{} says `{words}`", self.told), || self.stdout().contains(words));
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
                None => {
                    self.give_up();
                    panic!("{} has not ended\n{}\n{}", self.told, self.stdout(), self.stderr());
                }
            }
        };
        let (stdout, stderr) = (self.stdout(), self.stderr());
        Ended { status, stdout, stderr, told: self.told }
    }
}

/// Ends what hangs: the second signal makes callgate kill what it started, which would hold the next tests up.
impl Running {
    fn give_up(&mut self) {
        for signal in ["TERM", "TERM"] {
            self.signal(signal);
            std::thread::sleep(Duration::from_millis(500));
        }
        // It may be gone by now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(path: &PathBuf) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

/// What came of a run.
pub(crate) struct Ended {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// What it wrote to stdout.
    pub(crate) stdout: String,
    /// What it wrote to stderr.
    pub(crate) stderr: String,
    told: String,
}

impl Ended {
    /// It has to have ended with this status; 128+n for a signal.
    pub(crate) fn expect(self, code: i32) -> Self {
        let found = self.code();
        assert_eq!(found, code, "{}\nstdout: {}\nstderr: {}", self.told, self.stdout, self.stderr);
        self
    }

    /// The exit status as a shell has it.
    pub(crate) fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| 128 + self.status.signal().unwrap_or(0))
    }

    /// It has to have said this on stderr; line breaks count as blanks.
    pub(crate) fn says(self, words: &str) -> Self {
        let flat = self.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(words), "`{words}` is not in:\n{}\n({})", self.stderr, self.told);
        self
    }

    /// It must not have said this on stderr.
    pub(crate) fn never_says(self, words: &str) -> Self {
        assert!(!self.stderr.contains(words), "`{words}` is in:\n{}\n({})", self.stderr, self.told);
        self
    }

    /// What stands on stdout has to be this.
    pub(crate) fn prints(self, text: &str) -> Self {
        assert_eq!(self.stdout, text, "{}\nstderr: {}", self.told, self.stderr);
        self
    }

    /// It must have said this on stdout, wherever lines are broken.
    pub(crate) fn shows(self, words: &str) -> Self {
        let flat = self.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(words), "`{words}` is not in:\n{}\n({})", self.stdout, self.told);
        self
    }

    /// stdout as a JSON document.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}", self.stdout))
    }
}
