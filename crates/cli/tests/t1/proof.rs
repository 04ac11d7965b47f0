//! The proof: what it notices, what it withholds, and that it cannot be talked round by an exit status.

use crate::harness::Lab;

/// Counts its runs in a file; in one of them a worker makes a call nobody has seen, while the parent ends with 0.
fn worker(run: u32) -> String {
    format!(
        "read n < count; n=$((n + 1)); echo $n > count; if test $n -eq {run}; then (umask 77) & fi; (:) & wait; exit 0"
    )
}

/// No run yet.
fn start_counting(lab: &Lab) {
    lab.sh("echo 0 > count").expect(0);
}

#[test]
fn a_worker_that_dies_of_sigsys_in_the_third_run_fails_the_proof() {
    let Some(lab) = Lab::nobody() else { return };
    start_counting(&lab);
    lab.callgate("learn --default-action kill-process -o p.json")
        .script(&worker(3))
        .expect(1)
        .says("not proven: p.json")
        .says("was killed by SIGSYS under the real filter");
    assert_eq!(lab.read("count"), "3\n");
}

#[test]
fn a_worker_that_is_refused_in_the_second_run_fails_the_proof() {
    let Some(lab) = Lab::nobody() else { return };
    for action in ["errno", "kill-process"] {
        start_counting(&lab);
        lab.callgate(&format!("learn --force --default-action {action} -o p.json"))
            .script(&worker(2))
            .expect(1)
            .says("not proven: p.json")
            .says("refused: umask(")
            .says("allow it: callgate learn")
            .says("--allow umask");
    }
}

#[test]
fn a_child_that_is_slower_than_it_was_while_recording_is_no_miss() {
    let Some(lab) = Lab::nobody() else { return };
    // dash's `wait` sleeps in rt_sigsuspend, but only while the child still runs.
    let (fast, slow) = ("(exit 0) & sleep 0.3; wait", "sleep 0.3 & wait");
    let script =
        format!("read n < count; echo $((n + 1)) > count; if test $n -eq 0; then {fast}; else {slow}; fi");
    start_counting(&lab);
    lab.callgate("learn -o p.json").script(&script).expect(0).says("proven:");
    assert_eq!(lab.read("count"), "3\n");
}

#[test]
fn the_way_out_of_a_miss_works() {
    let Some(lab) = Lab::nobody() else { return };
    start_counting(&lab);
    lab.callgate("learn -o p.json").script(&worker(2)).expect(1).says("--allow umask");
    start_counting(&lab);
    lab.callgate("learn --force -o p.json --allow umask").script(&worker(2)).expect(0).says("proven:");
}

#[test]
fn more_recording_runs_see_what_happens_rarely() {
    let Some(lab) = Lab::nobody() else { return };
    start_counting(&lab);
    lab.callgate("learn --runs 3 -o p.json").script(&worker(2)).expect(0).says("proven:");
}

#[test]
fn a_dangerous_call_is_withheld_until_it_is_allowed_by_name() {
    let Some(lab) = Lab::nobody() else { return };
    let command = ["unshare", "--user", "true"];
    if lab.program("unshare").args(["--user", "true"]).run().code() != 0 {
        println!("skipped: user namespaces are not to be had here");
        return;
    }
    lab.callgate("learn -o p.json")
        .command(&command)
        .expect(1)
        .says("withheld: unshare")
        .says("first by")
        .says("--allow unshare")
        .says("not proven: p.json");
    assert!(!lab.read("p.json").contains("unshare"));
    assert!(lab.read("p.json.evidence").contains("unshare"), "the evidence says what was left out");
    lab.callgate("learn --force --allow unshare -o p.json")
        .command(&command)
        .expect(0)
        .never_says("withheld")
        .says("allowed here and not by Docker's default: unshare");
}

#[test]
fn a_dangerous_call_fails_learn_even_where_the_program_can_live_without_it() {
    let Some(lab) = Lab::nobody() else { return };
    let script = "unshare --user true; true";
    lab.callgate("learn -o p.json").script(script).expect(1).says("withheld: unshare");
    lab.callgate("learn --no-prove -o q.json").script(script).expect(1).says("withheld: unshare");
}

#[test]
fn an_allowed_call_that_was_not_seen_is_in_the_profile_as_the_users_wish() {
    let Some(lab) = Lab::nobody() else { return };
    lab.callgate("learn --allow mkdirat,mkdir -o p.json -- true").expect(0);
    let shown = lab.callgate("show p.json --format json").expect(0).json();
    let user = shown["rules"].as_array().unwrap().iter().filter(|r| r["source"] == "user");
    let names: Vec<_> = user.map(|r| r["names"].to_string()).collect();
    assert!(names.iter().any(|n| n.contains("\"mkdirat\"")), "{names:?}");
    lab.callgate("run --profile p.json --stage enforce -- true").expect(0);
}
