//! The README and what it hands CI are executed: every block that is marked with its rung, by the built command, as nobody in
//! particular.
//!
//! `<!-- run: t1 -->` before a block runs its lines; `the last line serves HOST:PORT` says that the last one does not end
//! by itself. `<!-- file: NAME -->` before a block makes a file of it.
#![expect(clippy::unwrap_used, reason = "a test that cannot set its table fails")]

use std::env;
use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const README: &str = include_str!("../../../README.md");
/// Every page whose blocks are run.
const PAGES: [&str; 2] = [README, include_str!("../../../docs/ci.md")];
/// Who runs the examples when root runs the tests.
const NOBODY: u32 = 65534;
/// How long a server may take to come, and to go.
const PATIENCE: Duration = Duration::from_secs(20);

/// A fenced block with the comment before it.
struct Block {
    mark: String,
    lines: Vec<String>,
}

/// All blocks of a page that have a mark.
fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(mark) = line.strip_prefix("<!-- ").and_then(|l| l.strip_suffix(" -->")) else { continue };
        assert!(lines.next().is_some_and(|l| l.starts_with("```")), "`{mark}` stands before no block");
        let lines = lines.by_ref().take_while(|l| *l != "```").map(str::to_owned).collect();
        blocks.push(Block { mark: mark.to_owned(), lines });
    }
    blocks
}

/// What a reader has at hand: a directory with the files of the page, and callgate in the path.
struct Desk {
    dir: PathBuf,
    /// Run the lines as root.
    root: bool,
}

impl Desk {
    fn new(page: &str, root: bool) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("callgate-readme-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let dir = env::temp_dir().join(name);
        fs::create_dir(&dir).unwrap();
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(dir.join("bin")).unwrap();
        // Nobody may be allowed to look into the directory that the tests are built in.
        fs::copy(env!("CARGO_BIN_EXE_callgate"), dir.join("bin/callgate")).unwrap();
        for block in blocks(page) {
            if let Some(name) = block.mark.strip_prefix("file: ") {
                fs::create_dir_all(dir.join(name).parent().unwrap()).unwrap();
                fs::write(dir.join(name), block.lines.join("\n") + "\n").unwrap();
            }
        }
        if is_root() {
            chown(&dir, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        Self { dir, root }
    }

    fn shell(&self, script: &str) -> Command {
        let path = env::var("PATH").unwrap_or_default();
        let mut command = Command::new("sh");
        command.args(["-euc", script]).current_dir(&self.dir).stdin(Stdio::null());
        command.env("PATH", format!("{}:{path}:/usr/sbin:/sbin", self.dir.join("bin").display()));
        command.env("HOME", &self.dir);
        if is_root() && !self.root {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    /// Runs lines that end by themselves, and have to end well.
    fn run(&self, lines: &[String]) {
        let script = lines.join("\n");
        let out = self.shell(&script).output().unwrap();
        let (said, wrote) = (String::from_utf8_lossy(&out.stderr), String::from_utf8_lossy(&out.stdout));
        assert!(out.status.success(), "{script}\n{}\n{wrote}\n{said}", out.status);
    }

    /// Runs a line that serves until it is told to stop.
    fn serve(&self, line: &str, address: &str) {
        let mut server = self.shell(&format!("exec {line}")).spawn().unwrap();
        let served = until(|| TcpStream::connect(address).is_ok());
        let stopped = Command::new("kill").arg(server.id().to_string()).status().is_ok_and(|s| s.success());
        let ended = until(|| server.try_wait().is_ok_and(|s| s.is_some()));
        end(&mut server);
        assert!(served, "{line}: nothing listens on {address}");
        assert!(stopped && ended, "{line}: does not end when it is told to");
        assert!(server.wait().unwrap().success(), "{line}: {}", server.wait().unwrap());
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // A directory left behind is no reason to fail.
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Nothing is left running, whatever failed.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// Whether it becomes true in time.
fn until(mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(20));
    }
    true
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0)
}

/// The lines as they are run here: the command is built already, and the ladder is what runs this test.
fn translated(block: &Block) -> Vec<String> {
    let lines = block.lines.iter().filter(|line| *line != "cargo xtask test");
    lines.map(|line| line.replace("cargo run --release -- ", "callgate ")).collect()
}

/// Runs all blocks of a rung; says how many.
fn run(rung: &str) -> usize {
    let prefix = format!("run: {rung}");
    let mut count = 0;
    for (page, block) in
        PAGES.iter().flat_map(|page| blocks(page).into_iter().map(move |block| (page, block)))
    {
        let Some(rest) = block.mark.strip_prefix(&prefix) else { continue };
        let desk = Desk::new(page, rest == ", as root");
        let lines = translated(&block);
        match rest.strip_prefix(", the last line serves ") {
            Some(address) => {
                let (last, first) = lines.split_last().expect("a block has lines");
                desk.run(first);
                desk.serve(last, address);
            }
            None => desk.run(&lines),
        }
        count += 1;
    }
    count
}

/// The first tool that is not in the path, unless its rung is required.
fn missing(rung: &str, tools: &[&'static str]) -> Option<&'static str> {
    let path = env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    let found = |tool: &str| env::split_paths(&path).any(|dir| Path::new(&dir).join(tool).is_file());
    let missing = tools.iter().copied().find(|tool| !found(tool))?;
    let required = env::var("CALLGATE_REQUIRE").unwrap_or_default();
    assert!(required.split(',').all(|r| r.trim() != rung), "no `{missing}`, but CALLGATE_REQUIRE has {rung}");
    Some(missing)
}

mod t0 {
    use super::*;

    /// A block that nobody marked is a block that nobody runs.
    #[test]
    fn every_block_of_commands_has_a_mark() {
        let lines: Vec<&str> = PAGES.iter().flat_map(|page| page.lines()).collect();
        let starts = lines.windows(2).filter(|pair| pair[1] == "```sh");
        let unmarked: Vec<&str> =
            starts.map(|pair| pair[0]).filter(|l| !l.starts_with("<!-- run: t")).collect();
        assert!(unmarked.is_empty(), "{unmarked:?}");
    }

    #[test]
    fn every_exit_code_of_the_help_is_in_the_readme() {
        let out = Command::new(env!("CARGO_BIN_EXE_callgate")).arg("-h").output().unwrap();
        let help = String::from_utf8(out.stdout).unwrap();
        let help: String = help.split_whitespace().collect::<Vec<_>>().join(" ");
        let codes = help.split("Exit codes: ").nth(1).expect("the help lists them");
        for code in
            codes.split(" · ").filter_map(|part| part.split(' ').next()).filter(|c| c.parse::<u8>().is_ok())
        {
            assert!(README.contains(&format!("| {code} | ")), "{code}");
        }
    }
}

mod t1 {
    use super::*;

    #[test]
    fn the_examples_work() {
        assert_eq!(run("t1"), 20);
    }
}

mod t2 {
    use super::*;

    #[test]
    fn the_examples_with_servers_and_containers_work() {
        match missing("t2", &["nginx", "curl", "strace", "busybox", "runc"]) {
            Some(tool) => println!("skipped: no `{tool}`"),
            None if !is_root() => println!("skipped: not root"),
            None => assert_eq!(run("t2"), 5),
        }
    }
}
