//! A container of Debian's runc or crun, with everything it leaves behind taken away: for measuring and for asking.
//!
//! State, rootfs and log lie in one directory. crun refuses a host with both kinds of cgroups, so each of its commands
//! gets a mount namespace in which only the second kind is mounted; runc takes hosts as they are.

use std::fs::{self, File};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// runc 1.1 waits for ever for a container process that a filter stopped; no command may take longer.
const DEADLINE: Duration = Duration::from_secs(10);
/// How often an ended command is looked for.
const PAUSE: Duration = Duration::from_millis(5);
/// Who is not root, in the container.
const USER: u32 = 1000;
/// What a container may do; enough to become somebody else.
const CAPS: [&str; 6] =
    ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_KILL", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID"];
/// Runs the rest of the line where only the second kind of cgroups is mounted.
const SECOND_KIND: &str = "mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec \"$@\"";

/// A runtime of Debian's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// The reference, in Go.
    Runc,
    /// The other one, in C.
    Crun,
}

impl Engine {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Runc, Self::Crun];

    /// Its name, and its program's.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Runc => "runc",
            Self::Crun => "crun",
        }
    }

    /// The version that is installed: `1.1.5+ds1`.
    pub(crate) fn version(self) -> Result<String, String> {
        let out = Command::new(self.name()).arg("--version").output();
        let out = out.map_err(|e| format!("cannot start {}: {e}", self.name()))?;
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let version = text.lines().next().and_then(|l| l.split_whitespace().last());
        version.map(str::to_owned).ok_or_else(|| format!("{} does not say its version", self.name()))
    }
}

/// Whose process it is, and what is its standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Root, by pipes.
    Root,
    /// Somebody with a second group, by pipes.
    User,
    /// Root, on a terminal of the container's own.
    Terminal,
}

impl Who {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Root, Self::User, Self::Terminal];
}

/// What a container is to be like.
pub(crate) struct Setup {
    /// Whether no_new_privs is set.
    pub(crate) no_new_privs: bool,
    /// Whose process.
    pub(crate) who: Who,
    /// The seccomp profile, JSON.
    pub(crate) profile: String,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The program ran and said so.
    Well,
    /// It did not; what was said.
    Badly(String),
    /// Nothing happened until the deadline.
    Hung,
}

/// A container; nothing of it is left when this is dropped.
pub(crate) struct Container {
    engine: Engine,
    who: Who,
    id: String,
    dir: PathBuf,
}

impl Container {
    /// Prepares the bundle; `dir` has to be there and may be used again.
    pub(crate) fn new(engine: Engine, dir: &Path, setup: &Setup) -> Result<Self, String> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let id = format!("callgate-floor-{}-{number}", std::process::id());
        let container = Self { engine, who: setup.who, id, dir: dir.to_owned() };
        for part in ["bundle/rootfs/bin", "bundle/rootfs/proc", "bundle/rootfs/dev", "state"] {
            fs::create_dir_all(dir.join(part)).map_err(cannot("make the bundle"))?;
        }
        let busybox = dir.join("bundle/rootfs/bin/busybox");
        if !busybox.exists() {
            // Copied by another process: a descriptor that a fork of ours inherits would make it "text file busy".
            let copied = Command::new("cp").arg("/bin/busybox").arg(&busybox).status();
            copied.map_err(cannot("copy busybox")).and_then(|s| ok(s, "cp /bin/busybox"))?;
        }
        let profile: Value =
            serde_json::from_str(&setup.profile).map_err(|e| format!("the profile is no JSON: {e}"))?;
        let text = config(&container.id, setup, &profile).to_string();
        fs::write(dir.join("bundle/config.json"), text).map_err(cannot("write config.json"))?;
        Ok(container)
    }

    /// Runs it to its end: a runtime that could not start the program has another status than `true`.
    pub(crate) fn run(&self, strace: Option<&Path>) -> Result<Ended, String> {
        let bundle = self.dir.join("bundle");
        let ended = self.command(&["run", "--bundle", &bundle.to_string_lossy(), &self.id], strace);
        self.delete();
        ended
    }

    /// Creates it, and starts it by a second command, as engines above the runtime do.
    pub(crate) fn create_and_start(&self, strace: Option<&Path>) -> Result<Ended, String> {
        self.stay()?;
        let bundle = self.dir.join("bundle");
        let words = ["create", "--bundle", &bundle.to_string_lossy(), &self.id];
        let mut command = self.engine(&words, strace);
        let said = self.said()?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said).process_group(0);
        let mut creating = spawn(&mut command)?;
        let deadline = Instant::now() + DEADLINE;
        // Below strace, `create` does not end before the container does.
        let created = loop {
            if let Some(pid) = self.created()? {
                break Some(pid);
            }
            let ended = creating.try_wait().map_err(|e| e.to_string())?;
            if ended.is_some_and(|s| !s.success()) || Instant::now() > deadline {
                break None;
            }
            thread::sleep(PAUSE);
        };
        let ended = created.map_or_else(|| Ok(Ended::Badly(self.told())), |pid| self.start_created(pid));
        self.delete();
        wait(&mut creating)?;
        ended
    }

    /// The process of a container that waits for its start.
    fn created(&self) -> Result<Option<u64>, String> {
        let state = self.engine(&["state", &self.id], None).output().map_err(|e| e.to_string())?;
        let Ok(state) = serde_json::from_slice::<Value>(&state.stdout) else { return Ok(None) };
        Ok(state["pid"].as_u64().filter(|_| state["status"] == "created"))
    }

    /// Starts what was created; it runs once its executable is the program's.
    fn start_created(&self, pid: u64) -> Result<Ended, String> {
        let exe = Path::new("/proc").join(pid.to_string()).join("exe");
        if let (status, said) = self.ends(&mut self.engine(&["start", &self.id], None))?
            && !status.is_some_and(|s| s.success())
        {
            return Ok(status.map_or(Ended::Hung, |_| Ended::Badly(said)));
        }
        let deadline = Instant::now() + DEADLINE;
        while Instant::now() < deadline {
            match fs::read_link(&exe) {
                Ok(path) if path.ends_with("busybox") => return Ok(Ended::Well),
                Ok(_) => thread::sleep(PAUSE),
                Err(_) => return Ok(Ended::Badly("it is gone".to_owned())),
            }
        }
        Ok(Ended::Hung)
    }

    /// Starts it in the background, with a program that stays.
    pub(crate) fn start(&self) -> Result<(), String> {
        self.stay()?;
        let bundle = self.dir.join("bundle");
        let words = ["run", "--detach", "--bundle", &bundle.to_string_lossy(), &self.id];
        match self.ends(&mut self.engine(&words, None))? {
            (Some(status), _) if status.success() => Ok(()),
            (status, said) => Err(format!("{} does not start: {status:?} {said}", self.engine.name())),
        }
    }

    /// Writes the configuration anew, for a program that stays and has no terminal.
    fn stay(&self) -> Result<(), String> {
        let path = self.dir.join("bundle/config.json");
        let mut config = self.config()?;
        config["process"]["args"] = json!(["/bin/busybox", "sleep", "600"]);
        config["process"]["terminal"] = json!(false);
        fs::write(&path, config.to_string()).map_err(cannot("write config.json"))
    }

    fn config(&self) -> Result<Value, String> {
        let text =
            fs::read_to_string(self.dir.join("bundle/config.json")).map_err(cannot("read config.json"))?;
        serde_json::from_str(&text).map_err(|e| e.to_string())
    }

    /// Runs one more process in it.
    pub(crate) fn exec(&self, strace: Option<&Path>) -> Result<Ended, String> {
        let process = self.dir.join("process.json");
        let mut config = self.config()?;
        config["process"]["args"] = json!(["/bin/busybox", "true"]);
        config["process"]["terminal"] = json!(self.who == Who::Terminal);
        fs::write(&process, config["process"].to_string()).map_err(cannot("write process.json"))?;
        self.command(&["exec", "--process", &process.to_string_lossy(), &self.id], strace)
    }

    fn command(&self, words: &[&str], strace: Option<&Path>) -> Result<Ended, String> {
        let mut command = self.engine(words, strace);
        if self.who == Who::Terminal {
            command = on_a_terminal(&command);
        }
        let (status, said) = self.ends(&mut command)?;
        Ok(match status {
            None => Ended::Hung,
            Some(status) if status.success() => Ended::Well,
            Some(status) => {
                let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
                Ended::Badly(format!("{code}: {said}"))
            }
        })
    }

    /// The runtime with these words, below strace and in a mount namespace where that is needed.
    fn engine(&self, words: &[&str], strace: Option<&Path>) -> Command {
        let state = self.dir.join("state");
        let mut line: Vec<String> = Vec::new();
        if self.engine == Engine::Crun {
            line.extend(["unshare", "--mount", "sh", "-c", SECOND_KIND, "sh"].map(str::to_owned));
        }
        if let Some(log) = strace {
            let log = log.display().to_string();
            line.extend(["strace", "-f", "-o", &log].map(str::to_owned));
        }
        line.extend([self.engine.name(), "--root", &state.to_string_lossy()].map(str::to_owned));
        line.extend(words.iter().map(|w| (*w).to_owned()));
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]);
        command
    }

    /// Runs a command to its end or its deadline; its status, and all it said.
    fn ends(&self, command: &mut Command) -> Result<(Option<ExitStatus>, String), String> {
        let out = self.said()?;
        let err = out.try_clone().map_err(cannot("keep what is said"))?;
        // A group of its own: what hangs is ended as a whole.
        command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0);
        let status = wait(&mut spawn(command)?)?;
        Ok((status, self.told()))
    }

    /// Where commands say what they have to say; emptied, and appended to by whoever holds it.
    fn said(&self) -> Result<File, String> {
        let path = self.dir.join("said");
        let _ = fs::remove_file(&path);
        File::options().append(true).create(true).open(path).map_err(cannot("keep what is said"))
    }

    fn told(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.dir.join("said")).unwrap_or_default()).trim().to_owned()
    }

    /// Ends and forgets the container; it may be gone already.
    fn delete(&self) {
        let mut command = self.engine(&["delete", "--force", &self.id], None);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let deleted = spawn(&mut command).and_then(|mut child| wait(&mut child));
        // Without a container there is nothing to delete, and the deadline has its say elsewhere.
        drop(deleted);
        // The kernel gives a cgroup free only some time after its last process.
        let deadline = Instant::now() + DEADLINE;
        while cgroups(&self.id).iter().any(|group| fs::remove_dir(group).is_err())
            && Instant::now() < deadline
        {
            thread::sleep(PAUSE);
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.delete();
    }
}

fn config(id: &str, setup: &Setup, profile: &Value) -> Value {
    let user = if setup.who == Who::User {
        json!({"uid": USER, "gid": USER, "additionalGids": [USER + 1]})
    } else {
        json!({"uid": 0, "gid": 0})
    };
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": setup.who == Who::Terminal,
            "user": user,
            "args": ["/bin/busybox", "true"],
            "env": ["PATH=/bin"],
            "cwd": "/",
            "noNewPrivileges": setup.no_new_privs,
            "capabilities": {"bounding": CAPS, "effective": CAPS, "permitted": CAPS},
        },
        "root": {"path": "rootfs", "readonly": true},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance", "ptmxmode=0666"]},
        ],
        "linux": {
            "cgroupsPath": format!("/{id}"),
            "namespaces": [{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}],
            "seccomp": profile,
        },
    })
}

/// The same command with a pseudo-terminal for its standard streams (script(1)).
fn on_a_terminal(command: &Command) -> Command {
    let quoted = |word: &std::ffi::OsStr| format!("'{}'", word.to_string_lossy().replace('\'', "'\\''"));
    let line: Vec<String> =
        std::iter::once(command.get_program()).chain(command.get_args()).map(quoted).collect();
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line.join(" "), "/dev/null"]);
    script
}

/// An error that says what could not be done.
fn cannot(what: &'static str) -> impl Fn(std::io::Error) -> String {
    move |error| format!("cannot {what}: {error}")
}

fn ok(status: ExitStatus, what: &str) -> Result<(), String> {
    if status.success() { Ok(()) } else { Err(format!("{what}: {status}")) }
}

fn spawn(command: &mut Command) -> Result<Child, String> {
    command.spawn().map_err(|e| format!("cannot start {}: {e}", command.get_program().display()))
}

/// Waits for the end, or ends the whole group at the deadline.
fn wait(child: &mut Child) -> Result<Option<ExitStatus>, String> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        match child.try_wait().map_err(|e| e.to_string())? {
            Some(status) => return Ok(Some(status)),
            None if Instant::now() < deadline => thread::sleep(PAUSE),
            None => break,
        }
    }
    let group = format!("-{}", child.id());
    // Whoever left the group, as the container's init does, is ended by `delete`.
    let _ = Command::new("kill").args(["-s", "KILL", "--", &group]).status();
    child.wait().map_err(|e| e.to_string())?;
    Ok(None)
}

/// The container's cgroups in every hierarchy, innermost first.
fn cgroups(id: &str) -> Vec<PathBuf> {
    let trees = fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten().map(|e| e.path());
    let mut found = Vec::new();
    for group in trees.map(|tree| tree.join(id)).chain([Path::new("/sys/fs/cgroup").join(id)]) {
        let inner = fs::read_dir(&group).into_iter().flatten().flatten().map(|e| e.path());
        found.extend(inner.filter(|p| p.is_dir()));
        found.extend(Some(group).filter(|g| g.is_dir()));
    }
    found
}
