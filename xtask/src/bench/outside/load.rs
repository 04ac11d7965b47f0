//! Servers under load, and many containers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::watcher::{Watch, Watcher};
use super::{free_port, quiet, wait_for_port};

/// What a request asks for, in bytes.
const PAGE: usize = 1024;

/// A server that ends with this value.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(mut command: Command, port: u16) -> anyhow::Result<Self> {
        let child =
            command.spawn().with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let server = Self { child, port };
        wait_for_port(port)?;
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

/// nginx with one worker.
pub(super) struct Nginx(Server);

impl Nginx {
    pub(super) fn start(dir: &Path) -> anyhow::Result<Self> {
        let port = free_port()?;
        fs::write(dir.join("index.html"), vec![b'x'; PAGE])?;
        let config = format!(
            "daemon off; user root; worker_processes 1; pid {0}/nginx.pid; error_log {0}/error.log;\n\
             events {{ worker_connections 256; }}\n\
             http {{ access_log off; keepalive_requests 1000000; server {{ listen 127.0.0.1:{port}; root {0}; }} }}\n",
            dir.display()
        );
        fs::write(dir.join("nginx.conf"), config)?;
        let mut command = quiet("nginx", dir);
        command.arg("-c").arg(dir.join("nginx.conf"));
        Ok(Self(Server::start(command, port)?))
    }

    pub(super) fn pid(&self) -> u32 {
        self.0.child.id()
    }

    /// Seconds per request.
    pub(super) fn load(&self) -> anyhow::Result<f64> {
        let url = format!("http://127.0.0.1:{}/index.html", self.0.port);
        let out = Command::new("wrk").args(["-t1", "-c8", "-d2s", &url]).stdin(Stdio::null()).output();
        let out = out.context("cannot start wrk")?;
        ensure!(out.status.success(), "wrk failed: {}", out.status);
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let rate = text.lines().find_map(|l| l.strip_prefix("Requests/sec:")?.trim().parse::<f64>().ok());
        ensure!(!text.contains("Non-2xx"), "nginx refused requests:\n{text}");
        Ok(1.0 / rate.with_context(|| format!("wrk said no rate:\n{text}"))?)
    }
}

/// redis without persistence.
pub(super) struct Redis(Server);

impl Redis {
    pub(super) fn start(dir: &Path) -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut command = quiet("redis-server", dir);
        command.args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        Ok(Self(Server::start(command, port)?))
    }

    pub(super) fn pid(&self) -> u32 {
        self.0.child.id()
    }

    /// Seconds of a hundred thousand requests.
    pub(super) fn load(&self) -> anyhow::Result<f64> {
        let port = self.0.port.to_string();
        let mut command = Command::new("redis-benchmark");
        command.args(["-h", "127.0.0.1", "-p", &port, "-n", "50000", "-c", "8", "-t", "get,set", "-q"]);
        super::super::workload::time(command.stdin(Stdio::null()).stdout(Stdio::null()))
    }
}

/// A cgroup and those in it, gone with this value.
struct Group {
    path: PathBuf,
    members: Vec<Child>,
}

impl Group {
    fn new() -> anyhow::Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        let mount = mounts.lines().find(|l| l.contains(" - cgroup2 ")).and_then(|l| l.split(' ').nth(4));
        let path = Path::new(mount.context("no cgroup2 is mounted")?);
        let path = path.join(format!("callgate-bench-{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self { path, members: Vec::new() })
    }

    /// One more cgroup, and a process that comes into it from outside.
    fn join(&mut self, number: usize) -> anyhow::Result<()> {
        let path = self.path.join(number.to_string());
        fs::create_dir(&path)?;
        let script =
            format!("echo $$ > {}/cgroup.procs; ls -l / | sort > /dev/null; exec sleep 1000", path.display());
        self.members.push(quiet("sh", Path::new("/")).args(["-c", &script]).spawn()?);
        Ok(())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for member in &mut self.members {
            let _ = member.kill();
            let _ = member.wait();
        }
        for number in 0..self.members.len() {
            let _ = fs::remove_dir(self.path.join(number.to_string()));
        }
        let _ = fs::remove_dir(&self.path);
    }
}

/// Megabytes of a recorder of so many cgroups: what its processes hold, and its maps in the kernel.
pub(super) fn memory_of_containers(callgate: &Path, count: usize) -> anyhow::Result<f64> {
    let mut group = Group::new()?;
    let scope = format!("--cgroup {}", group.path.display());
    let watcher = Watcher::start(Watch::Callgate(callgate, &scope))?;
    for number in 0..count {
        group.join(number)?;
    }
    let sleeps = |child: &Child| {
        fs::read_to_string(format!("/proc/{}/comm", child.id())).is_ok_and(|comm| comm == "sleep\n")
    };
    let deadline = Instant::now() + Duration::from_mins(1);
    while !group.members.iter().all(sleeps) {
        ensure!(Instant::now() < deadline, "the containers do not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut bytes = 0;
    for pid in watcher.processes() {
        bytes += resident(pid)? + in_kernel(pid)?;
    }
    Ok(bytes as f64 / 1e6)
}

/// Bytes that a process holds.
fn resident(pid: u32) -> anyhow::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = text.lines().find_map(|l| l.strip_prefix("Rss:")).context("no Rss")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024)
}

/// Bytes of the maps and programs whose descriptors a process has.
fn in_kernel(pid: u32) -> anyhow::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(format!("/proc/{pid}/fdinfo"))? {
        let text = fs::read_to_string(entry?.path()).unwrap_or_default();
        let locked = text.lines().find_map(|l| l.strip_prefix("memlock:"));
        sum += locked.and_then(|l| l.trim().parse::<u64>().ok()).unwrap_or(0);
    }
    Ok(sum)
}
