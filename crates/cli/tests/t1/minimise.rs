//! `learn --minimise`: what a workload needs of what it calls.

use crate::harness::{Lab, until};

#[test]
fn what_a_workload_lives_without_is_told_from_what_it_needs_and_stays() {
    let Some(lab) = Lab::nobody() else { return };
    // dash does not look at umask's result; it says so when it cannot write.
    lab.callgate("learn --minimise --same-output -o p.json")
        .script("umask 77; echo it")
        .expect(0)
        .says("minimised in")
        .says("They stay");
    let evidence = lab.json("p.json.evidence");
    let class = |call: &str| evidence["needs"][call]["class"].as_str().map(str::to_owned);
    assert_eq!(class("umask").as_deref(), Some("tolerated"), "{evidence}");
    assert_eq!(class("write").as_deref(), Some("required"), "{evidence}");
    assert_eq!(class("execve"), None, "how it starts is no question");
    assert_eq!(evidence["needs"]["umask"]["runs"], 3);
    assert_eq!(evidence["needs"]["write"]["runs"], 1, "one run that goes wrong is enough");
    assert!(lab.read("p.json").contains("\"umask\""), "nothing is left out");
    let shown = lab.callgate("show p.json --why").expect(0);
    shown.shows("; tolerated: 3 runs with ENOSYS").shows("; required: with ENOSYS, ");
    lab.callgate("run --profile p.json --stage enforce").script("umask 77; echo it").expect(0).prints("it\n");
}

#[test]
fn a_profile_that_kills_is_minimised_by_errno() {
    let Some(lab) = Lab::nobody() else { return };
    lab.callgate("learn --minimise --default-action kill-process -o p.json").script("umask 77").expect(0);
    let need = &lab.json("p.json.evidence")["needs"]["umask"];
    assert_eq!((need["class"].as_str(), need["errno"].as_u64()), (Some("tolerated"), Some(1)));
}

#[test]
fn what_is_not_proven_is_not_minimised_and_says_so() {
    let Some(lab) = Lab::nobody() else { return };
    let script = "if test -e once; then mkdir d; else > once; fi";
    lab.callgate("learn --minimise -o p.json").script(script).expect(1).says("--minimise found nothing out");
    assert!(lab.json("p.json.evidence")["needs"].is_null());
    lab.callgate("learn --minimise --no-prove -o q.json").script("true").expect(2).says("--no-prove");
}

#[test]
fn what_fails_around_the_workload_is_no_need_of_it_and_costs_nobody_the_profile() {
    let Some(lab) = Lab::nobody() else { return };
    // One run recorded, two proved; what comes before the fourth fails.
    let before = "echo >> runs; test $(wc -l < runs) -lt 4";
    lab.callgate("learn -q --minimise -o p.json --before")
        .arg(before)
        .script("true")
        .expect(0)
        .says("--minimise found nothing out: ")
        .says("--before");
    assert!(lab.json("p.json.evidence")["needs"].is_null());
    assert!(lab.json("p.json.evidence")["proof"].as_str().unwrap().starts_with("proven: "));
}

#[test]
fn a_workload_that_goes_wrong_by_chance_needs_no_call_for_it() {
    let Some(lab) = Lab::nobody() else { return };
    // One run recorded, two proved; all after them go wrong, whatever is refused in them.
    let script = "echo >> runs; n=; while read l; do n=$n.; done < runs; case $n in ....*) exit 3;; esac";
    lab.callgate("learn --minimise -o p.json")
        .script(script)
        .expect(0)
        .says("--minimise found nothing out: it depends on chance")
        .says("so did one with all calls: under the real filter it ended with exit status 3");
    assert!(lab.json("p.json.evidence")["needs"].is_null());
}

#[test]
fn ctrl_c_while_minimising_keeps_the_proven_profile() {
    let Some(lab) = Lab::nobody() else { return };
    // One run recorded, two proved: the fourth is the first without a call, and waits by calls that all runs make.
    let script = "echo >> runs; trap 'exit 0' INT; test -e runs; while read l; do n=$n.; done < runs; \
                  case $n in ....*) while test -e runs; do :; done;; esac";
    let running = lab.callgate("learn --minimise -o p.json").script(script).start();
    until("a run without a call", || lab.has("runs") && lab.read("runs").lines().count() >= 4);
    running.signal("INT");
    running.end().expect(0).says("it was interrupted").says("proven: p.json");
    assert!(lab.json("p.json.evidence")["needs"].is_null());
}
