//! `bench outside`: what recording by eBPF costs whoever is recorded, and whoever is not.

mod load;
mod watcher;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::figures::{Figure, Judged, extra, in_turns, middle};
use super::stats::Estimate;
use super::workload::Workload;
use load::{Nginx, Redis};
use watcher::{Watch, Watcher};

/// Calls of the loops: a fifth of a second without a watcher.
const CALLS: u32 = 1_000_000;
/// Rounds of three calls, of which one looks up a path.
const OPENS: u32 = 100_000;
/// What people count calls by.
const COUNT: &str = "tracepoint:raw_syscalls:sys_enter { @[args->id] = count(); }";
/// The same, with openat's flags.
const FLAGS: &str = "tracepoint:raw_syscalls:sys_enter { @[args->id] = count(); } \
                     tracepoint:syscalls:sys_enter_openat { @flags[args->flags] = count(); }";
/// Cgroups with a process each that are recorded at once, and how often that is looked at.
const CONTAINERS: usize = 100;
const LOOKS: usize = 5;
/// The loops, timing themselves once they are told to begin.
const LOOPS: &str = "\
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>
int main(int argc, char **argv) {
    struct timespec a, b;
    char buffer[16];
    int count = atoi(argv[2]), opens = !strcmp(argv[1], \"open\");
    if (read(0, buffer, 1) != 1) return 1;
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < count; i++)
        if (opens) {
            int fd = open(\"/dev/zero\", O_RDONLY | O_CLOEXEC);
            if (read(fd, buffer, sizeof buffer) < 0) return 1;
            close(fd);
        } else syscall(SYS_getppid);
    clock_gettime(CLOCK_MONOTONIC, &b);
    printf(\"%lld\\n\", (b.tv_sec - a.tv_sec) * 1000000000LL + (b.tv_nsec - a.tv_nsec));
    return 0;
}
";

/// Who watches a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Bare,
    Callgate,
    /// callgate watches another process.
    Elsewhere,
    Bpftrace,
    Strace,
}

/// A loop, and who is compared.
struct Loops {
    what: &'static str,
    bar: f64,
    ours: Way,
    theirs: Way,
    /// What bpftrace is told.
    program: &'static str,
    which: &'static str,
    count: u32,
}

/// The one that the others differ from.
const GETPPID: Loops = Loops {
    what: "getppid loop: extra per call, recorded, against `bpftrace -e 'tracepoint:raw_syscalls:sys_enter{@[args->id]=count()}'`",
    bar: 0.60,
    ours: Way::Callgate,
    theirs: Way::Bpftrace,
    program: COUNT,
    which: "getppid",
    count: CALLS,
};

/// Makes one figure of so many pairs.
type Measure<'w> = fn(&Bench<'w>, usize) -> anyhow::Result<Figure>;

/// The figures. Needs root, gcc, bpftrace, strace, nginx, wrk and redis.
pub(super) fn measure<'w>(workload: &'w Workload, pairs: usize) -> anyhow::Result<Vec<Figure>> {
    let bench = Bench::prepare(workload)?;
    let figures: [(&str, Measure<'w>); 8] = [
        ("getppid, recorded", Bench::getppid),
        ("getppid, not recorded", Bench::elsewhere),
        ("getppid against strace", Bench::strace),
        ("openat", Bench::openat),
        ("gcc", Bench::gcc),
        ("nginx", Bench::nginx),
        ("redis", Bench::redis),
        ("memory", Bench::memory),
    ];
    let mut measured = Vec::new();
    for (name, figure) in figures {
        eprintln!("measuring: {name}");
        measured.push(figure(&bench, pairs).with_context(|| format!("cannot measure {name}"))?);
    }
    Ok(measured)
}

/// Programs to be watched.
struct Bench<'w> {
    workload: &'w Workload,
}

impl<'w> Bench<'w> {
    fn prepare(workload: &'w Workload) -> anyhow::Result<Self> {
        fs::write(workload.path().join("loops.c"), LOOPS)?;
        let status = workload.command("gcc", &["-O1", "-o", "loops", "loops.c"]).status();
        let status = status.context("cannot start gcc")?;
        ensure!(status.success(), "gcc failed: {status}");
        Ok(Self { workload })
    }

    /// Seconds per round of a loop that somebody watches.
    fn run_loop(&self, way: Way, program: &'static str, which: &str, count: u32) -> anyhow::Result<f64> {
        let mut command = self.workload.command("./loops", &[which, &count.to_string()]);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut other = self.workload.command("sleep", &["1000"]).spawn()?;
        let scope = format!("--pid {}", if way == Way::Elsewhere { other.id() } else { child.id() });
        let watch = match way {
            Way::Bare => Watch::Nobody,
            Way::Callgate | Way::Elsewhere => Watch::Callgate(&self.workload.callgate, &scope),
            Way::Bpftrace => Watch::Bpftrace(program),
            Way::Strace => Watch::Strace(child.id()),
        };
        let watcher = Watcher::start(watch)?;
        let mut child = child;
        child.stdin.take().context("the loop has no input")?.write_all(b"\n")?;
        let out = child.wait_with_output()?;
        drop(watcher);
        other.kill()?;
        other.wait()?;
        ensure!(out.status.success(), "{way:?}: the loop failed: {}", out.status);
        let text = String::from_utf8(out.stdout)?;
        let nanoseconds: f64 = text.trim().parse().with_context(|| format!("the loop said `{text}`"))?;
        Ok(nanoseconds / 1e9 / f64::from(count))
    }

    /// What we add to each round of a loop, as a part of what they add.
    fn looped(&self, loops: &Loops, pairs: usize) -> anyhow::Result<Figure> {
        let runs = in_turns([Way::Bare, loops.ours, loops.theirs], pairs, |way| {
            // strace is given fewer calls: it needs a minute for as many.
            let count = if way == Way::Strace { loops.count / 20 } else { loops.count };
            self.run_loop(way, loops.program, loops.which, count)
        })?;
        let theirs = if loops.theirs == Way::Strace { "strace" } else { "bpftrace" };
        let times =
            vec![("bare", middle(&runs, 0)), ("callgate", middle(&runs, 1)), (theirs, middle(&runs, 2))];
        Ok(Figure { what: loops.what, bar: loops.bar, judged: Judged::Median, ratio: extra(&runs), times })
    }

    fn getppid(&self, pairs: usize) -> anyhow::Result<Figure> {
        self.looped(&GETPPID, pairs)
    }

    fn elsewhere(&self, pairs: usize) -> anyhow::Result<Figure> {
        let what = "same, of a process that is not recorded while another one is";
        self.looped(&Loops { what, ours: Way::Elsewhere, ..GETPPID }, pairs)
    }

    fn strace(&self, pairs: usize) -> anyhow::Result<Figure> {
        let what = "same, recorded, against `strace -f -o /dev/null`";
        self.looped(&Loops { what, bar: 0.01, theirs: Way::Strace, ..GETPPID }, pairs)
    }

    fn openat(&self, pairs: usize) -> anyhow::Result<Figure> {
        let what = "openat, read, close: extra per round, recorded with argument values, against bpftrace counting calls and openat's flags";
        self.looped(&Loops { what, program: FLAGS, which: "open", count: OPENS, ..GETPPID }, pairs)
    }

    /// Seconds that a shell takes from its beginning on, which it waits for.
    fn gcc_once(&self, recorded: bool) -> anyhow::Result<f64> {
        let script = "read go; for f in f*.c; do gcc -O1 -c \"$f\" || exit; done";
        let mut child = self.workload.command("sh", &["-c", script]).stdin(Stdio::piped()).spawn()?;
        let watcher = self.watched(recorded, child.id())?;
        let started = Instant::now();
        child.stdin.take().context("the shell has no input")?.write_all(b"\n")?;
        let status = child.wait()?;
        let took = started.elapsed().as_secs_f64();
        drop(watcher);
        ensure!(status.success(), "gcc failed: {status}");
        Ok(took)
    }

    fn watched(&self, recorded: bool, pid: u32) -> anyhow::Result<Watcher> {
        let scope = format!("--pid {pid}");
        Watcher::start(if recorded {
            Watch::Callgate(&self.workload.callgate, &scope)
        } else {
            Watch::Nobody
        })
    }

    fn gcc(&self, pairs: usize) -> anyhow::Result<Figure> {
        let runs = in_turns([false, true], pairs, |recorded| self.gcc_once(recorded))?;
        Ok(against_nothing(
            "`gcc` over 30 small files, recorded, against no recording (lower bound)",
            1.03,
            &runs,
        ))
    }

    fn nginx(&self, pairs: usize) -> anyhow::Result<Figure> {
        let nginx = Nginx::start(self.workload.path())?;
        let runs = in_turns([false, true], pairs, |recorded| {
            let _watcher = self.watched(recorded, nginx.pid())?;
            nginx.load()
        })?;
        Ok(against_nothing(
            "nginx under wrk: time per request, recorded, against no recording (lower bound)",
            1.05,
            &runs,
        ))
    }

    fn redis(&self, pairs: usize) -> anyhow::Result<Figure> {
        let redis = Redis::start(self.workload.path())?;
        let runs = in_turns([false, true], pairs, |recorded| {
            let _watcher = self.watched(recorded, redis.pid())?;
            redis.load()
        })?;
        Ok(against_nothing(
            "redis-benchmark of GET and SET, recorded, against no recording (lower bound)",
            1.05,
            &runs,
        ))
    }

    /// Megabytes of callgate, its keeper and its maps while a hundred cgroups are recorded.
    fn memory(&self, _: usize) -> anyhow::Result<Figure> {
        let mut sizes = Vec::new();
        for _ in 0..LOOKS {
            sizes.push(load::memory_of_containers(&self.workload.callgate, CONTAINERS)?);
        }
        Ok(Figure {
            what: "memory, in MB: callgate, its keeper and their maps, recording 100 cgroups with a process each that came later (5 looks)",
            bar: 40.0,
            judged: Judged::Median,
            ratio: Estimate::of(&sizes),
            times: Vec::new(),
        })
    }
}

/// A figure of with and without.
fn against_nothing(what: &'static str, bar: f64, runs: &[[f64; 2]]) -> Figure {
    let ratios: Vec<f64> = runs.iter().map(|[bare, recorded]| recorded / bare).collect();
    let times = vec![("bare", middle(runs, 0)), ("recorded", middle(runs, 1))];
    Figure { what, bar, judged: Judged::Low, ratio: Estimate::of(&ratios), times }
}

/// Waits until somebody listens there.
fn wait_for_port(port: u16) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(20);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        ensure!(Instant::now() < deadline, "nobody listens on port {port}");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// A port that is free now.
fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A command in a directory, without any input or output.
fn quiet(program: &str, dir: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}
