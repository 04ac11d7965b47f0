//! Debian packages the rungs need, and the tools in them.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

/// A package, the programs of it that tests call, and why.
struct Package {
    name: &'static str,
    tools: &'static [&'static str],
    why: &'static str,
}

const fn package(name: &'static str, tools: &'static [&'static str], why: &'static str) -> Package {
    Package { name, tools, why }
}

/// Everything `--install` brings.
const PACKAGES: &[Package] = &[
    package("strace", &["strace"], "the recorder we are measured against"),
    package("seccomp", &["scmp_sys_resolver"], "oracle of the system call tables"),
    package("libseccomp-dev", &[], "another compiler of filters, which ours is held and measured against"),
    package("nginx-light", &["nginx"], "a server with workers"),
    package("redis-server", &["redis-server"], "a server with threads and a fork to save"),
    package("redis-tools", &["redis-benchmark"], "load for redis"),
    package("curl", &["curl"], "a client with TLS, and the exercise of servers"),
    package("ca-certificates", &[], "curl's TLS path"),
    package("git", &["git"], "many short processes, state to reset"),
    package("pre-commit", &["pre-commit"], "what runs our hooks"),
    package("gcc", &["gcc"], "a workload, and the compiler of the tests' own programs"),
    package("g++", &["g++"], "libFuzzer is C++"),
    package("libc6-dev", &[], "headers for gcc"),
    package("python3", &["python3"], "threads, subprocess, ssl and sqlite3 in one program"),
    package("util-linux", &["setpriv", "unshare", "script"], "to run as nobody, and on a terminal"),
    package("busybox-static", &["busybox"], "a program without libc of the host, for containers"),
    package("bubblewrap", &["bwrap"], "a sandbox that takes a raw filter"),
    package("runc", &["runc"], "a runtime that loads what we write"),
    package("crun", &["crun"], "another one, through libseccomp"),
    package("podman", &["podman"], "an engine that starts containers by a monitor of its own"),
    package("golang-github-containers-common", &[], "Podman's default profile, which ours is held against"),
    package("containerd", &["containerd", "ctr"], "a runtime whose default profile ours is held against"),
    package("tar", &["tar"], "archives, there and back"),
    package("gzip", &["gzip"], "archives, there and back"),
    package("make", &["make"], "jobs side by side"),
    package("perl", &["perl"], "an interpreter with sockets and signals"),
    package("mawk", &["awk"], "an interpreter with pipes"),
    package("openssl", &["openssl"], "a server and a client of TLS; certificates for the others"),
    package("tmux", &["tmux"], "a server in the background, terminals, a set-group-ID helper"),
    package("nodejs", &["node"], "a server with an event loop and a pool of threads"),
    package("default-jdk-headless", &["java", "javac"], "a virtual machine with dozens of threads"),
    package("postgresql", &["psql"], "a server of many processes with shared memory"),
    package("musl-tools", &["musl-gcc"], "static programs with another libc"),
    #[cfg(target_arch = "x86_64")]
    package("gcc-multilib", &[], "32-bit programs"),
    package("patch", &["patch"], "to apply what update prints"),
    package("procps", &["ps", "pgrep"], "to see that nothing is left running, and nginx's workers"),
];

/// Brings all packages of the ladder.
pub(crate) fn install() -> anyhow::Result<()> {
    install_only(PACKAGES.iter().map(|p| p.name))
}

/// Brings some packages; needs root and asks nothing.
pub(crate) fn install_only<'p>(names: impl Iterator<Item = &'p str>) -> anyhow::Result<()> {
    apt(&["update", "-qq"])?;
    let mut args = vec!["install", "-qq", "--yes", "--no-install-recommends"];
    args.extend(names);
    apt(&args)
}

/// Tools that are not here, each with its package and what it is for.
pub(super) fn missing() -> Vec<String> {
    let tools = PACKAGES.iter().flat_map(|p| p.tools.iter().map(move |tool| (p, tool)));
    let missing = tools.filter(|(_, tool)| find(tool).is_none());
    missing.map(|(p, tool)| format!("{tool} (package {}: {})", p.name, p.why)).collect()
}

/// Where a program lies; servers are often in sbin, which is not in everybody's `PATH`.
pub(crate) fn find(tool: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let sbin = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path).chain(sbin).map(|dir| dir.join(tool)).find(|file| file.is_file())
}

fn apt(args: &[&str]) -> anyhow::Result<()> {
    println!("apt-get {}", args.join(" "));
    let mut command = Command::new("apt-get");
    command.args(args).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    // Nobody wants the servers to run: they would hold the ports that tests use.
    command.env("RUNLEVEL", "1").args(["-o", "DPkg::Lock::Timeout=120"]);
    let status =
        command.status().context("cannot start apt-get; without Debian, install the packages by hand")?;
    ensure!(status.success(), "apt-get {} failed: {status}; it needs root", args[0]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_or_not() {
        assert!(find("sh").is_some());
        assert!(find("no-such-program").is_none());
    }

    #[test]
    fn no_package_stands_twice() {
        let mut names: Vec<_> = PACKAGES.iter().map(|p| p.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PACKAGES.len());
    }
}
