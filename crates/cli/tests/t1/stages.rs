//! Audit, complain, enforce: what goes ahead, what does not, and what is said about it.

use crate::harness::Lab;

/// Refuses to make directories, and nothing else.
const NO_MKDIR: &str = "{\n  \"defaultAction\": \"SCMP_ACT_ALLOW\",\n  \"syscalls\": [\n    {\"names\": [\"mkdir\", \
                        \"mkdirat\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 30}\n  ]\n}\n";
/// What the line about it says on every machine, up to the thread.
const REFUSED: &str = "refused: mkdir";

#[test]
fn audit_lets_everything_go_ahead_and_tells() {
    let Some(lab) = Lab::nobody() else { return };
    lab.write("p.json", NO_MKDIR);
    let ended = lab.callgate("run --profile p.json --stage audit -- mkdir d").expect(0);
    ended.says("would be refused: mkdir").says("by mkdir[").says("p.json:4 (EROFS)").prints("");
    assert!(lab.path("d").is_dir());
}

#[test]
fn quiet_still_tells_what_is_refused() {
    let Some(lab) = Lab::nobody() else { return };
    lab.write("p.json", NO_MKDIR);
    lab.callgate("run -q --profile p.json --stage enforce -- mkdir d").expect(1).says(REFUSED);
    let ended = lab.callgate("run -q --profile p.json --stage audit -- true").expect(0);
    assert_eq!(ended.stderr, "");
}

#[test]
fn complain_lets_go_ahead_what_the_baseline_allows_and_tells() {
    let Some(lab) = Lab::nobody() else { return };
    lab.write("p.json", NO_MKDIR);
    lab.callgate("run --profile p.json --stage complain -- mkdir d")
        .expect(0)
        .says("would be refused: mkdir");
    assert!(lab.path("d").is_dir());
}

#[test]
fn complain_refuses_what_the_baseline_refuses_too() {
    let Some(lab) = Lab::nobody() else { return };
    lab.write("p.json", NO_MKDIR);
    lab.write("base.json", NO_MKDIR.replace("30", "17"));
    let run = "run --profile p.json --stage complain --baseline base.json -- mkdir d";
    lab.callgate(run).expect(1).says(REFUSED).says("File exists");
    assert!(!lab.has("d"));
    lab.callgate("run --profile p.json --stage complain --baseline dokcer -- mkdir d")
        .expect(125)
        .says("`dokcer`")
        .says("docker");
    // Defaults by release: containerd's 1.2 is not known, and every default lets mkdir go ahead.
    let run =
        |baseline: &str| format!("run --profile p.json --stage complain --baseline {baseline} -- mkdir ");
    lab.callgate(&(run("containerd@1.2") + "d")).expect(125).says("too old");
    for baseline in ["docker", "containerd", "containerd@1.6.20", "podman", "cri-o"] {
        lab.callgate(&(run(baseline) + baseline)).expect(0).says(REFUSED);
        assert!(lab.has(baseline), "{baseline}");
    }
}

#[test]
fn enforce_applies_the_profile_and_tells_with_the_rule() {
    let Some(lab) = Lab::nobody() else { return };
    lab.write("p.json", NO_MKDIR);
    let run = "run --profile p.json --stage enforce";
    let ended = lab.callgate(&format!("{run} -- mkdir d")).expect(1);
    ended.says(REFUSED).says("p.json:4 (EROFS)").says("Read-only file system").says("SCMP_ACT_ALLOW");
    lab.callgate(&format!("{run} --via log -- mkdir d")).expect(1).says("Read-only").never_says("refused:");
    assert!(!lab.has("d"));
}

#[test]
fn a_profile_for_other_machines_is_said_to_be_one() {
    let Some(lab) = Lab::nobody() else { return };
    let other = if cfg!(target_arch = "x86_64") { "SCMP_ARCH_AARCH64" } else { "SCMP_ARCH_X86_64" };
    lab.write("p.json", NO_MKDIR.replacen('{', &format!("{{\"architectures\": [\"{other}\"],"), 1));
    let said = format!("p.json is for {other}; this machine is SCMP_ARCH_");
    // As under a runtime, its names are filtered all the same.
    lab.callgate("run --profile p.json --stage enforce -- mkdir d").expect(1).says(&said).says(REFUSED);
    lab.callgate("record -q -o t -- mkdir d").expect(0);
    lab.callgate("update p.json --from t --dry-run").expect(1).says(&said);
    lab.write("q.json", NO_MKDIR);
    lab.callgate("run --profile q.json --stage audit -- true").expect(0).never_says("this machine is");
}

#[test]
fn arguments_of_a_miss_are_in_words_and_no_address_is() {
    let Some(lab) = Lab::nobody_with("t1", &["python3"]) else { return };
    lab.write(
        "p.json",
        "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"socket\"], \"action\": \
         \"SCMP_ACT_ERRNO\", \"errnoRet\": 97, \"args\": [{\"index\": 0, \"value\": 10, \"op\": \"SCMP_CMP_EQ\"}]}]}",
    );
    let script = "import socket\nsocket.socket(socket.AF_INET)\ntry:\n    socket.socket(socket.AF_INET6)\n\
                  except OSError as e:\n    print(e.errno)";
    lab.callgate("run --profile p.json --stage enforce")
        .command(&["/usr/bin/python3", "-c", script])
        .expect(0)
        .prints("97\n")
        .says("refused: socket(AF_INET6, SOCK_STREAM|SOCK_CLOEXEC, 0) by python3")
        .never_says("AF_INET,");
}

#[test]
fn a_call_refused_often_is_one_line_and_a_total() {
    let Some(lab) = Lab::nobody() else { return };
    lab.write("p.json", NO_MKDIR);
    let script = "for i in 1 2 3 4 5; do mkdir d; done; true";
    let ended = lab.callgate("run --profile p.json --stage enforce").script(script).expect(0);
    assert!(ended.stderr.contains("5 times in all"), "{}", ended.stderr);
}

#[test]
fn log_goes_with_enforce_only() {
    let Some(lab) = Lab::nobody() else { return };
    lab.write("p.json", NO_MKDIR);
    for stage in ["audit", "complain"] {
        let run = format!("run --profile p.json --stage {stage} --via log -- mkdir d");
        lab.callgate(&run).expect(125).says("--via log").says("enforce");
    }
    assert!(!lab.has("d"));
}

#[test]
fn a_refusal_of_a_grandchild_is_told_with_its_executable() {
    let Some(lab) = Lab::nobody() else { return };
    lab.write("p.json", NO_MKDIR);
    let script = "sh -c '(mkdir d) & wait'; true";
    lab.callgate("run --profile p.json --stage enforce").script(script).expect(0).says("by mkdir[");
}

#[test]
fn what_was_learned_can_be_compared_with_dockers_default() {
    let Some(lab) = Lab::nobody() else { return };
    lab.callgate("learn -o p.json -- true").expect(0).says("beside Docker's default").says("doors shut");
    lab.callgate("run --profile p.json --stage complain --baseline docker -- ls /etc")
        .expect(0)
        .says("would be refused:");
}

#[test]
fn a_baseline_is_for_complaining_only() {
    let Some(lab) = Lab::nobody() else { return };
    lab.write("p.json", "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": []}");
    for stage in ["audit", "enforce"] {
        lab.callgate(&format!("run -p p.json --stage {stage} --baseline docker -- true"))
            .expect(125)
            .says("--baseline goes with --stage complain only");
    }
    lab.callgate("run -p p.json --stage complain --baseline docker -- true").expect(0);
}

#[test]
fn a_call_without_a_name_is_said_to_be_beyond_any_profile() {
    let Some(lab) = Lab::nobody_with("t1", &["python3"]) else { return };
    lab.callgate("learn --no-prove -o p.json").command(&["python3", "-c", "import ctypes"]).expect(0);
    let call = "import ctypes; ctypes.CDLL(None).syscall(777, 0)";
    let ended = lab.callgate("run -p p.json --stage enforce").command(&["python3", "-c", call]).expect(0);
    ended.says("refused: system call 777 by python3").says("no profile can allow it").never_says("\"777\"");
}
