//! Recording from outside, by eBPF.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use super::containers::{RUNTIMES, Runtime, busybox, run_bundle};
use crate::harness::{Lab, find, full, skip, until};
use crate::t1::terminal::terminal;

/// Calls that set a container up, and have no place in its profile.
pub(super) const SET_UP: [&str; 7] =
    ["mount", "pivot_root", "setns", "unshare", "sethostname", "umount2", "mknodat"];

/// Root, these programs, and a kernel that lets us look on.
pub(super) fn lab(tools: &[&str]) -> Option<Lab> {
    let lab = Lab::root(tools)?;
    let checks = lab.callgate("doctor --format json").run().json();
    let ebpf = checks["checks"].as_array().unwrap().iter().find(|c| c["name"] == "eBPF").unwrap().clone();
    if ebpf["state"] == "ok" {
        return Some(lab);
    }
    skip("t2", &format!("eBPF: {}", ebpf["found"]));
    None
}

/// What two recordings have to agree about: ABI, name or number, outcome, and the values of arguments.
pub(super) fn facts(trace: &Value) -> BTreeSet<String> {
    let calls = trace["calls"].as_array().unwrap().iter();
    let fact = |call: &Value| {
        let mut text = format!("{} {} {} {}", call["arch"], call["name"], call["nr"], call["refused"]);
        for (index, arg) in call["args"].as_object().unwrap() {
            let values: Vec<_> =
                arg["values"].as_array().unwrap().iter().map(|v| v["value"].to_string()).collect();
            text += &format!(" {index}:{}{}", values.join(","), arg["widened"]);
        }
        text
    };
    calls.map(fact).collect()
}

pub(super) fn names(trace: &Value) -> BTreeSet<String> {
    let calls = trace["calls"].as_array().unwrap().iter();
    calls.filter(|c| c["refused"].is_null()).map(|c| c["name"].as_str().unwrap_or("?").to_owned()).collect()
}

/// A cgroup of this test's own, gone with it.
pub(super) struct Group(pub(super) PathBuf);

impl Group {
    pub(super) fn new(hierarchy: &str, lab: &Lab) -> Self {
        static GROUPS: AtomicUsize = AtomicUsize::new(0);
        let name = lab.dir.parent().and_then(Path::file_name).unwrap().to_str().unwrap();
        Self::named(hierarchy, &format!("{name}-{}", GROUPS.fetch_add(1, Ordering::Relaxed)))
    }

    pub(super) fn named(hierarchy: &str, name: &str) -> Self {
        let path = Path::new("/sys/fs/cgroup").join(hierarchy).join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// The path of one below it, as runtimes want it: from the root of the hierarchy.
    pub(super) fn inside(&self, name: &str) -> String {
        format!("/{}/{name}", self.0.file_name().unwrap().to_str().unwrap())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A runtime makes its parent's in every hierarchy, and removes its own only.
        let name = self.0.file_name().unwrap().to_str().unwrap();
        let script =
            format!("find /sys/fs/cgroup -depth -type d -path '*/{name}*' -exec rmdir {{}} + 2>/dev/null");
        for _ in 0..100 {
            if Command::new("sh").args(["-c", &script]).status().is_ok_and(|_| !self.0.exists()) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

/// Where the v2 hierarchy is, below /sys/fs/cgroup.
pub(super) fn unified() -> &'static str {
    if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() { "" } else { "unified" }
}

pub(super) struct Running(Child);

impl Running {
    pub(super) fn start(program: &str, args: &[&str]) -> Self {
        let child = Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Self(child.unwrap())
    }

    pub(super) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How many eBPF programs there are in the kernel.
fn programs(lab: &Lab) -> usize {
    // BPF_PROG_GET_NEXT_ID, until there is none.
    let script = "import ctypes, struct\n\
                  libc = ctypes.CDLL(None, use_errno=True)\nn = i = 0\n\
                  while True:\n a = ctypes.create_string_buffer(struct.pack('III', i, 0, 0), 128)\n \
                  nr = {'x86_64': 321, 'aarch64': 280}[__import__('platform').machine()]\n \
                  if libc.syscall(nr, 11, a, 128): break\n i = struct.unpack('III', a.raw[:12])[1]; n += 1\nprint(n)";
    let ended = lab.program("python3").args(["-c", script]).run().expect(0);
    ended.stdout.trim().parse().unwrap()
}

/// Waits until a recording of a cgroup sees what happens: its keeper has attached all five programs.
pub(super) fn attached(recording: u32) {
    attached_by(recording, 5);
}

/// The same, of any recording: three programs see a process without a filter, four one that has one.
pub(super) fn attached_by(recording: u32, programs: usize) {
    let children = format!("/proc/{recording}/task/{recording}/children");
    until("the recorder's programs are attached", || {
        let keeper = std::fs::read_to_string(&children).unwrap_or_default();
        let fds = std::fs::read_dir(format!("/proc/{}/fd", keeper.trim())).into_iter().flatten().flatten();
        let links = fds.filter_map(|fd| std::fs::read_link(fd.path()).ok());
        links.filter(|link| link.to_string_lossy().contains("bpf_link")).count() == programs
    });
}

#[test]
fn the_status_line_says_how_many_calls_are_made_and_how_fast() {
    let Some(lab) = lab(&["python3"]) else { return };
    let running = Running::start("python3", &["-c", "import os\nwhile True: os.getppid()"]);
    let ended = terminal(&lab, "", &format!("record --pid {} --for 3s -o t", running.pid())).run();
    // `recording: 123456 calls, 41152/s, 1 distinct, …`, redrawn in place.
    let number = |text: &str| text.rsplit(' ').next().unwrap_or_default().parse::<u64>().unwrap_or(0);
    let (line, _) = ended.stdout.rsplit_once("/s, ").expect("a status line");
    let (calls, rate) = line.rsplit_once(" calls, ").expect("calls before the rate");
    assert!(number(rate) > 10_000 && number(calls) >= number(rate), "{}", ended.stdout);
}

#[test]
fn what_runs_is_recorded_until_nothing_is_new_and_goes_on() {
    let Some(lab) = lab(&[]) else { return };
    let running = Running::start("sh", &["-c", "while :; do sleep 0.05; done"]);
    lab.callgate(&format!("record --pid {} --until-saturated=1s -o t", running.pid()))
        .expect(0)
        .says("it goes on")
        .never_says("saturated");
}

#[test]
fn what_a_server_waits_in_all_the_time_is_recorded() {
    let Some(lab) = lab(&["python3"]) else { return };
    let script = "import socket, threading, time\ns = socket.create_server(('127.0.0.1', 0))\n\
                  threading.Thread(target=s.accept).start()\nwhile True: time.sleep(0.1)";
    let running = Running::start("python3", &["-c", script]);
    let accept4 = if cfg!(target_arch = "x86_64") { "288 " } else { "242 " };
    until("a thread waits for a client", || {
        let threads = std::fs::read_dir(format!("/proc/{}/task", running.pid())).unwrap().flatten();
        let waits_in = |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("syscall"));
        threads.filter_map(|t| waits_in(t).ok()).any(|call| call.starts_with(accept4))
    });
    lab.callgate(&format!("record --pid {} --for 1s -o t", running.pid())).expect(0).says("accept4");
    let trace = lab.json("t");
    assert!(names(&trace).contains("accept4"), "{:?}", names(&trace));
    assert!(lab.read("t").contains("/python3"), "with its executable");
}

#[test]
fn what_is_seen_from_outside_is_what_a_listener_is_asked_about() {
    let Some(lab) = lab(&["python3", "tar", "gzip", "gcc"]) else { return };
    lab.compile("threads", THREADS);
    let threads = lab.path("threads");
    let python = "import socket, subprocess, threading, os\nsocket.socketpair()\n\
                  t = threading.Thread(target=os.getppid); t.start(); t.join()\nsubprocess.run(['true'])";
    let commands: [&[&str]; 5] = [
        &["ls", "-lR", "/etc/apt"],
        &["sh", "-c", "tar c /etc/apt | gzip -9 | gzip -d | tar t | sort | uniq -c; umask 22; ulimit -n"],
        &["python3", "-c", python],
        &[threads.to_str().unwrap()],
        &["sh", "-c", "kill -USR1 $$ || true; exec sleep 0.1"],
    ];
    for command in commands {
        for backend in ["notify", "ebpf"] {
            let flags = format!("record --backend {backend} --force -o {backend}.trace");
            lab.callgate(&flags).command(command).run();
        }
        let [listened, observed] = ["notify.trace", "ebpf.trace"].map(|name| facts(&lab.json(name)));
        let [more, less]: [Vec<_>; 2] =
            [observed.difference(&listened).collect(), listened.difference(&observed).collect()];
        // A futex is called when threads meet, which they do or do not: the one exception of SPECIFICATION.md.
        let matters = |facts: &[&String]| facts.iter().any(|f| !f.contains("\"futex\""));
        assert!(!matters(&more) && !matters(&less), "{command:?}: more {more:#?}, less {less:#?}");
    }
}

/// Threads that live for a moment, and calls by the 32-bit ABI.
const THREADS: &str = r#"
#include <pthread.h>
#include <unistd.h>
#include <sys/syscall.h>
static void *f(void *p) { syscall(SYS_getppid); syscall(SYS_personality, 0xffffffff); return p; }
int main(void) {
  for (int i = 0; i < 50; i++) { pthread_t t; pthread_create(&t, 0, f, 0); pthread_join(t, 0); }
#ifdef __x86_64__
  long r; __asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory");
#endif
  syscall(777, 1);
  return 0;
}"#;

#[test]
fn the_abi_is_kept_and_numbers_beyond_the_tables_stay_numbers() {
    let Some(lab) = lab(&["gcc"]) else { return };
    lab.compile("threads", THREADS);
    lab.callgate("record --backend ebpf -o t").command(&["./threads"]).expect(0);
    let facts = facts(&lab.json("t")).into_iter().collect::<Vec<_>>().join("\n");
    assert!(facts.contains("null 777"), "{facts}");
    if cfg!(target_arch = "x86_64") {
        assert!(facts.contains("\"x86\" \"getpid\" 20"), "{facts}");
    }
}

#[test]
fn two_recorders_see_the_same_at_once_and_leave_nothing_in_the_kernel() {
    let Some(lab) = lab(&["python3"]) else { return };
    let before = programs(&lab);
    let running = Running::start("sh", &["-c", "while :; do ls / >/dev/null; (umask 77); done"]);
    let script = format!(
        "for n in 1 2; do \"$CALLGATE\" record --pid {} --for 2s -o $n.trace & done; sleep 1; \
         \"$CALLGATE\" record --pid {} -o killed.trace & k=$!; sleep 1; kill -9 $k; wait",
        running.pid(),
        running.pid()
    );
    lab.sh(&script).run();
    let [one, two] = ["1.trace", "2.trace"].map(|name| facts(&lab.json(name)));
    assert_eq!(one, two);
    assert!(one.len() > 20);
    // The keeper of the killed one notices at once, and with it goes all there is.
    until("no program is left in the kernel", || programs(&lab) <= before);
}

#[test]
fn a_cgroup_is_recorded_with_who_was_there_and_who_comes() {
    let Some(lab) = lab(&["ls"]) else { return };
    for hierarchy in [unified(), "pids"] {
        if !Path::new("/sys/fs/cgroup").join(hierarchy).is_dir() {
            continue;
        }
        let group = Group::new(hierarchy, &lab);
        let there = Running::start("sh", &["-c", "while :; do (umask 77); sleep 0.01; done"]);
        std::fs::write(group.0.join("cgroup.procs"), there.pid().to_string()).unwrap();
        let path = group.path();
        let script = format!(
            "\"$CALLGATE\" record --cgroup {path} --for 2s --force -o t & sleep 1; \
             sh -c 'echo $$ > {path}/cgroup.procs; exec ls -l /' >/dev/null; wait $!"
        );
        lab.sh(&script).expect(0).says("came into the scope later").says("getdents64");
        let trace = lab.json("t");
        let names = names(&trace);
        assert!(names.contains("umask") && names.contains("getdents64"), "{hierarchy}: {names:?}");
        assert_eq!(trace["complete"], true);
        assert_eq!(trace["losses"]["missed-runs"], 0);
        drop(there);
    }
}

#[test]
fn a_cgroup_that_is_not_there_yet_is_recorded_from_its_first_call() {
    let Some(lab) = lab(&["ls"]) else { return };
    for hierarchy in [unified(), "pids"] {
        if !Path::new("/sys/fs/cgroup").join(hierarchy).is_dir() {
            continue;
        }
        // A parent that is not there, a name that begins alike beside it, and what another hierarchy calls the same.
        let group = Group::new(hierarchy, &lab);
        let path = group.path();
        lab.callgate(&format!("record --cgroup {path}/a/b -o u")).expect(125).says("--wait waits for one");
        lab.callgate(&format!("record --cgroup {path}/a/b --wait --for 1s -o u"))
            .expect(125)
            .says("a/b was not made");
        let script = format!(
            "\"$CALLGATE\" record --cgroup {path}/a/b --wait --force -o t & r=$!
             n() {{ ls -l /proc/$(cat /proc/$r/task/$r/children | tr -d ' ')/fd 2>/dev/null | grep -c bpf_link; }}
             until test \"$(n)\" = 6; do sleep 0.05; done
             mkdir -p {path}/a/bc; sh -c 'echo $$ > {path}/a/bc/cgroup.procs; umask 77'
             mkdir {path}/a/b; sh -c 'echo $$ > {path}/a/b/cgroup.procs; exec ls -l /' >/dev/null
             rmdir {path}/a/b {path}/a/bc {path}/a; wait $r"
        );
        lab.sh(&script).expect(0).says("recorded from its beginning").never_says("later");
        let names = names(&lab.json("t"));
        assert!(names.contains("execve") && names.contains("getdents64"), "{hierarchy}: {names:?}");
        assert!(!names.contains("umask"), "{hierarchy}: that was another one");
    }
}

#[test]
fn who_comes_later_is_left_out_where_that_is_wanted() {
    let Some(lab) = lab(&["ls"]) else { return };
    let group = Group::new(unified(), &lab);
    let there = Running::start("sh", &["-c", "while :; do (umask 77); sleep 0.01; done"]);
    std::fs::write(group.0.join("cgroup.procs"), there.pid().to_string()).unwrap();
    let path = group.path();
    let script = format!(
        "\"$CALLGATE\" record --cgroup {path} --no-later --for 2s -o t & sleep 1; \
         sh -c 'echo $$ > {path}/cgroup.procs; exec ls -l /' >/dev/null; wait $!"
    );
    lab.sh(&script).expect(0).says("left out: 1 that came into the scope later");
    let names = names(&lab.json("t"));
    assert!(names.contains("umask") && !names.contains("getdents64"), "{names:?}");
}

#[test]
fn where_the_kernel_refuses_a_program_all_the_same_the_process_is_traced() {
    let Some(lab) = lab(&["sh"]) else { return };
    // BPF_RAW_TRACEPOINT_OPEN is refused: everything is there until then.
    lab.write(
        "p.json",
        "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"bpf\"], \"action\": \
         \"SCMP_ACT_ERRNO\", \"errnoRet\": 1, \"args\": [{\"index\": 0, \"value\": 17, \"op\": \"SCMP_CMP_EQ\"}]}]}",
    );
    let running = Running::start("sh", &["-c", "while :; do sleep 0.05; done"]);
    let script = format!(
        "\"$CALLGATE\" run -q --profile p.json --stage enforce --via log -- \"$CALLGATE\" record --pid {} --for 1s",
        running.pid()
    );
    lab.sh(&format!("{script} -o t")).expect(0).says("not by eBPF: cannot attach to").says("under ptrace");
    lab.sh(&format!("{script} --backend ebpf -o u")).expect(125).says("attach to");
    assert!(!lab.has("u"));
}

#[test]
fn a_filter_that_is_loaded_later_is_noticed() {
    let Some(lab) = lab(&["sh"]) else { return };
    lab.write(
        "p.json",
        "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"mkdir\", \"mkdirat\"], \"action\": \
         \"SCMP_ACT_ERRNO\", \"errnoRet\": 30}]}",
    );
    let own = lab.callgate_path().display().to_string();
    let loop_ = format!(
        "while :; do {own} run -q --profile p.json --stage enforce --via log -- mkdir d; sleep 0.2; done"
    );
    let running = lab.sh(&loop_).start();
    lab.callgate(&format!("record --pid {} --for 2s -o t", running.pid()))
        .expect(0)
        .says("no filter was there at the beginning");
    running.signal("KILL");
    drop(running.end());
    let trace = lab.json("t");
    let refused =
        |c: &Value| c["name"].as_str().is_some_and(|n| n.starts_with("mkdir")) && c["refused"] == 30;
    assert!(trace["calls"].as_array().unwrap().iter().any(refused), "{trace}");
}

#[test]
fn a_container_that_starts_while_its_parent_cgroup_is_recorded_shows_no_set_up() {
    let Some(lab) = lab(&["runc", "crun", "busybox"]) else { return };
    busybox(&lab, "rootfs");
    for (runtime, hierarchy) in RUNTIMES.iter().zip(["pids", unified()]) {
        // One of its own, one above the runtime itself, both, none.
        for (filtered, above) in [(true, false), (false, false), (true, true), (false, true)] {
            let trace = contained(&lab, runtime, hierarchy, (filtered, above));
            let names = names(&trace);
            let extra: Vec<_> = SET_UP.iter().filter(|name| names.contains(**name)).collect();
            assert!(extra.is_empty(), "filtered: {filtered}, above: {above}: {extra:?} of {names:?}");
            assert!(
                names.contains("umask") && names.contains("getdents64"),
                "filtered: {filtered}, above: {above}: {names:?}"
            );
            assert!(names.contains("execve"), "{names:?}");
        }
    }
}

#[test]
fn a_container_and_a_unit_are_found_by_what_they_are_called() {
    let Some(lab) = lab(&[]) else { return };
    let id = format!("{:064x}", u64::from(std::process::id()) << 32 | 0xca11_6a7e);
    let unit = format!("callgate-test-{}.service", std::process::id());
    for (group, flag) in [
        (format!("docker-{id}.scope"), format!("--container {id}")),
        (unit.clone(), format!("--unit {}", unit.trim_end_matches(".service"))),
    ] {
        let group = Group::named(unified(), &group);
        let there = Running::start("sh", &["-c", "while :; do (umask 77); sleep 0.01; done"]);
        std::fs::write(group.0.join("cgroup.procs"), there.pid().to_string()).unwrap();
        lab.callgate(&format!("record {flag} --for 1s --force -o t")).expect(0).says("it goes on");
        assert!(names(&lab.json("t")).contains("umask"), "{flag}");
        drop(there);
    }
}

#[test]
fn a_program_is_learned_from_outside_and_proven() {
    let Some(lab) = lab(&["ls"]) else { return };
    lab.callgate("learn --backend ebpf -o p.json").command(&["ls", "-l", "/etc"]).expect(0).says("proven");
    lab.callgate("run --profile p.json --stage enforce").command(&["ls", "-l", "/etc"]).expect(0);
}

/// Starts a container below a cgroup that is being recorded: with a filter of its own, and with one above the runtime
/// that allows all.
fn contained(lab: &Lab, runtime: &Runtime, hierarchy: &str, (filtered, above): (bool, bool)) -> Value {
    let group = Group::new(hierarchy, lab);
    bundle(lab, "b", &group.inside("c"), |config| {
        if filtered {
            config["linux"]["seccomp"] = filter();
        }
    });
    let mut record = lab.callgate("record --force -o t");
    record.args(["--cgroup", group.path()]);
    let recording = record.start();
    attached(recording.pid());
    lab.write("all.json", "{\"defaultAction\": \"SCMP_ACT_ALLOW\"}");
    let own = lab.callgate_path().display();
    let profile = lab.path("all.json");
    let under = format!(
        "{own} run -q --profile {} --stage enforce --via log --allow-privilege-escalation -- ",
        profile.display()
    );
    run_bundle(lab, runtime, "b", if above { &under } else { "" }).expect(0);
    recording.signal("TERM");
    recording.end().expect(0);
    lab.json("t")
}

/// A bundle of `rootfs` in this cgroup, which makes two calls that no runtime makes; `change` has the last word.
pub(super) fn bundle(lab: &Lab, name: &str, cgroup: &str, change: impl FnOnce(&mut Value)) {
    lab.sh(&format!("rm -rf {name} && mkdir {name} && cd {name} && runc spec")).expect(0);
    let file = format!("{name}/config.json");
    let mut config: Value = lab.json(&file);
    config["process"]["terminal"] = false.into();
    config["process"]["args"] = serde_json::json!(["sh", "-c", "umask 77; ls /; sleep 0.1"]);
    config["root"]["path"] = lab.path("rootfs").to_str().unwrap().into();
    config["linux"]["resources"] = serde_json::json!({});
    config["linux"]["cgroupsPath"] = cgroup.into();
    change(&mut config);
    lab.write(&file, config.to_string());
}

/// A filter that refuses nothing a container does.
pub(super) fn filter() -> Value {
    serde_json::json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["bpf"], "action": "SCMP_ACT_ERRNO"}]})
}

#[test]
fn a_call_that_a_filter_refuses_is_seen_with_its_errno() {
    let Some(lab) = lab(&["gcc"]) else { return };
    lab.compile("refused", REFUSED);
    lab.callgate("record --backend ebpf -o t").command(&["./refused"]).expect(0);
    let trace = lab.json("t");
    let calls = trace["calls"].as_array().unwrap();
    let refused: Vec<_> = calls.iter().filter(|c| !c["refused"].is_null()).collect();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(
        (&refused[0]["name"], &refused[0]["refused"], &refused[0]["count"]),
        (&"getppid".into(), &38.into(), &1000.into())
    );
}

/// Loads a filter that refuses getppid with ENOSYS, and asks a thousand times.
const REFUSED: &str = r"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void) {
  struct sock_filter f[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 38),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
  struct sock_fprog p = { 4, f };
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p)) return 1;
  for (int i = 0; i < 1000; i++) if (syscall(SYS_getppid) != -1) return 2;
  return 0;
}";

#[test]
fn what_does_not_fit_into_the_kernels_maps_makes_the_trace_incomplete() {
    let Some(lab) = lab(&["gcc"]) else { return };
    let source = "#include <unistd.h>\n#include <sys/syscall.h>\n\
                  int main(void) { for (int i = 0; i < 3000; i++) syscall(1000 + i); return 0; }";
    lab.compile("many", source);
    lab.callgate("record --backend ebpf -o t").command(&["./many"]).expect(0);
    let trace = lab.json("t");
    let lost = trace["losses"]["odd-numbers"].as_u64().unwrap();
    assert!(lost >= 3000 - 1024, "{lost}");
    assert_eq!(trace["complete"], false);
    lab.callgate("generate t -o p").expect(2).says("incomplete");
}

#[test]
fn a_storm_of_processes_loses_nothing() {
    let Some(lab) = lab(&["gcc"]) else { return };
    lab.compile("storm", STORM);
    let seconds = if full() { "30" } else { "2" };
    let ended = lab.callgate("record --backend ebpf -o t").command(&["./storm", "64", seconds]).expect(0);
    let calls_a_second = ended.stdout.trim().parse::<u64>().unwrap();
    println!("{calls_a_second} calls a second");
    assert!(!full() || calls_a_second >= 1_000_000, "no storm: {calls_a_second} calls a second");
    let trace = lab.json("t");
    assert_eq!(trace["complete"], true, "{}", trace["losses"]);
    let calls = trace["calls"].as_array().unwrap();
    // Every number the storm made, each at a random time by one process only.
    let numbers: BTreeSet<_> = calls.iter().filter_map(|c| c["nr"].as_u64()).collect();
    let missing: Vec<_> = (600..1000).filter(|nr| !numbers.contains(nr)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let name = |n: &str| calls.iter().find(|c| c["name"] == n).unwrap().clone();
    let values = name("personality")["args"]["0"]["values"].as_array().unwrap().len();
    assert_eq!(values, 40, "each value once, by one process");
}

/// `storm PROCESSES SECONDS`: all call as fast as they can; each makes its share of 400 rare calls, and of 40 rare values,
/// at random times, once. Prints how many calls that were in a second.
const STORM: &str = r#"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }
int main(int argc, char **argv) {
  int processes = atoi(argv[1]); double seconds = atof(argv[2]), start = now();
  long *all = mmap(0, sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), calls = 0;
  for (int p = 0; p < processes; p++) if (!fork()) {
    double at[440]; srand(p + 1);
    for (int i = 0; i < 440; i++) at[i] = i % processes == p ? start + seconds * (rand() / (double)RAND_MAX) : 1e300;
    for (;;) {
      for (int i = 0; i < 500; i++) { syscall(SYS_getppid); syscall(SYS_getuid); }
      calls += 1000;
      double t = now();
      for (int i = 0; i < 440; i++) if (t >= at[i]) {
        at[i] = 1e300;
        if (i < 400) syscall(600 + i); else syscall(SYS_personality, 0x01000000ul + i);
      }
      if (t > start + seconds) {
        for (int i = 0; i < 440; i++) if (at[i] < 1e300) { if (i < 400) syscall(600 + i); else syscall(SYS_personality, 0x01000000ul + i); }
        __atomic_add_fetch(all, calls, __ATOMIC_RELAXED);
        _exit(0);
      }
    }
  }
  while (wait(0) > 0) ;
  printf("%.0f\n", *all / (now() - start));
  return 0;
}"#;

#[test]
fn bad_targets_are_said_and_nothing_is_written() {
    let Some(lab) = lab(&[]) else { return };
    lab.callgate("record --cgroup no/such/group -o t")
        .expect(125)
        .says("no/such/group")
        .says("cgroups are below");
    lab.callgate("record --container deadbeefdead -o t").expect(125).says("deadbeefdead").says("docker ps");
    lab.callgate("record --container ../etc -o t").expect(125).says("no id of a container");
    lab.callgate("record --unit no-such-unit -o t").expect(125).says("no-such-unit.service");
    lab.callgate("record --unit x --pid 1 -o t").expect(2);
    lab.callgate("record --cgroup / --backend ptrace -o t").expect(125).says("--backend ebpf");
    assert!(!lab.has("t"));
}

#[test]
fn a_cgroup_that_disappears_ends_the_recording() {
    let Some(lab) = lab(&[]) else { return };
    let group = Group::new(unified(), &lab);
    let there = Running::start("sh", &["-c", "for i in 1 2 3 4 5 6 7 8 9; do (umask 77); sleep 0.1; done"]);
    std::fs::write(group.0.join("cgroup.procs"), there.pid().to_string()).unwrap();
    let mut record = lab.callgate("record -o t");
    record.args(["--cgroup", group.path()]);
    let recording = record.start();
    attached(recording.pid());
    until("the cgroup is empty", || {
        std::fs::read_to_string(group.0.join("cgroup.procs")).unwrap().is_empty()
    });
    drop(group);
    recording.end().expect(0).says("it ended");
    assert!(names(&lab.json("t")).contains("umask"));
    drop(there);
}

#[test]
fn without_privilege_a_process_is_traced_and_a_cgroup_is_refused() {
    let Some(lab) = Lab::nobody() else { return };
    assert!(find("sh").is_some());
    lab.callgate("record --cgroup / -o t").expect(125).says("CAP_BPF");
    lab.callgate("record --backend ebpf -o t").command(&["true"]).expect(125).says("CAP_BPF");
    let script = "sh -c 'while :; do (umask 77); done' & \"$CALLGATE\" record --pid $! --for 1s -o t; s=$?; kill $!; exit $s";
    lab.sh(script).expect(0).says("not by eBPF, since this process has no CAP_BPF").says("under ptrace");
}
