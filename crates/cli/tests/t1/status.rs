//! Statuses: the program's own under `record` and `run`, callgate's own under `learn`.

use crate::harness::Lab;

const ALLOW: &str = "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": []}";

/// `record`, and `run` with a profile that allows everything, end with this status.
fn passes(script: &str, status: i32) {
    let Some(lab) = Lab::nobody() else { return };
    lab.write("allow.json", ALLOW);
    lab.callgate("record -o t").script(script).expect(status);
    for how in ["audit", "complain", "enforce", "enforce --via log"] {
        lab.callgate(&format!("run --profile allow.json --stage {how}")).script(script).expect(status);
    }
}

#[test]
fn an_exit_status_is_passed_on() {
    passes("exit 7", 7);
}

#[test]
fn a_status_beyond_a_byte_of_shells_is_passed_on() {
    passes("exit 255", 255);
}

#[test]
fn a_signal_is_passed_on_as_128_and_its_number() {
    passes("kill -s TERM $$", 143);
    passes("kill -s KILL $$", 137);
}

#[test]
fn learn_prints_the_status_and_ends_with_its_own() {
    let Some(lab) = Lab::nobody() else { return };
    lab.callgate("learn -o p.json").script("exit 7").expect(0).says("exit status 7").says("proven:");
    lab.callgate("learn -o q.json").script("kill -s KILL $$").expect(0).says("signal 9");
    lab.callgate("learn --no-prove -o r.json -- true").expect(0).says("not proven:").says("--no-prove");
}

#[test]
fn a_status_that_differs_from_run_to_run_is_no_proof() {
    let Some(lab) = Lab::nobody() else { return };
    let script = "test -e ran && exit 3; > ran";
    lab.callgate("learn -o p.json").script(script).expect(1).says("not proven:").says("exit status 3");
    lab.callgate("learn --force -o p.json --before")
        .arg("rm -f ran")
        .script(script)
        .expect(0)
        .says("proven:");
}

#[test]
fn before_runs_before_every_run_and_is_named_when_it_did_not_help() {
    let Some(lab) = Lab::nobody() else { return };
    // A tracer never has to record once more, which a run that counts would count.
    let counting = "learn -o p.json --backend trace --before";
    let script = "n=$(wc -c < runs); test $n -lt 2";
    lab.callgate(counting)
        .arg("printf x >> runs")
        .script(script)
        .expect(1)
        .says("not proven:")
        .says("--before `printf x >> runs`");
    assert!(lab.read("runs").len() >= 2);
    lab.callgate("learn -o q.json --before").arg("false").command(&["true"]).expect(2).says("`false`");
    assert!(!lab.has("q.json"));
}

#[test]
fn a_program_that_is_not_there_is_127_and_one_that_cannot_run_126() {
    let Some(lab) = Lab::nobody() else { return };
    lab.write("allow.json", ALLOW);
    lab.write("plain", "no program");
    for (program, code, words) in [
        ("no-such-program", 127, "no-such-program"),
        ("./missing/program", 127, "./missing/program"),
        ("./plain", 126, "./plain"),
        ("/etc", 126, "/etc"),
    ] {
        lab.callgate("record -o t").command(&[program]).expect(code).says(words);
        lab.callgate("run --profile allow.json --stage audit").command(&[program]).expect(code).says(words);
        lab.callgate("learn -o p.json").command(&[program]).expect(2).says(words);
    }
    assert_eq!(lab.files(), ["allow.json", "plain"]);
}

#[test]
fn a_file_that_the_kernel_cannot_execute_is_126() {
    let Some(lab) = Lab::nobody() else { return };
    lab.write("allow.json", ALLOW);
    lab.sh("printf '\\177ELFnonsense' > bad; chmod +x bad").expect(0);
    lab.callgate("record -o t -- ./bad").expect(126).says("./bad");
    lab.callgate("run --profile allow.json --stage enforce -- ./bad").expect(126).says("./bad");
    lab.callgate("learn -o p.json -- ./bad").expect(2).says("./bad");
    assert_eq!(lab.files(), ["allow.json", "bad"]);
}

#[test]
fn callgates_own_failures_are_125_beside_a_command() {
    let Some(lab) = Lab::nobody() else { return };
    lab.callgate("run --profile missing --stage audit -- touch ran").expect(125);
    lab.callgate("record -o no/such/dir/t -- touch ran").expect(125).says("no/such/dir");
    assert!(lab.files().is_empty());
}

#[test]
fn a_profile_that_refuses_execve_says_so() {
    let Some(lab) = Lab::nobody() else { return };
    lab.write("p.json", "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": []}");
    lab.callgate("run --profile p.json --stage enforce -- true").expect(126).says("execve").says("p.json");
}

#[test]
fn a_killing_profile_ends_the_program_with_159() {
    let Some(lab) = Lab::nobody() else { return };
    lab.write(
        "p.json",
        "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"mknodat\", \"mknod\"], \
         \"action\": \"SCMP_ACT_KILL_PROCESS\"}]}",
    );
    let run = "run --profile p.json --stage enforce";
    lab.callgate(run).command(&["mkfifo", "f"]).expect(159).says("refused: mknod").says("by mkfifo[");
    lab.callgate(&format!("{run} --via log")).command(&["mkfifo", "f"]).expect(159).says("SIGSYS");
    assert!(!lab.has("f"));
}
