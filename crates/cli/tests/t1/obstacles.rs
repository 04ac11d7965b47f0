//! What stands in the way of recording: set-user-ID programs, other listeners, tracers and filters.

use crate::harness::{Lab, NOBODY, find, hold_five_times};

const ALLOW: &str = "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": []}";
/// A filter above that takes clone3 away, as container runtimes do.
const NO_CLONE3: &str = "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"clone3\"], \
                         \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 38}]}";
const THREADS: &str = "import threading\nn = []\nts = [threading.Thread(target=n.append, args=(1,)) for _ in range(9)]\n\
                       [t.start() for t in ts]\n[t.join() for t in ts]\nprint(len(n))";
/// How a program runs under another filter.
const UNDER: &str = "run -q --profile outer.json --stage enforce --via log --";

/// A set-user-ID program this user may execute.
fn set_user_id() -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let found = ["su", "mount", "passwd"].iter().filter_map(|name| find(name));
    let mut set = found
        .filter(|p| p.metadata().is_ok_and(|m| m.mode() & 0o4000 != 0 && m.uid() == 0 && m.uid() != NOBODY));
    set.next().map(|p| p.display().to_string())
}

#[test]
fn a_set_user_id_program_runs_without_its_privilege_and_its_profile_is_not_proven() {
    let Some(lab) = Lab::nobody() else { return };
    let Some(program) = set_user_id() else {
        return println!("skipped: no set-user-ID program is installed");
    };
    // The program itself, and one that another starts.
    for script in [format!("exec {program} --version"), format!("{program} --version; exit 0")] {
        lab.callgate("record --force -o t").script(&script).expect(0).says("set-user-ID").says(&program);
        lab.callgate("learn --force -o p.json")
            .script(&script)
            .expect(1)
            .says("not proven: p.json")
            .says("set-user-ID")
            .says(&program)
            .says("--allow-privilege-escalation");
    }
}

#[test]
fn privilege_escalation_is_for_root() {
    let Some(lab) = Lab::nobody() else { return };
    lab.write("allow.json", ALLOW);
    for (verb, code) in
        [("learn -o out", 2), ("record -o out", 125), ("run --profile allow.json --stage audit", 125)]
    {
        lab.callgate(&format!("{verb} --allow-privilege-escalation -- touch ran"))
            .expect(code)
            .says("needs root");
    }
    assert_eq!(lab.files(), ["allow.json"]);
}

#[test]
fn callgate_in_callgate_records_under_ptrace_where_the_one_listener_is_taken() {
    let Some(lab) = Lab::nobody() else { return };
    lab.write("allow.json", ALLOW);
    let under = |inner: &str| {
        let inner = inner.replace('\'', "'\\''");
        // The allow-all filter of the outer one has a listener all the same.
        lab.sh(&format!("\"$CALLGATE\" run --profile allow.json --stage audit -- sh -c '{inner}'"))
    };
    under("\"$CALLGATE\" record -o in -- sh -c 'test -e nothing; touch ran'")
        .expect(0)
        .says("another supervisor")
        .says("once more, under ptrace");
    assert!(lab.has("ran"));
    // What failed by itself was not refused by anybody.
    let calls = lab.json("in")["calls"].as_array().unwrap().clone();
    assert!(calls.iter().all(|c| c["refused"].is_null()), "{calls:?}");
    under("\"$CALLGATE\" record --backend notify -o none -- touch ran; echo $?")
        .expect(0)
        .prints("125\n")
        .says("another supervisor")
        .says("--backend ptrace");
    under("\"$CALLGATE\" run --profile allow.json --stage enforce -- touch ran; echo $?")
        .expect(0)
        .prints("125\n")
        .says("another supervisor")
        .says("--via trace");
    assert_eq!(lab.files(), ["allow.json", "in", "ran"]);
}

#[test]
fn a_program_with_its_own_listener_is_recorded_under_ptrace_unless_a_person_chose() {
    let Some(lab) = Lab::nobody() else { return };
    // callgate itself is such a program.
    let inner = "-- \"$CALLGATE\" record --force -o in -- cat";
    for (verb, code) in [("learn --backend notify -o out", 2), ("record --backend trace -o out", 125)] {
        let ended = lab.sh(&format!("exec \"$CALLGATE\" {verb} {inner} </dev/null")).expect(code);
        ended.says("installs a seccomp listener of its own").says("--backend ptrace");
        assert!(lab.files().is_empty(), "{verb} wrote {:?}", lab.files());
    }
    // Of piped input nothing is lost by the second start; what was handed on directly is gone, which is said.
    let script = format!("printf 'a\\nb\\n' | \"$CALLGATE\" learn --allow unshare -o out {inner}");
    lab.sh(&script).expect(0).prints("a\nb\n").says("once more, under ptrace").says("proven:");
    let script = format!("printf 'a\\nb\\n' | \"$CALLGATE\" record -o spent {inner}");
    lab.sh(&script).expect(125).says("standard input is spent");
    assert!(!lab.has("spent"));
}

#[test]
fn a_call_that_a_filter_above_refuses_is_in_the_trace_with_its_errno() {
    let Some(lab) = Lab::nobody_with("t1", &["python3"]) else { return };
    lab.write("outer.json", NO_CLONE3);
    let script =
        format!("exec \"$CALLGATE\" {UNDER} \"$CALLGATE\" record -o t -- /usr/bin/python3 -c \"{THREADS}\"");
    lab.sh(&script).expect(0).prints("9\n").says("twice: the second time under ptrace");
    let trace = lab.json("t");
    let calls = trace["calls"].as_array().unwrap();
    let clone3: Vec<_> = calls.iter().filter(|c| c["name"] == "clone3").collect();
    assert_eq!(clone3.len(), 1, "{clone3:?}");
    assert_eq!(clone3[0]["refused"], 38);
    assert!(calls.iter().any(|c| c["name"] == "clone" && c["refused"].is_null()));
    assert_eq!(trace["complete"], true);
}

#[test]
fn threads_work_under_a_profile_learned_below_a_filter_without_clone3() {
    let Some(lab) = Lab::nobody_with("t1", &["python3"]) else { return };
    lab.write("outer.json", NO_CLONE3);
    let script = format!(
        "exec \"$CALLGATE\" {UNDER} \"$CALLGATE\" learn --default-action kill-process -o p.json -- \
         /usr/bin/python3 -c \"{THREADS}\""
    );
    lab.sh(&script).expect(0).says("proven: p.json");
    // Also where nothing stands above.
    hold_five_times(&lab, "", 0, &["/usr/bin/python3", "-c", THREADS]);
}

#[test]
fn a_pipeline_below_a_filter_is_learned_with_its_input_three_times_over() {
    let Some(lab) = Lab::nobody() else { return };
    lab.write("outer.json", NO_CLONE3);
    let script =
        format!("exec \"$CALLGATE\" {UNDER} \"$CALLGATE\" learn -o p.json -- sh -c 'cat | cat >> log'");
    lab.sh(&script).input("x\n").expect(0).says("1 under ptrace");
    assert_eq!(lab.read("log"), "x\n".repeat(4));
}

#[test]
fn where_ptrace_is_taken_recording_works_and_says_what_it_is_blind_to() {
    let Some(lab) = Lab::nobody_with("t1", &["strace"]) else { return };
    lab.write("outer.json", NO_CLONE3);
    let traced = "strace -f -o /dev/null \"$CALLGATE\"";
    lab.sh(&format!("exec {traced} learn -o p.json -- ls /etc"))
        .expect(0)
        .says("ptrace is not to be had here");
    let script = format!("exec \"$CALLGATE\" {UNDER} {traced} record -o t -- ls /etc");
    lab.sh(&script).expect(0).says("blind to refused calls");
    assert!(lab.read("t").contains("blind to refused calls"));
}

#[test]
fn a_program_that_traces_is_learned_and_told_about() {
    let Some(lab) = Lab::nobody_with("t1", &["strace"]) else { return };
    let command = ["strace", "-f", "-o", "/dev/null", "sh", "-c", "ls /etc | cat"];
    // ptrace is dangerous: withheld until allowed.
    lab.callgate("learn -o p.json").command(&command).expect(1).says("withheld: ptrace");
    // Whether it has to wait for its child is a matter of luck.
    lab.callgate("learn --force --allow ptrace,process_vm_readv,pause -o p.json")
        .command(&command)
        .expect(0)
        .says("the workload itself uses ptrace");
    hold_five_times(&lab, "", 0, &command);
}

#[test]
fn no_new_privs_is_in_the_trace() {
    let Some(lab) = Lab::nobody() else { return };
    lab.callgate("record -o t")
        .script("grep NoNewPrivs /proc/self/status")
        .expect(0)
        .prints("NoNewPrivs:\t1\n");
    assert_eq!(lab.json("t")["recordings"][0]["no_new_privs"], true);
}

#[test]
fn a_program_nobody_may_read_is_recorded_all_the_same() {
    let Some(lab) = Lab::nobody() else { return };
    lab.sh("cp /bin/true closed; chmod 0111 closed").expect(0);
    lab.callgate("learn -o p.json -- ./closed").expect(0).says("proven:");
}
