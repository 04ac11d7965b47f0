//! How workloads end, or do not: daemons, orphans, hanging programs, signals, and callgate's own sudden death.

use std::path::Path;

use crate::harness::{Lab, hold_five_times, until};

/// Whether a process is there and no zombie.
fn lives(pid: &str) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.trim()).join("stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

#[test]
fn a_daemon_is_recorded_to_its_end() {
    let Some(lab) = Lab::nobody() else { return };
    let script = "setsid sh -c 'sleep 0.3; mkdir -p made; rmdir made' > /dev/null 2>&1 &";
    lab.callgate("record -o t").script(script).expect(0);
    assert!(lab.read("t").contains("\"mkdir\"") || lab.read("t").contains("\"mkdirat\""));
    lab.callgate("learn -o p.json").script(script).expect(0).says("proven:");
    hold_five_times(&lab, "", 0, &["sh", "-c", script]);
}

#[test]
fn an_orphan_that_is_refused_after_its_parent_ended_is_a_miss() {
    let Some(lab) = Lab::nobody() else { return };
    let script = "(setsid sh -c 'sleep 0.3; test ! -e later || umask 77; > later' > /dev/null 2>&1 &)";
    let learn = "learn --default-action kill-process -o p.json";
    lab.callgate(learn).script(script).expect(1).says("refused: umask(");
    lab.callgate("run --profile p.json --stage enforce").script(script).expect(0).says("refused: umask(");
}

#[test]
fn what_drives_a_workload_has_no_signal_blocked_and_can_wait_for_its_children() {
    let Some(lab) = Lab::nobody() else { return };
    // By the shell itself: its children start afresh. With SIGCHLD blocked the `wait` of dash never ends.
    let look = |file: &str| {
        format!(
            "while read -r k v; do test $k != SigBlk: || echo $v >>{file}; done </proc/$$/status; : & sleep 0.1; wait"
        )
    };
    let probe = format!("cmd:{}", look("ready"));
    lab.callgate("learn -o p.json")
        .args(["--before", &look("before"), "--ready", &probe, "--exercise", &look("exercise")])
        .command(&["sleep", "1000"])
        .expect(0)
        .says("proven:");
    for file in ["before", "ready", "exercise"] {
        assert_eq!(lab.read(file), "0000000000000000\n".repeat(3), "{file}");
    }
}

#[test]
fn a_program_that_hangs_is_stopped_by_for() {
    let Some(lab) = Lab::nobody() else { return };
    let script = "echo up; exec sleep 1000";
    let ended = lab.callgate("learn --for 300ms -o p.json").script(script).expect(0).prints("up\n");
    ended.says("proven:").says("stopped after 300ms").says("--stage audit");
    lab.callgate("record --for 300ms -o t").script(script).expect(143);
    assert_eq!(lab.json("t")["complete"], true);
}

#[test]
fn what_hangs_as_a_daemon_is_stopped_by_for_with_all_its_children() {
    let Some(lab) = Lab::nobody() else { return };
    let script = "setsid sh -c 'echo $$ > pid; sleep 1000 & wait' > /dev/null 2>&1 & while ! test -s pid; do sleep 0.02; done";
    lab.callgate("record --for 500ms -o t").script(script).expect(0);
    assert!(!lives(&lab.read("pid")));
}

#[test]
fn what_is_left_behind_is_named_while_it_is_waited_for() {
    let Some(lab) = Lab::nobody() else { return };
    let script = "(setsid sleep 4 > /dev/null 2>&1 &); true";
    lab.callgate("record -o t")
        .script(script)
        .expect(0)
        .says("waits for `sleep`[")
        .says("left behind by `sh`");
}

#[test]
fn what_the_exercise_prints_stands_on_stderr() {
    let Some(lab) = Lab::nobody() else { return };
    lab.callgate("record -o t --ready log:up")
        .args(["--exercise", "echo exercised"])
        .script("echo up; exec sleep 60")
        .expect(143)
        .says("exercised")
        .prints("up\n");
}

#[test]
fn the_exercise_ends_the_workload_and_gives_the_phases() {
    let Some(lab) = Lab::nobody() else { return };
    let script = "trap 'rm -f up; exit 0' TERM; > up; while :; do sleep 0.05; done";
    lab.callgate("learn -o p.json --ready")
        .arg("cmd:test -e up")
        .args(["--exercise", "ls up > /dev/null"])
        .script(script)
        .expect(0)
        .says("proven:");
    lab.callgate("record -o t --ready")
        .arg("cmd:test -e up")
        .args(["--exercise", "true"])
        .script(script)
        .expect(0);
    let trace = lab.json("t");
    let phases =
        trace["calls"].as_array().unwrap().iter().flat_map(|c| c["phases"].as_array().unwrap().clone());
    let phases: Vec<_> = phases.map(|p| p.as_str().unwrap().to_owned()).collect();
    for phase in ["floor", "start-up", "shutdown"] {
        assert!(phases.iter().any(|p| p == phase), "no {phase}");
    }
}

#[test]
fn only_the_execve_that_starts_the_program_is_floor() {
    let Some(lab) = Lab::nobody() else { return };
    // A recorder that is slow to say where the run stands must not change where it stands.
    let script = "for i in $(seq 30); do \"$CALLGATE\" record -o $i -- true & done; wait";
    lab.sh(script).expect(0);
    for name in lab.files() {
        for call in lab.json(&name)["calls"].as_array().unwrap() {
            let floor = call["phases"].to_string().contains("floor");
            assert!(!floor || call["name"] == "execve", "{call}");
        }
    }
}

#[test]
fn with_an_exercise_that_fails_nothing_is_proven() {
    let Some(lab) = Lab::nobody() else { return };
    let script = "trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done";
    let ended =
        lab.callgate("learn -o p.json --ready log:ready").args(["--exercise", "exit 3"]).script(script).run();
    ended.expect(1).says("not proven").says("the exercise ended with exit status 3").prints("ready\n");
}

#[test]
fn the_first_ctrl_c_ends_the_recording_and_the_profile_is_written_not_proven() {
    let Some(lab) = Lab::nobody() else { return };
    let script = "trap 'exit 5' INT; echo up; while :; do sleep 0.02; done";
    let running = lab.callgate("learn -o p.json").script(script).start();
    running.says("up");
    running.signal("INT");
    running.end().expect(1).says("not proven: p.json").says("interrupted");
    assert!(lab.read("p.json").contains("SCMP_ACT_ALLOW"));
    assert_eq!(lab.files(), ["p.json", "p.json.evidence"]);
}

#[test]
fn the_second_ctrl_c_kills_and_keeps_the_trace() {
    let Some(lab) = Lab::nobody() else { return };
    let script = "trap 'echo again' INT; echo up; while :; do sleep 0.02; done";
    let running = lab.callgate("record -o t").script(script).start();
    running.says("up");
    running.signal("INT");
    running.says("again");
    running.signal("INT");
    running.end().expect(137);
    let trace = lab.read("t");
    assert!(trace.contains("interrupted") && trace.contains("\"rt_sigaction\""), "{trace}");
    lab.callgate("generate t -o p.json").expect(0);
}

#[test]
fn sigterm_ends_a_recording_with_the_programs_status() {
    let Some(lab) = Lab::nobody() else { return };
    let script = "trap 'echo bye; exit 9' TERM; echo up; while :; do sleep 0.02; done";
    for verb in ["record -o t", "run --profile allow.json --stage audit"] {
        lab.write("allow.json", "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": []}");
        let running = lab.callgate(verb).script(script).start();
        running.says("up");
        running.signal("TERM");
        running.end().expect(9).prints("up\nbye\n");
    }
    assert!(lab.has("t"));
}

#[test]
fn ctrl_c_while_proving_leaves_the_profile_not_proven() {
    let Some(lab) = Lab::nobody() else { return };
    let script = "trap 'exit 0' INT; test -e once && > proving; > once; while test -e proving; do :; done";
    let running = lab.callgate("learn -o p.json").script(script).start();
    // It waits without a call that the first run did not make.
    until("the proof runs", || lab.has("proving"));
    running.signal("INT");
    running.end().expect(1).says("not proven: p.json").says("interrupted");
    assert!(lab.has("p.json"));
}

#[test]
fn kill_9_leaves_the_program_running_and_the_saved_trace_whole() {
    let Some(lab) = Lab::nobody() else { return };
    let script = "echo $$ > pid; echo up; while ! test -e stop; do sleep 0.05; done; mkdir end";
    let running = lab.callgate("record -o t").script(script).start();
    running.says("up");
    until("a snapshot is saved", || lab.has("t"));
    running.signal("KILL");
    running.end().expect(137);
    let pid = lab.read("pid");
    assert!(lives(&pid), "the program died with callgate");
    assert_eq!(lab.json("t")["complete"], false);
    assert_eq!(lab.files(), ["pid", "t"], "half a file is left");
    lab.callgate("generate t -o p.json").expect(2).says("incomplete");
    // Its calls still work: the keeper answers to the end.
    lab.write("stop", "");
    until("the program goes on to its end", || lab.has("end") && !lives(&pid));
}

#[test]
fn kill_9_under_enforcing_leaves_the_program_confined() {
    let Some(lab) = Lab::nobody() else { return };
    lab.write(
        "p.json",
        "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"mknod\", \"mknodat\"], \
         \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 1}]}",
    );
    let script =
        "echo $$ > pid; echo up; while ! test -e stop; do sleep 0.05; done; mkfifo f; echo $? > status";
    let running = lab.callgate("run --profile p.json --stage enforce").script(script).start();
    running.says("up");
    running.signal("KILL");
    running.end().expect(137);
    lab.write("stop", "");
    until("the program ends", || lab.has("status") && !lives(&lab.read("pid")));
    assert_eq!(lab.read("status"), "1\n");
    assert!(!lab.has("f"));
}

#[test]
fn a_program_that_forks_and_ends_at_once_loses_nothing() {
    let Some(lab) = Lab::nobody() else { return };
    let script = "for i in 1 2 3 4 5 6 7 8; do (sleep 0.1; mkdir $i; rmdir $i) & done; exit 4";
    lab.callgate("learn -o p.json").script(script).expect(0).says("exit status 4");
    hold_five_times(&lab, "", 4, &["sh", "-c", script]);
}

#[test]
fn a_server_behind_a_shell_is_asked_to_end_when_the_shell_is_gone() {
    let Some(lab) = Lab::nobody() else { return };
    // The shell dies of SIGTERM at once, and would not hand it on.
    let inner = "trap 'mkdir ended; exit' TERM; while :; do sleep 0.05; done";
    lab.write("server", format!("#!/bin/sh\nsh -c \"{inner}\"\ntrue\n"));
    lab.callgate("learn --for 1s -o p.json --before")
        .arg("rm -rf ended")
        .command(&["sh", "server"])
        .expect(0);
    assert!(lab.path("ended").is_dir(), "it ended in its own way");
    let text = lab.read("p.json");
    assert!(text.contains("\"mkdir\""), "and the profile lets it: {text}");
}

#[test]
fn the_program_gets_the_dispositions_that_callgate_was_given() {
    let Some(lab) = Lab::nobody() else { return };
    let look = "grep SigIgn /proc/self/status";
    lab.write("allow.json", "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": []}");
    for trap in ["", "trap '' PIPE XFSZ; "] {
        let plain = lab.sh(&format!("{trap}sh -c '{look}'")).expect(0).stdout.clone();
        for verb in ["record -q --force -o t", "run --profile allow.json --stage audit"] {
            let script = format!("{trap}exec \"$CALLGATE\" {verb} -- sh -c '{look}'");
            lab.sh(&script).expect(0).prints(&plain);
        }
    }
}

#[test]
fn learning_for_container_runtimes_ends_with_the_lines_that_use_the_profile_there() {
    let Some(lab) = Lab::nobody() else { return };
    lab.callgate("learn -o p.json --for runc@1.1,crun --for 30s -- true")
        .expect(0)
        .says("docker run --security-opt seccomp=$PWD/p.json …")
        .says("podman run --security-opt seccomp=$PWD/p.json …")
        .says("securityContext: {seccompProfile: {type: Localhost, localhostProfile: p.json}}")
        .says("/var/lib/kubelet/seccomp/");
    lab.callgate("show p.json --starts-under crun").expect(0);
    lab.callgate("learn -o p.json --force --for crun --nnp true -- true")
        .expect(0)
        .says("--security-opt no-new-privileges")
        .says("allowPrivilegeEscalation: false, seccompProfile");
    lab.callgate("show p.json --starts-under crun --nnp false").expect(1);
    lab.callgate("learn -o p.json --force -- true").expect(0).says("learn --for runc,crun");
    lab.callgate("learn -o q.json --nnp true -- true").expect(2).says("--for runc,crun");
    lab.callgate("learn -o q.json --for runc --for crun -- true").expect(2).says("there is one already");
    assert!(!lab.has("q.json"));
}

#[test]
fn a_recording_until_nothing_is_new_ends_by_itself_or_says_that_it_is_not_so() {
    let Some(lab) = Lab::nobody() else { return };
    let script = "trap 'exit 7' TERM; while :; do sleep 0.1; done";
    lab.callgate("record --until-saturated=1s -o t").script(script).expect(7).never_says("saturated");
    // What ends before, or is always new, is not known.
    lab.callgate("record --until-saturated -o u -- true").expect(0).says("before it was saturated");
    lab.callgate("record --until-saturated=soon -o v -- true").expect(125).says("`soon` is not a duration");
    lab.callgate("record --until-saturated=1h --for 1s -o w")
        .script(script)
        .expect(7)
        .says("before it was saturated");
}
