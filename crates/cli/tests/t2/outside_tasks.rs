//! Recording from outside, by eBPF: births, short lives, threads, other ABIs.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use super::outside::{Group, Running, attached, attached_by, facts, lab, names, unified};
use crate::harness::{full, skip, until};

/// Loads a filter that allows everything, and executes what it is given.
const ALLOW: &str = r"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <unistd.h>
int main(int argc, char **argv) {
  struct sock_filter f[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
  struct sock_fprog p = { 1, f };
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p)) return 1;
  execvp(argv[1], argv + 1);
  return 2;
}";

/// `mark NUMBER`: makes that call, which no kernel has and nobody else makes.
pub(super) const MARK: &str = r"
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv) { syscall(atoi(argv[1])); return 0; }";

/// The numbers without a name.
pub(super) fn marks(trace: &Value) -> BTreeSet<u64> {
    let calls = trace["calls"].as_array().unwrap().iter();
    calls.filter(|c| c["name"].is_null()).filter_map(|c| c["nr"].as_u64()).collect()
}

#[test]
fn births_under_a_filter_are_answered_by_nobody() {
    let Some(lab) = lab(&["gcc", "python3"]) else { return };
    lab.compile("allow", ALLOW);
    let python = "import os, threading\nfor i in range(3):\n t = threading.Thread(target=os.getppid); t.start(); t.join()\n\
                  if os.fork() == 0: os._exit(0)\nos.wait()";
    lab.write("births", format!("ls / >/dev/null; (umask 77); python3 -c '{python}'"));
    lab.callgate("record --backend ebpf -o t")
        .command(&["./allow", "sh", "births"])
        .expect(0)
        .never_says("supervisor");
    let trace = lab.json("t");
    assert!(trace["calls"].as_array().unwrap().iter().all(|c| c["refused"].is_null()), "{trace}");
}

/// `swarm COUNT FIRST`: so many processes, one after the other, each executes `./mark` with a number of its own. Prints how
/// many milliseconds that took.
const SWARM: &str = r#"
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1e3 + t.tv_nsec / 1e6; }
int main(int argc, char **argv) {
  double start = now();
  for (int i = 0; i < atoi(argv[1]); i++) {
    char number[16]; snprintf(number, sizeof number, "%d", atoi(argv[2]) + i % 1000);
    if (vfork() == 0) { execl("./mark", "mark", number, (char *)0); _exit(1); }
    wait(0);
  }
  printf("%d\n", (int)(now() - start));
  return 0;
}"#;

#[test]
fn none_of_ten_thousand_short_processes_a_minute_is_lost_while_others_are_moved() {
    let Some(lab) = lab(&["gcc"]) else { return };
    lab.compile("mark", MARK);
    lab.compile("swarm", SWARM);
    let group = Group::new(unified(), &lab);
    let outside = Group::new(unified(), &lab);
    let sleeper = Running::start("sleep", &["1000"]);
    let mut record = lab.callgate("record -o t");
    record.args(["--cgroup", group.path()]);
    let recording = record.start();
    attached(recording.pid());
    let count: u32 = if full() { 10_000 } else { 1000 };
    // Whenever somebody is moved, everybody is asked again who is in scope.
    let script = format!(
        "(while :; do for g in {} {}; do echo {} > $g/cgroup.procs; done; sleep 0.005; done) & m=$!
         sh -c 'echo $$ > {}/cgroup.procs; exec ./swarm {count} 1000'; s=$?; kill $m; exit $s",
        group.path(),
        outside.path(),
        sleeper.pid(),
        group.path()
    );
    let took: u32 = lab.sh(&script).expect(0).stdout.trim().parse().unwrap();
    recording.signal("TERM");
    recording.end().expect(0);
    println!("{count} processes in {took} ms");
    let trace = lab.json("t");
    assert_eq!(trace["complete"], true, "{}", trace["losses"]);
    let marks = marks(&trace);
    let missing: Vec<_> = (1000..2000).filter(|nr| !marks.contains(nr)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(!full() || took < 60_000, "{took} ms");
    drop(sleeper);
}

/// Eight chains of threads, of which each lives about a millisecond, does what its chain does, and starts the next one.
const CHAINS: &str = r#"
import java.io.*;
import java.nio.channels.FileChannel;
import java.nio.file.*;
import java.nio.file.attribute.PosixFilePermissions;
public class Chains {
  static Path dir;
  static void act(int chain) throws Exception {
    Path mine = dir.resolve("mine" + chain), other = dir.resolve("other" + chain);
    switch (chain) {
      case 0 -> { Files.createDirectory(other); Files.delete(other); }
      case 1 -> { Files.createSymbolicLink(other, mine); Files.delete(other); }
      case 2 -> { Files.createLink(other, mine); Files.delete(other); }
      case 3 -> Files.setPosixFilePermissions(mine, PosixFilePermissions.fromString("rw-------"));
      case 4 -> { Files.move(mine, other); Files.move(other, mine); }
      case 5 -> { try (FileChannel c = FileChannel.open(mine, StandardOpenOption.WRITE)) { c.write(java.nio.ByteBuffer.allocate(2)); c.truncate(1); } }
      case 6 -> { try (FileChannel c = FileChannel.open(mine, StandardOpenOption.WRITE)) { c.force(true); } }
      case 7 -> Files.readSymbolicLink(dir.resolve("link"));
    }
  }
  static void next(int chain) {
    new Thread(() -> {
      try { act(chain); Thread.sleep(1); } catch (Exception e) { e.printStackTrace(); System.exit(1); }
      next(chain);
    }).start();
  }
  public static void main(String[] args) throws Exception {
    dir = Path.of(args[0]);
    Files.createSymbolicLink(dir.resolve("link"), dir);
    for (int chain = 0; chain < 8; chain++) { Files.writeString(dir.resolve("mine" + chain), "x"); next(chain); }
    Files.writeString(dir.resolve("ready"), "");
  }
}"#;
/// What each chain calls, in the form of old architectures or of new ones.
const CHAINED: [[&str; 3]; 8] = [
    ["mkdir", "mkdirat", ""],
    ["symlink", "symlinkat", ""],
    ["link", "linkat", ""],
    ["chmod", "fchmodat", ""],
    ["rename", "renameat", "renameat2"],
    ["ftruncate", "", ""],
    ["fsync", "fdatasync", ""],
    ["readlink", "readlinkat", ""],
];

#[test]
fn a_java_program_that_makes_threads_while_it_is_attached_to_is_recorded_with_all_of_them() {
    let Some(lab) = lab(&["javac", "java"]) else { return };
    lab.write("Chains.java", CHAINS);
    lab.program("javac").arg("Chains.java").expect(0);
    lab.sh("mkdir data").expect(0);
    let (classes, data) = (lab.dir.to_str().unwrap(), lab.path("data"));
    let java = Running::start("java", &["-cp", classes, "Chains", data.to_str().unwrap()]);
    until("the chains go", || lab.has("data/ready"));
    for round in 0..5 {
        lab.callgate(&format!("record --pid {} --for 1s --force -o t", java.pid()))
            .expect(0)
            .says("it goes on");
        let trace = lab.json("t");
        let names = names(&trace);
        let lost: Vec<_> = CHAINED.iter().filter(|forms| !forms.iter().any(|f| names.contains(*f))).collect();
        assert!(lost.is_empty(), "round {round}: {lost:?} not in {names:?}");
        assert!(names.contains("clone3") || names.contains("clone"), "{names:?}");
        assert_eq!(trace["complete"], true, "{}", trace["losses"]);
    }
    drop(java);
}

/// `turn GO PROGRAM`: waits for a file, and executes a program.
const TURN: &str = r"
#include <unistd.h>
int main(int argc, char **argv) {
  while (access(argv[1], F_OK)) usleep(10000);
  execv(argv[2], argv + 2);
  return 1;
}";
/// `old NEXT…`: calls of its own ABI; then it executes what is next.
const OLD: &str = r"
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
int main(int argc, char **argv) { umask(077); socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){0}); execv(argv[1], argv + 1); return 1; }";

#[test]
fn a_task_that_executes_a_32_bit_program_is_recorded_by_the_abi_it_has_then() {
    if !cfg!(target_arch = "x86_64") {
        return;
    }
    let Some(lab) = lab(&["gcc"]) else { return };
    lab.write("old.c", OLD);
    let mut gcc = Command::new("gcc");
    let compiled = gcc.args(["-m32", "-o", "old", "old.c"]).current_dir(&lab.dir).output().unwrap();
    if !compiled.status.success() {
        return skip("t2", "gcc -m32 finds no 32-bit libc (package gcc-multilib)");
    }
    lab.compile("turn", TURN);
    lab.compile("mark", MARK);
    let paths = ["turn", "go", "old", "mark"].map(|name| lab.path(name).to_str().unwrap().to_owned());
    let [turn, go, old, mark] = &paths;
    let running = Running::start(turn, &[go, old, mark, "700"]);
    let recording = lab.callgate(&format!("record --pid {} -o t", running.pid())).start();
    attached_by(recording.pid(), 3);
    lab.write("go", "");
    recording.end().expect(0);
    drop(running);
    let trace = lab.json("t");
    let seen: BTreeSet<_> = trace["calls"].as_array().unwrap().iter().map(of_abi).collect();
    for call in ["x86_64 execve", "x86 umask", "x86 execve", "x86_64 700", "x86_64 exit_group"] {
        assert!(seen.contains(call), "{call}: {seen:?}");
    }
    // umask's number in the 32-bit table is exit's in the other.
    assert!(!seen.contains("x86_64 exit") && !seen.contains("x86_64 umask"), "{seen:?}");
    for backend in ["notify", "ebpf"] {
        let flags = format!("record --backend {backend} --force -o {backend}.trace");
        lab.callgate(&flags).command(&["sh", "-c", "./old /bin/true; exec ./old ./mark 700"]).run();
    }
    assert_eq!(facts(&lab.json("ebpf.trace")), facts(&lab.json("notify.trace")));
}

fn of_abi(call: &Value) -> String {
    let name = call["name"].as_str().map_or_else(|| call["nr"].to_string(), str::to_owned);
    format!("{} {name}", call["arch"].as_str().unwrap())
}

#[test]
fn threads_that_were_there_and_threads_of_a_moment_are_recorded_alike() {
    let Some(lab) = lab(&["gcc"]) else { return };
    lab.compile("moments", MOMENTS);
    let moments = Running::start(lab.path("moments").to_str().unwrap(), &[]);
    lab.callgate(&format!("record --pid {} --for 2s -o t", moments.pid())).expect(0);
    let marks = marks(&lab.json("t"));
    assert_eq!(marks, (700..700 + 40).collect(), "each by one thread");
    drop(moments);
}

/// Threads that last, each with a call of its own now and then; beside them threads of a millisecond, each with another.
const MOMENTS: &str = r"
#include <pthread.h>
#include <unistd.h>
static void *lasting(void *p) { for (;;) { usleep(100000); syscall((long)p); } }
static void *moment(void *p) { usleep(1000); syscall((long)p); return 0; }
int main(void) {
  pthread_t t;
  for (long i = 0; i < 20; i++) pthread_create(&t, 0, lasting, (void *)(700 + i));
  for (long i = 0;; i++) { pthread_create(&t, 0, moment, (void *)(720 + i % 20)); pthread_join(t, 0); }
}";

#[test]
fn a_process_that_gets_the_id_of_one_that_was_recorded_is_not_recorded() {
    let Some(lab) = lab(&["unshare", "sleep"]) else { return };
    // In a pid namespace of its own nobody else takes numbers.
    let script = "cd \"$1\"
        sh -c 'until test -e go; do sleep 0.02; done; sh -c \"echo \\$\\$ > first\"; exec sleep 3' & s=$!
        \"$CALLGATE\" record --pid $s --backend ebpf -o t & r=$!
        n() { ls -l /proc/$(cat /proc/$r/task/$r/children | tr -d ' ')/fd 2>/dev/null | grep -c bpf_link; }
        until test \"$(n)\" -ge 3; do sleep 0.02; done; sleep 0.1; touch go
        until test -s first; do sleep 0.02; done
        until ! test -e /proc/$(cat first); do sleep 0.02; done; sleep 0.1
        echo $(($(cat first) - 1)) > /proc/sys/kernel/ns_last_pid
        sh -c 'echo $$ > second; umask 77'
        wait $r";
    lab.write("reuse.sh", script);
    lab.sh("unshare --pid --fork --mount-proc sh reuse.sh \"$PWD\"").expect(0);
    until("both have said their ids", || lab.has("second"));
    if lab.read("first") != lab.read("second") {
        return skip("t2", "ns_last_pid did not bring a process id back");
    }
    let names = names(&lab.json("t"));
    assert!(names.contains("execve") && !names.contains("umask"), "{names:?}");
}
