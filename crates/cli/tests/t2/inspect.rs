//! The filters that are really loaded, read as root.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::containers::busybox;
use crate::harness::{Lab, Running, until};

/// Refuses mount, as nobody here calls it.
const PROFILE: &str = r#"{"defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["mount"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}"#;
/// The same but for the errno.
const OTHER: &str = r#"{"defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["mount"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13}]}"#;

/// `layers N…`: threads, of which the n-th loads so many filters, each with an errno of its own for call 9999. One more
/// counts SIGUSR1s; what it got is printed at SIGTERM. `strict` is strict mode.
const LAYERS: &str = r#"
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
static pthread_barrier_t ready;
static void load(int count) {
    for (int i = 1; i <= count; i++) {
        struct sock_filter code[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 9999, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | i),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
        struct sock_fprog program = { 4, code };
        if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program)) abort();
    }
}
static void *work(void *count) {
    load((long)count);
    pthread_barrier_wait(&ready);
    for (;;) pause();
}
int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "strict")) {
        puts("ready"); fflush(stdout);
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
        char byte;
        for (;;) read(0, &byte, 1);
    }
    sigset_t set;
    sigemptyset(&set); sigaddset(&set, SIGRTMIN); sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    pthread_barrier_init(&ready, NULL, argc);
    for (int i = 1; i < argc; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, work, (void *)(long)atoi(argv[i]));
    }
    pthread_barrier_wait(&ready);
    load(1);
    puts("ready"); fflush(stdout);
    for (int got = 0, signal;; got++) {
        sigwait(&set, &signal);
        if (signal == SIGTERM) { printf("%d\n", got); return 0; }
    }
}"#;

/// The processes of a document.
fn one(document: &Value) -> &Value {
    let processes = document["processes"].as_array().unwrap();
    assert_eq!(processes.len(), 1, "{document}");
    &processes[0]
}

fn inspected(lab: &Lab, pid: u32) -> Value {
    one(&lab.callgate(&format!("inspect {pid} --format json")).expect(0).json()).clone()
}

fn layers(lab: &Lab, counts: &[&str]) -> Running {
    lab.compile("layers", LAYERS);
    let running = lab.program("./layers").args(counts).start();
    running.says("ready");
    running
}

fn state(pid: u32) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    status.lines().filter(|l| l.starts_with("State") || l.starts_with("TracerPid")).collect()
}

/// A program under a profile's own filter, by its number.
fn enforced(lab: &Lab, profile: &str) -> (Running, u32) {
    let words = format!("run --profile {profile} --stage enforce --via log");
    let running = lab.callgate(&words).script("echo $$; exec sleep 60").start();
    until("it says its number", || running.stdout().ends_with('\n'));
    let pid = running.stdout().trim().parse().unwrap();
    until("it sleeps", || fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|c| c == "sleep\n"));
    (running, pid)
}

fn end(running: Running, pid: u32) {
    assert!(Command::new("kill").arg(pid.to_string()).status().unwrap().success());
    running.end().expect(143);
}

#[test]
fn threads_with_filters_of_their_own_are_told_apart_and_stacked_ones_stand_newest_first() {
    let Some(lab) = Lab::root(&["gcc"]) else { return };
    let running = layers(&lab, &["3", "0", "3"]);
    let process = inspected(&lab, running.pid());
    let chains = process["chains"].as_array().unwrap();
    let shape: Vec<_> = chains
        .iter()
        .map(|c| (c["threads"].as_array().unwrap().len(), c["filters"].as_array().unwrap().len()))
        .collect();
    assert_eq!(shape, [(1, 1), (2, 3), (1, 0)], "{process}");
    let answers: Vec<_> =
        (0..3).map(|n| chains[1]["filters"][n]["program"][2][3].as_u64().unwrap() & 0xffff).collect();
    assert_eq!(answers, [3, 2, 1], "{process}");
    let numbers: Vec<_> = (0..3).map(|n| chains[1]["filters"][n]["layer"].clone()).collect();
    assert_eq!(numbers, [2, 1, 0]);
    assert_eq!(chains[1]["filters"][2]["hash"], chains[0]["filters"][0]["hash"]);
    assert_eq!((&process["mode"], &chains[2]["mode"]), (&"filter".into(), &"off".into()));
    lab.callgate(&format!("inspect {} --disasm", running.pid()))
        .expect(0)
        .shows("3 filters, newest first")
        .shows("no filter");
    lab.callgate("inspect --all").expect(0).shows(&format!("layers[{}] (2 of 4 threads)", running.pid()));
    running.signal("TERM");
    running.end().expect(0);
}

#[test]
fn two_hundred_inspections_lose_no_signal_and_leave_nothing_held() {
    let Some(lab) = Lab::root(&["gcc"]) else { return };
    let running = layers(&lab, &["1", "2", "1", "2"]);
    let pid = running.pid();
    // Realtime signals queue, so that each one counts.
    let script = format!(
        "(for i in $(seq 1000); do kill -s RTMIN {pid}; done; touch sent) & \
         for i in $(seq 200); do \"$CALLGATE\" -q inspect {pid} >/dev/null || exit 1; done; wait"
    );
    lab.sh(&script).expect(0);
    assert!(lab.has("sent") && state(pid).contains("TracerPid:\t0"), "{}", state(pid));
    running.signal("TERM");
    running.end().expect(0).prints("ready\n1000\n");
}

/// Loads ten filters of 3000 instructions: nearly all that the kernel takes.
const LARGE: &str = r#"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>
int main(void) {
    struct sock_filter code[3000];
    for (int i = 0; i < 2999; i++) code[i] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, i);
    code[2999] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = { 3000, code };
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    for (int i = 0; i < 10; i++)
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) return 1;
    puts("ready"); fflush(stdout);
    for (;;) pause();
}"#;

#[test]
fn as_many_instructions_as_the_kernel_takes_are_read() {
    let Some(lab) = Lab::root(&["gcc"]) else { return };
    lab.compile("large", LARGE);
    let running = lab.program("./large").start();
    running.says("ready");
    let process = inspected(&lab, running.pid());
    let filters = process["chains"][0]["filters"].as_array().unwrap();
    assert_eq!(
        filters.iter().map(|f| f["program"].as_array().unwrap().len()).collect::<Vec<_>>(),
        [3000; 10]
    );
    running.signal("KILL");
    running.end().expect(137);
}

/// Waits under a filter: threads in poll, a futex, nanosleep and read go on, and only one in epoll_wait is told.
const WAITS: &str = r#"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
static int pipes[2];
static sem_t never;
static void failed(const char *what) { printf("%s: %d\n", what, errno); fflush(stdout); }
static void *polls(void *a) { poll(NULL, 0, -1); failed("poll"); return a; }
static void *waits(void *a) { sem_wait(&never); failed("futex"); return a; }
static void *sleeps(void *a) { struct timespec t = { 600, 0 }; nanosleep(&t, NULL); failed("nanosleep"); return a; }
static void *reads(void *a) { char c; read(pipes[0], &c, 1); failed("read"); return a; }
static void *epolls(void *a) { struct epoll_event e; epoll_wait(epoll_create1(0), &e, 1, -1); failed("epoll_wait"); return a; }
int main(void) {
    struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
    struct sock_fprog program = { 1, code };
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (pipe(pipes) || sem_init(&never, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) return 1;
    void *(*all[])(void *) = { polls, waits, sleeps, reads, epolls };
    pthread_t thread;
    for (int i = 0; i < 5; i++) pthread_create(&thread, NULL, all[i], NULL);
    puts("ready"); fflush(stdout);
    for (;;) pause();
}"#;

#[test]
fn what_threads_wait_in_goes_on_but_for_an_epoll_wait_as_signal_7_has_it() {
    let Some(lab) = Lab::root(&["gcc"]) else { return };
    lab.compile("waits", WAITS);
    let running = lab.program("./waits").start();
    running.says("ready");
    let asleep = || {
        let tasks = fs::read_dir(format!("/proc/{}/task", running.pid())).unwrap();
        let status = |task: fs::DirEntry| fs::read_to_string(task.path().join("status")).unwrap_or_default();
        tasks.flatten().map(status).filter(|s| s.contains("State:\tS")).count()
    };
    until("all of them wait", || asleep() == 6);
    for _ in 0..20 {
        inspected(&lab, running.pid());
    }
    running.says("epoll_wait: 4");
    running.signal("KILL");
    running.end().expect(137).prints("ready\nepoll_wait: 4\n");
}

#[test]
fn a_stopped_process_is_inspected_and_stays_stopped() {
    let Some(lab) = Lab::root(&["gcc"]) else { return };
    let running = layers(&lab, &["2"]);
    let pid = running.pid();
    running.signal("STOP");
    until("it is stopped", || state(pid).contains("T (stopped)"));
    for _ in 0..20 {
        inspected(&lab, pid);
        until("it is stopped again", || state(pid).contains("T (stopped)"));
    }
    running.signal("CONT");
    until("it goes on", || state(pid).contains("S (sleeping)"));
    running.signal("TERM");
    running.end().expect(0);
}

#[test]
fn what_is_read_is_what_run_loaded_and_the_profile_is_recognised() {
    let Some(lab) = Lab::root(&[]) else { return };
    lab.write("p.json", PROFILE);
    lab.write("other.json", OTHER);
    let (running, pid) = enforced(&lab, "p.json");
    let process = inspected(&lab, pid);
    let program = process["chains"][0]["filters"][0]["program"].as_array().unwrap().clone();
    let read: Vec<u8> = program
        .iter()
        .flat_map(|i| {
            let n = |at: usize| i[at].as_u64().unwrap();
            let mut bytes = (n(0) as u16).to_ne_bytes().to_vec();
            bytes.extend([n(1) as u8, n(2) as u8]);
            bytes.extend((n(3) as u32).to_ne_bytes());
            bytes
        })
        .collect();
    lab.callgate("compile p.json --emit raw -o p.bpf").expect(0);
    let compiled = fs::read(lab.path("p.bpf")).unwrap();
    // The one change of `run`: an architecture that is not listed kills the process, not the thread.
    let returned = |k: u32| [&[0x06, 0, 0, 0], &k.to_ne_bytes()[..]].concat();
    let changed = compiled
        .chunks(8)
        .map(|insn| if insn == returned(0) { returned(0x8000_0000) } else { insn.to_vec() });
    assert_eq!(read, changed.collect::<Vec<_>>().concat());
    lab.callgate(&format!("inspect {pid} --profile p.json")).expect(0).shows("equal to p.json");
    let differs = lab.callgate(&format!("inspect {pid} --profile other.json --format json")).expect(1).json();
    let filter = &one(&differs)["chains"][0]["filters"][0];
    assert_eq!(filter["profile"], "different");
    assert_eq!(
        (&filter["witness"]["filter"], &filter["witness"]["profile"]),
        (&"EPERM".into(), &"EACCES".into())
    );
    lab.callgate(&format!("inspect {pid} --profile other.json"))
        .expect(1)
        .shows("differs from other.json: mount(");
    end(running, pid);
}

#[test]
fn equal_filters_of_several_processes_stand_together() {
    let Some(lab) = Lab::root(&[]) else { return };
    lab.write("p.json", PROFILE);
    let [(first, one), (second, two)] = [enforced(&lab, "p.json"), enforced(&lab, "p.json")];
    let hash = |pid| inspected(&lab, pid)["chains"][0]["filters"][0]["hash"].as_str().unwrap().to_owned();
    assert_eq!(hash(one), hash(two));
    let all = lab.callgate("inspect --all").env("COLUMNS", "9999").expect(0);
    let line = all.stdout.lines().find(|l| l.contains(&format!("sleep[{one}]"))).unwrap();
    assert!(line.contains("processes: ") && line.contains(&format!("sleep[{two}]")), "{}", all.stdout);
    assert!(line.contains(&hash(one)[7..19]), "{line}");
    end(first, one);
    end(second, two);
}

#[test]
fn strict_mode_no_filter_and_a_tracer_are_said() {
    let Some(lab) = Lab::root(&["gcc", "sleep"]) else { return };
    lab.compile("layers", LAYERS);
    let strict = lab.sh("exec ./layers strict < /dev/zero").start();
    strict.says("ready");
    let pid = strict.pid();
    until("it is strict", || {
        fs::read_to_string(format!("/proc/{pid}/status")).unwrap().contains("Seccomp:\t1")
    });
    lab.callgate(&format!("inspect {pid}")).expect(0).shows("strict mode");
    strict.signal("KILL");
    strict.end().expect(137);
    lab.write("p.json", PROFILE);
    let free = lab.program("sleep").arg("60").start();
    lab.callgate(&format!("inspect {}", free.pid())).expect(0).shows("no filter");
    lab.callgate(&format!("inspect {} --profile p.json", free.pid())).expect(1);
    free.signal("TERM");
    free.end().expect(143);
    // A task has one tracer.
    let held = layers(&lab, &["1"]);
    let pid = held.pid();
    let record = lab.callgate(&format!("record --pid {pid} --backend ptrace -o t")).start();
    until("it is traced", || !state(pid).contains("TracerPid:\t0"));
    lab.callgate(&format!("inspect {pid}")).expect(2).says("traces it already").says("a task has one tracer");
    record.signal("TERM");
    record.end().expect(0);
    held.signal("TERM");
    held.end().expect(0);
}

#[test]
fn callgate_that_is_filtered_itself_says_so() {
    let Some(lab) = Lab::root(&[]) else { return };
    lab.write("p.json", PROFILE);
    let (running, pid) = enforced(&lab, "p.json");
    let callgate = lab.callgate_path().display().to_string();
    lab.callgate("run --profile p.json --stage enforce --via log --allow-privilege-escalation")
        .command(&[&callgate, "inspect", &pid.to_string()])
        .expect(2)
        .says("callgate itself is filtered")
        .shows("1 filter, not read");
    end(running, pid);
}

#[test]
fn a_container_of_runc_shows_the_filter_of_its_profile() {
    let Some(lab) = Lab::root(&["runc", "busybox"]) else { return };
    busybox(&lab, "bundle/rootfs");
    let name = lab.dir.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    lab.sh("cd bundle && runc spec").expect(0);
    let mut config = lab.json("bundle/config.json");
    config["process"]["terminal"] = false.into();
    config["process"]["args"] = json!(["/bin/busybox", "sleep", "60"]);
    config["linux"]["seccomp"] = serde_json::from_str(PROFILE).unwrap();
    lab.write("bundle/config.json", config.to_string());
    let running = lab.sh(&format!("exec runc run --bundle bundle {name}")).start();
    let pid_of = || {
        let state = lab.sh(&format!("runc state {name}")).run().stdout;
        let state: Value = serde_json::from_str(&state).ok()?;
        (state["status"] == "running").then(|| state["pid"].as_u64().unwrap() as u32)
    };
    until("the container runs", || pid_of().is_some());
    let pid = pid_of().unwrap();
    until("its program runs", || {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|c| c == "busybox\n")
    });
    let process = inspected(&lab, pid);
    assert_eq!(process["chains"][0]["filters"].as_array().unwrap().len(), 1, "{process}");
    lab.write("p.json", PROFILE);
    lab.write("other.json", OTHER);
    // The filter is libseccomp's, so only a prover can tell that it is equal; it is not refuted.
    let equal = lab.callgate(&format!("inspect {pid} --profile p.json")).run();
    assert_ne!(equal.code(), 1, "{}{}", equal.stdout, equal.stderr);
    lab.callgate(&format!("inspect {pid} --profile other.json")).expect(1).shows("mount(");
    lab.sh(&format!("runc kill {name} KILL")).expect(0);
    running.end().expect(137);
}
