//! `bench import`: reading a log of strace, against what a tutorial does with it.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, ensure};

use super::figures::{Figure, Judged, in_turns, middle};
use super::scratch::Scratch;
use super::stats::Estimate;

/// Calls in the log: about fifty megabytes.
const CALLS: u32 = 500_000;
/// Lines as `strace -f -o` writes them when programs start; `@` stands for numbers that differ.
const LINES: [&str; 16] = [
    "openat(AT_FDCWD, \"/usr/lib/x86_64-linux-gnu/lib@.so.6\", O_RDONLY|O_CLOEXEC) = 3",
    "read(3, \"\\177ELF\\2\\1\\1\\3\\0\\0\\0\\0\\0\\0\\0\\0\\3\\0>\\0\\1\\0\\0\\0\\20t\\2\\0\\0\\0\\0\\0\"..., 832) = 832",
    "newfstatat(3, \"\", {st_mode=S_IFREG|0755, st_size=@, ...}, AT_EMPTY_PATH) = 0",
    "mmap(NULL, @, PROT_READ, MAP_PRIVATE|MAP_DENYWRITE, 3, 0) = 0x7f@",
    "mmap(0x7f@, @, PROT_READ|PROT_EXEC, MAP_PRIVATE|MAP_FIXED|MAP_DENYWRITE, 3, 0x26000) = 0x7f@",
    "mprotect(0x7f@, 16384, PROT_READ)  = 0",
    "close(3)                          = 0",
    "brk(0x55@)                        = 0x55@",
    "futex(0x7f@, FUTEX_WAKE_PRIVATE, 2147483647) = 0",
    "rt_sigaction(SIGINT, {sa_handler=0x55@, sa_mask=~[RTMIN RT_1], sa_flags=SA_RESTORER, sa_restorer=0x7f@}, NULL, 8) = 0",
    "statx(AT_FDCWD, \"/usr/share/doc/@\", AT_STATX_SYNC_AS_STAT|AT_SYMLINK_NOFOLLOW, STATX_MODE|STATX_NLINK, {stx_mask=0x17ff, ...}) = 0",
    "fcntl(10, F_SETFD, FD_CLOEXEC)    = 0",
    "access(\"/etc/ld.so.preload\", R_OK) = -1 ENOENT (No such file or directory)",
    "write(1, \"@\\n\", 7)                = 7",
    "lseek(3, @, SEEK_SET)             = @",
    "socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0) = 3",
];
/// The tutorial's pattern, with the process ids that `-f` puts first: it must match something.
const PATTERN: &str = r"^[0-9]+ +\K[a-z_0-9]+(?=\()";

/// A way to read the log.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// `callgate import`: names, counts, ABIs, executables, arguments.
    Import,
    /// `grep -oP`: names.
    Grep,
    /// `grep -oP … | sort -u`: names, each once.
    Pipeline,
}

/// The figures.
pub(super) fn measure(callgate: &Path, pairs: usize) -> anyhow::Result<Vec<Figure>> {
    let bench = Bench::prepare(callgate)?;
    eprintln!("measuring: import");
    let runs = in_turns([Way::Import, Way::Grep, Way::Pipeline], pairs, |way| bench.read(way))?;
    let against = |theirs: usize| {
        let ratios: Vec<f64> = runs.iter().map(|times| times[0] / times[theirs]).collect();
        Estimate::of(&ratios)
    };
    let import = ("import", middle(&runs, 0));
    Ok(vec![
        Figure {
            what: "`import --from strace` of 500,000 calls, against `grep -oP` over the same log",
            bar: 0.05,
            judged: Judged::Median,
            ratio: against(1),
            times: vec![import, ("grep", middle(&runs, 1))],
        },
        Figure {
            what: "same, against `grep -oP` piped into `sort -u`, which gives the names",
            bar: 1.0,
            judged: Judged::Median,
            ratio: against(2),
            times: vec![import, ("pipeline", middle(&runs, 2))],
        },
    ])
}

/// A log and the programs that read it, in a directory that goes with this value.
struct Bench {
    dir: Scratch,
    callgate: PathBuf,
}

impl Bench {
    fn prepare(callgate: &Path) -> anyhow::Result<Self> {
        let bench = Self { dir: Scratch::new()?, callgate: callgate.to_owned() };
        fs::write(bench.dir.join("log"), log(CALLS))?;
        Ok(bench)
    }

    /// Seconds of reading the log once. Results go to files: grep stops at the first match where nobody reads.
    fn read(&self, way: Way) -> anyhow::Result<f64> {
        let mut command = match way {
            Way::Import => {
                let mut command = Command::new(&self.callgate);
                command.args(["--quiet", "import", "--from", "strace", "--force", "-o", "trace", "log"]);
                command
            }
            Way::Grep => {
                let mut command = Command::new("grep");
                command.args(["-oP", PATTERN, "log"]);
                command
            }
            Way::Pipeline => {
                let mut command = Command::new("sh");
                command.args(["-c", "grep -oP \"$0\" log | sort -u", PATTERN]);
                command
            }
        };
        command.current_dir(self.dir.path()).env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
        command.stdout(File::create(self.dir.join("out"))?);
        let started = Instant::now();
        let status = command.status().with_context(|| format!("cannot start {way:?}"))?;
        let took = started.elapsed().as_secs_f64();
        ensure!(status.success(), "{way:?} failed: {status}");
        Ok(took)
    }
}

/// A log of so many calls of four processes; the same each time.
fn log(calls: u32) -> String {
    let mut text = String::with_capacity(calls as usize * 110);
    let mut state = 1_u64;
    for call in 0..calls {
        // Knuth's MMIX generator: numbers that differ, no more is asked of them.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let line = LINES[(state >> 33) as usize % LINES.len()];
        let number = format!("{:010}", state >> 32);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:<5} {}", 4242 + call / 1000 % 4, line.replace('@', &number));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_the_same_each_time_and_of_every_line() {
        let text = log(1000);
        assert_eq!(text, log(1000));
        assert_eq!(text.lines().count(), 1000);
        for line in LINES {
            let name = line.split('(').next().unwrap_or_default();
            assert!(text.contains(&format!("4242  {name}(")), "{name}");
        }
    }
}
