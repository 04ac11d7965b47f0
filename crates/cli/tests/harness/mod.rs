//! A place to run callgate in: a fresh directory, a user, deadlines, and everything that came out.

mod call;
mod profile;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub(crate) use call::{Call, Ended, Running};
pub(crate) use profile::{hold_five_times, learn_and_hold, without_rule};

/// The user without any privilege.
pub(crate) const NOBODY: u32 = 65534;
/// Nothing a test waits for takes longer, even beside many others on two cores.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// A directory of its own for one test, removed at its end.
pub(crate) struct Lab {
    base: PathBuf,
    /// Where everything runs.
    pub(crate) dir: PathBuf,
    callgate: PathBuf,
    nobody: bool,
    outputs: AtomicU32,
}

impl Lab {
    /// As whoever runs the tests.
    pub(crate) fn new() -> Self {
        Self::with(false)
    }

    /// Without privilege: as uid 65534 where root runs the tests. `None`, and said why, where the kernel cannot do it.
    pub(crate) fn nobody() -> Option<Self> {
        if listens() {
            return Some(Self::with(is_root()));
        }
        skip("t1", "this kernel hands out no seccomp listener");
        None
    }

    /// As [`Self::nobody`], with programs of other people.
    pub(crate) fn nobody_with(rung: &str, tools: &[&str]) -> Option<Self> {
        Self::nobody().filter(|_| needs(rung, tools))
    }

    /// As root, with these programs of other people. `None`, and said why, where something is missing.
    pub(crate) fn root(tools: &[&str]) -> Option<Self> {
        if !is_root() || !listens() {
            skip("t2", if is_root() { "this kernel hands out no seccomp listener" } else { "not root" });
            return None;
        }
        needs("t2", tools).then(|| Self::with(false))
    }

    fn with(nobody: bool) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let base = std::env::temp_dir().join(format!("callgate-lab-{}-{number}", std::process::id()));
        let dir = base.join("work");
        // Left by a run that was killed and had our process id.
        let _ = fs::remove_dir_all(&base);
        fs::create_dir_all(&dir).unwrap();
        fs::set_permissions(&base, fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o777)).unwrap();
        // Where this machine cannot execute what was built, the ladder has a script that has it emulated.
        let built =
            std::env::var_os("CALLGATE_COMMAND").unwrap_or_else(|| env!("CARGO_BIN_EXE_callgate").into());
        let built = PathBuf::from(built);
        let callgate = if nobody { within_reach(&built, &base.join("callgate")) } else { built };
        Self { base, dir, callgate, nobody, outputs: AtomicU32::new(0) }
    }

    /// A path in the directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Writes a file everybody may read.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// Reads a file.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("cannot read {name}: {e}"))
    }

    /// Reads a JSON file.
    pub(crate) fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }

    /// Whether a file is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.path(name).symlink_metadata().is_ok()
    }

    /// Everything in the directory, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.dir).unwrap();
        let mut names: Vec<_> =
            entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// callgate, to be run with these arguments, split at blanks.
    pub(crate) fn callgate(&self, words: &str) -> Call<'_> {
        let mut call = Call::new(self, self.callgate.as_os_str());
        call.args(words.split_whitespace());
        call
    }

    /// Where callgate is.
    pub(crate) fn callgate_path(&self) -> &Path {
        &self.callgate
    }

    /// Another program, as the same user.
    pub(crate) fn program(&self, name: &str) -> Call<'_> {
        Call::new(self, name.as_ref())
    }

    /// `sh -c SCRIPT`, as the same user, with callgate as `$CALLGATE`.
    pub(crate) fn sh(&self, script: &str) -> Call<'_> {
        let mut call = self.program("sh");
        call.args(["-c", script]).env("CALLGATE", &self.callgate);
        call
    }

    /// Compiles a program in C from its source.
    pub(crate) fn compile(&self, name: &str, source: &str) {
        let file = self.write(&format!("{name}.c"), source);
        let done = Command::new("gcc")
            .args(["-O1", "-pthread", "-o"])
            .arg(self.path(name))
            .arg(file)
            .output()
            .expect("gcc starts");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    fn next_output(&self) -> u32 {
        self.outputs.fetch_add(1, Ordering::Relaxed)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // A directory that stays behind is a nuisance, not a wrong result.
        let _ = fs::remove_dir_all(&self.base);
    }
}

/// The built command where anybody may execute it.
///
/// A link, or a copy made by another process: were it written here, a test that forks meanwhile would inherit the
/// descriptor, and executing the copy would fail with "text file busy".
fn within_reach(built: &Path, link: &Path) -> PathBuf {
    if fs::hard_link(built, link).is_err() {
        let copied = Command::new("cp").arg(built).arg(link).status();
        assert!(copied.is_ok_and(|s| s.success()), "cannot copy callgate to {}", link.display());
    }
    link.to_owned()
}

/// Whether root runs the tests.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0)
}

fn listens() -> bool {
    let actions = fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail").unwrap_or_default();
    actions.split_whitespace().any(|action| action == "user_notif")
}

/// Whether all these programs are here; otherwise says which is not.
pub(crate) fn needs(rung: &str, tools: &[&str]) -> bool {
    let missing = tools.iter().find(|tool| find(tool).is_none());
    if let Some(tool) = missing {
        skip(rung, &format!("{tool} is not installed"));
    }
    missing.is_none()
}

/// Where a program lies. The system's own directories come first: others may be closed to everybody but root.
pub(crate) fn find(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    system.into_iter().chain(std::env::split_paths(&path)).map(|d| d.join(tool)).find(|f| f.is_file())
}

/// Says why a test does not run; fails where it has to.
pub(crate) fn skip(rung: &str, why: &str) {
    let required = std::env::var("CALLGATE_REQUIRE").unwrap_or_default();
    assert!(!required.split(',').any(|r| r.trim() == rung), "{rung} is required, but {why}");
    println!("skipped: {why}");
}

/// Whether the stated big numbers are wanted.
pub(crate) fn full() -> bool {
    std::env::var_os("CALLGATE_FULL").is_some_and(|v| v == "1")
}

/// Waits for a condition.
pub(crate) fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within {} s", PATIENCE.as_secs());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A TCP port nobody uses now. It was given out by the kernel, which does not give it out again soon.
pub(crate) fn free_port() -> u16 {
    static LAST: OnceLock<std::sync::Mutex<Vec<u16>>> = OnceLock::new();
    let mut given = LAST.get_or_init(Default::default).lock().unwrap();
    loop {
        let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        if !given.contains(&port) {
            given.push(port);
            return port;
        }
    }
}
