//! Every backend sees the same, and each can carry the whole loop; attaching to what runs already.

use std::process::{Command, Stdio};

use crate::harness::{Lab, hold_five_times, until};

/// Deterministic, with a pipe, a subshell, redirections and failing calls.
const SCRIPT: &str =
    "ls -l / >/dev/null; echo b >f; (read x <f; echo $x) | cat >g; test -e nothing; ulimit -n >/dev/null";

/// Calls with ABI, outcome, arguments (without counts), executables and phases.
fn seen(lab: &Lab, trace: &str) -> Vec<String> {
    let shown = lab.callgate("show --format json").arg(trace).expect(0).json();
    let calls = shown["calls"].as_array().unwrap().iter().map(|call| {
        let args = call["args"].as_object().unwrap().iter().map(|(index, arg)| {
            let values = arg["values"].as_array().unwrap().iter().map(|v| v["value"].to_string());
            format!("{index}: {:?}", values.collect::<Vec<_>>())
        });
        let args: Vec<_> = args.collect();
        format!(
            "{} {} {} {} {} {args:?}",
            call["arch"], call["nr"], call["refused"], call["executables"], call["phases"]
        )
    });
    calls.collect()
}

#[test]
fn all_backends_see_the_same_calls_values_and_executables() {
    let Some(lab) = Lab::nobody() else { return };
    for backend in ["notify", "trace", "ptrace"] {
        lab.callgate(&format!("record --backend {backend} -o {backend}")).script(SCRIPT).expect(0);
        assert_eq!(lab.json(backend)["recordings"][0]["backend"], backend);
    }
    let notified = seen(&lab, "notify");
    assert!(notified.len() > 20, "{notified:?}");
    assert_eq!(seen(&lab, "trace"), notified);
    assert_eq!(seen(&lab, "ptrace"), notified);
}

#[test]
fn the_whole_loop_works_with_every_backend() {
    let Some(lab) = Lab::nobody() else { return };
    let program = ["sh", "-c", "ls / | sort >/dev/null; (exit 4) & wait $!"];
    for backend in ["notify", "trace", "ptrace"] {
        for rest in ["", "--runs 2 --default-action kill-process"] {
            lab.callgate(&format!("learn --force --backend {backend} {rest} -o p.json"))
                .command(&program)
                .expect(0)
                .says("proven:");
            hold_five_times(&lab, "", 4, &program);
        }
        // The proof notices what a recording did not see, whoever watches.
        lab.sh("rm -f once").expect(0);
        lab.callgate(&format!("learn --force --backend {backend} -o p.json"))
            .script("test -e once && umask 77; : >once")
            .expect(1)
            .says("refused: umask(")
            .says("--allow umask");
    }
}

#[test]
fn a_trimmed_run_by_a_tracer_records_what_is_new() {
    let Some(lab) = Lab::nobody() else { return };
    lab.callgate("record --backend trace -o known -- true").expect(0);
    lab.callgate("record --backend trace --known known -o new").script("umask 77").expect(0);
    let names: Vec<_> =
        lab.json("new")["calls"].as_array().unwrap().iter().map(|c| c["name"].clone()).collect();
    assert!(names.contains(&"umask".into()) && !names.contains(&"brk".into()), "{names:?}");
}

/// A process that works until it is killed.
struct Running(std::process::Child);

impl Running {
    fn start(script: &str) -> Self {
        let mut sh = Command::new("sh");
        Self(sh.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Whether somebody traces it; `None` once it is gone.
    fn traced(&self) -> Option<bool> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).ok()?;
        let tracer = status.lines().find_map(|l| l.strip_prefix("TracerPid:"))?;
        Some(tracer.trim() != "0")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_running_process_is_recorded_with_its_children_and_let_go() {
    let lab = Lab::new();
    let mut running = Running::start("while :; do (umask 77); sleep 0.05; done");
    let pid = running.pid();
    lab.callgate(&format!("record --pid {pid} --backend ptrace --for 2s -o t")).expect(0).says("it goes on");
    assert_eq!(running.traced(), Some(false), "let go of, and alive");
    assert!(running.0.try_wait().unwrap().is_none());
    let text = lab.read("t");
    assert!(text.contains("\"umask\"") && text.contains("\"execve\""), "{text}");
    assert!(text.contains("what it did before was not seen"));
    // From what is there a profile can be made; it says of itself what it is.
    lab.callgate("generate t -o p.json").expect(0);
}

#[test]
fn a_recording_of_a_running_process_ends_with_it_or_by_a_signal() {
    let lab = Lab::new();
    let running = Running::start("sleep 1; exit 3");
    lab.callgate(&format!("record --pid {} --backend ptrace -o t", running.pid()))
        .expect(0)
        .says("exit status 3");
    let running = Running::start("while :; do sleep 0.05; done");
    let script = format!(
        "\"$CALLGATE\" record --pid {} --backend ptrace -o u & r=$!; sleep 1; kill -TERM $r; wait $r",
        running.pid()
    );
    lab.sh(&script).expect(0).says("it goes on");
    assert_eq!(running.traced(), Some(false));
    // kill -9 leaves it running, too: there is nobody left who wants to know.
    let script = format!(
        "\"$CALLGATE\" record --pid {} --backend ptrace -o v & r=$!; sleep 1; kill -9 $r; wait $r",
        running.pid()
    );
    lab.sh(&script).expect(137);
    let gone = (0..100).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        running.traced() == Some(false)
    });
    assert!(gone, "alive and let go: {:?}", running.traced());
}

#[test]
fn a_child_that_ended_and_was_not_reaped_is_no_obstacle() {
    let lab = Lab::new();
    // sleep does not wait for the child that it got with its process id.
    let running = Running::start("sleep 0 & exec sleep 5");
    let children = format!("/proc/{0}/task/{0}/children", running.pid());
    until("the child has ended", || {
        let child = std::fs::read_to_string(&children).unwrap();
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.trim())).unwrap_or_default();
        status.contains("State:\tZ")
    });
    lab.callgate(&format!("record --pid {} --backend ptrace --for 1s -o t", running.pid()))
        .expect(0)
        .says("it goes on");
}

#[test]
fn a_process_that_does_nothing_is_said_to_and_why() {
    let lab = Lab::new();
    let running = Running::start("kill -STOP $$");
    let record = format!("record --pid {} --backend ptrace --for 1s -o t", running.pid());
    until("it is stopped", || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", running.pid())).unwrap();
        status.contains("State:\tT")
    });
    lab.callgate(&record).expect(125).says("is stopped").says(&format!("kill -CONT {}", running.pid()));
    assert!(lab.files().is_empty());
    let ended = Running::start("exit 0");
    until("it has ended", || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", ended.pid())).unwrap();
        status.contains("State:\tZ")
    });
    lab.callgate(&format!("record --pid {} -o t", ended.pid()))
        .expect(127)
        .says("it only waits for its parent");
    lab.callgate("record --pid 1 --nnp true -o t").expect(2).says("--nnp");
}

#[test]
fn a_process_that_cannot_be_attached_to_is_said_and_nothing_is_written() {
    let Some(lab) = Lab::nobody() else { return };
    lab.callgate("record --pid 2147483647 -o t").expect(127).says("there is no process 2147483647");
    lab.callgate("record --pid 0 -o t").expect(2).says("0");
    // A task has one tracer.
    let running = Running::start("while :; do sleep 0.05; done");
    let lab_root = Lab::new();
    let script = format!(
        "\"$CALLGATE\" record --pid {0} --backend ptrace -o first & r=$!; sleep 1; \"$CALLGATE\" record --pid {0} --backend ptrace -o t; \
         echo $?; kill $r; wait $r",
        running.pid()
    );
    lab_root.sh(&script).expect(0).prints("125\n").says("one tracer");
    assert!(!lab_root.has("t"));
    assert!(lab.files().is_empty());
}
