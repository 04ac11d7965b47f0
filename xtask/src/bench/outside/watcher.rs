//! Who looks on from outside while something is measured.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// So long a watcher may take to attach, or to let go.
const PATIENCE: Duration = Duration::from_secs(30);
/// Programs that callgate attaches for a process without a filter, the one at every call last; for a cgroup more.
const LINKS: usize = 3;

/// A kind of watcher.
#[derive(Clone, Copy, Debug)]
pub(super) enum Watch<'w> {
    /// Nobody.
    Nobody,
    /// `callgate record` with these words that name a process or a cgroup.
    Callgate(&'w Path, &'w str),
    /// `bpftrace -e` with this program.
    Bpftrace(&'w str),
    /// `strace -f -o /dev/null -p` of this process.
    Strace(u32),
}

/// A watcher that has attached; it lets go when it is dropped.
pub(super) struct Watcher {
    child: Option<Child>,
    /// callgate's keeper, in which the programs are.
    keeper: Option<u32>,
}

impl Watcher {
    /// Starts one and waits until it is attached.
    pub(super) fn start(watch: Watch<'_>) -> anyhow::Result<Self> {
        match watch {
            Watch::Nobody => Ok(Self { child: None, keeper: None }),
            Watch::Callgate(callgate, scope) => Self::callgate(callgate, scope),
            Watch::Bpftrace(program) => Self::bpftrace(program),
            Watch::Strace(pid) => Self::strace(pid),
        }
    }

    fn callgate(callgate: &Path, scope: &str) -> anyhow::Result<Self> {
        let trace = std::env::temp_dir().join(format!("callgate-bench-{}.trace", std::process::id()));
        let mut command = Command::new(callgate);
        command.args(["--quiet", "record", "--backend", "ebpf", "--force", "-o"]).arg(&trace);
        command.args(scope.split(' '));
        let child = command.stdin(Stdio::null()).spawn().context("cannot start callgate")?;
        let mut watcher = Self { child: Some(child), keeper: None };
        watcher.wait_for("callgate to attach", |w| {
            w.keeper = w.first_child();
            w.keeper.is_some_and(|keeper| links(keeper) >= LINKS)
        })?;
        Ok(watcher)
    }

    fn bpftrace(program: &str) -> anyhow::Result<Self> {
        // BEGIN comes once all others are attached.
        let whole = format!("BEGIN {{ printf(\"attached\\n\") }} {program}");
        let mut command = Command::new("bpftrace");
        command.args(["-e", &whole]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().context("cannot start bpftrace")?;
        let lines = BufReader::new(child.stdout.take().context("bpftrace has no output")?).lines();
        let watcher = Self { child: Some(child), keeper: None };
        for line in lines {
            if line? == "attached" {
                return Ok(watcher);
            }
        }
        bail!("bpftrace ended before it had attached")
    }

    fn strace(pid: u32) -> anyhow::Result<Self> {
        let mut command = Command::new("strace");
        command.args(["-f", "-q", "-o", "/dev/null", "-p", &pid.to_string()]).stdin(Stdio::null());
        let child = command.spawn().context("cannot start strace")?;
        let mut watcher = Self { child: Some(child), keeper: None };
        watcher.wait_for("strace to attach", |_| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            status.lines().any(|l| l.starts_with("TracerPid:") && !l.ends_with("\t0"))
        })?;
        Ok(watcher)
    }

    /// callgate and its keeper.
    pub(super) fn processes(&self) -> Vec<u32> {
        self.child.iter().map(Child::id).chain(self.keeper).collect()
    }

    fn first_child(&self) -> Option<u32> {
        let pid = self.child.as_ref()?.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
        children.split_whitespace().next()?.parse().ok()
    }

    fn wait_for(&mut self, what: &str, condition: impl Fn(&mut Self) -> bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !condition(self) {
            let ended = self.child.as_mut().map(Child::try_wait).transpose()?.flatten();
            if let Some(status) = ended {
                bail!("waiting for {what}: it ended: {status}");
            }
            if Instant::now() > deadline {
                bail!("waiting for {what}: {} s were not enough", PATIENCE.as_secs());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // Whatever state it is in: what it attached goes with it.
            let _ = child.kill();
            let _ = child.wait();
        }
        let deadline = Instant::now() + PATIENCE;
        while self.keeper.is_some_and(|keeper| links(keeper) > 0) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// How many programs a process has attached.
fn links(pid: u32) -> usize {
    let fds = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    fds.filter_map(|fd| fs::read_link(fd.path()).ok())
        .filter(|to| to.to_string_lossy().contains("bpf_link"))
        .count()
}
