//! The end of `learn`: what it says went wrong, what it advises, and that it fits a screen.

use crate::harness::{Ended, Lab};

/// The end, as it stands on a terminal of 80 columns: from the verdict on, in rows.
fn fits(ended: &Ended) {
    let end: Vec<_> = ended
        .stderr
        .lines()
        .skip_while(|l| !l.starts_with("proven:") && !l.starts_with("not proven:"))
        .collect();
    let rows: usize = end.iter().map(|l| l.chars().count().div_ceil(80).max(1)).sum();
    assert!(!end.is_empty() && rows <= 24, "{rows} rows:\n{}", end.join("\n"));
}

fn learn(lab: &Lab, flags: &str, script: &str, code: i32) -> Ended {
    let learn = format!("learn --force -o p.json {flags}");
    let ended = lab.callgate(&learn).env("COLUMNS", "80").script(script).expect(code);
    fits(&ended);
    ended
}

#[test]
fn a_command_that_fails_in_every_run_is_said_to_and_audited() {
    let Some(lab) = Lab::nobody() else { return };
    learn(&lab, "", "ls /not/there", 0)
        .says("proven: p.json")
        .says("it failed in every run (exit status 2): this is the profile of a failing run")
        .says("--stage audit");
    learn(&lab, "", "kill -11 $$", 0).says("(killed by signal 11)").never_says("ended with killed");
}

#[test]
fn a_run_that_trips_over_what_the_last_one_left_is_told_of_before() {
    let Some(lab) = Lab::nobody() else { return };
    let script = "echo one >&2; printf 'tw\\033o\\n' >&2; mkdir made";
    learn(&lab, "", script, 1)
        .says("it ended with exit status 1; while recording it ended with exit status 0")
        .says("it said last: one tw\\u{1b}o mkdir: cannot create directory")
        .says("--before COMMAND puts that back")
        .never_says("--allow")
        .never_says("--runs");
    lab.sh("rmdir made").expect(0);
    lab.callgate("-q learn --force -o p.json")
        .script(script)
        .expect(1)
        .says("not proven")
        .says("--before COMMAND");
}

#[test]
fn an_output_that_never_repeats_is_told_to_be_left_out() {
    let Some(lab) = Lab::nobody() else { return };
    learn(&lab, "--same-output", "echo $$", 1).says("printed something else").says("leave out --same-output");
}

#[test]
fn a_follow_up_of_a_withheld_call_is_said_to_be_one() {
    let Some(lab) = Lab::nobody() else { return };
    if lab.program("unshare").args(["--user", "true"]).run().code() != 0 {
        return println!("skipped: user namespaces are not to be had here");
    }
    let script = "unshare --user true || umask 77; exit 0";
    learn(&lab, "", script, 1)
        .says("withheld: unshare")
        .says("callgate learn … --allow unshare")
        .says("only because unshare was refused")
        .never_says("--runs");
}

#[test]
fn the_evidence_says_whether_the_profile_was_proven() {
    let Some(lab) = Lab::nobody() else { return };
    let says = |flags: &str, script: &str, code: i32, proof: &str| {
        learn(&lab, flags, script, code);
        assert_eq!(lab.json("p.json.evidence")["proof"], proof);
        let shown = lab.callgate("show p.json").expect(0).stdout;
        let words = if proof == "not asked" { "nobody asked for a proof" } else { proof };
        assert!(shown.contains(&format!("\n{words}\n")), "{shown}");
        let document = lab.callgate("show --format json p.json").expect(0).json();
        assert_eq!((&document["proof"], &document["changed"]), (&proof.into(), &false.into()));
    };
    says("", "true", 0, "proven: 2 runs, no miss");
    says("--no-prove", "true", 0, "not asked");
    let script = "test ! -e once || umask 77; echo x >> once";
    says("", script, 1, "not proven: the workload wanted umask, which the profile refuses");
}

#[test]
fn a_proof_is_of_the_profile_it_was_made_for_whatever_its_layout() {
    let Some(lab) = Lab::nobody() else { return };
    lab.callgate("learn -q -o p.json -- true").expect(0);
    let says = |line: &str| {
        let shown = lab.callgate("show p.json").expect(0).stdout;
        assert!(shown.lines().any(|l| l == line), "{line}\n{shown}");
    };
    let (profile, evidence) = (lab.read("p.json"), lab.read("p.json.evidence"));
    lab.write("p.json", profile.replace("  ", "    "));
    says("proven: 2 runs, no miss");
    lab.write("p.json", profile.replacen("\"exit_group\"", "\"exit_group\", \"umask\"", 1));
    says("changed since callgate wrote its evidence; before that: proven: 2 runs, no miss");
    assert_eq!(lab.callgate("show --format json p.json").expect(0).json()["changed"], true);
    // An update writes evidence of what is there now, which was not proven.
    lab.callgate("record -q -o t -- mkdir d").expect(0);
    lab.callgate("update p.json --from t").expect(0);
    says("not proven: calls were added since");
    // Files of callgates that did not say which profile they are of read as before.
    let old: Vec<&str> = evidence.lines().filter(|l| !l.contains("\"profile\": \"sha256:")).collect();
    lab.write("p.json.evidence", old.join("\n"));
    says("as callgate left it: proven: 2 runs, no miss");
}

#[test]
fn a_probe_that_never_succeeds_is_named() {
    let Some(lab) = Lab::nobody() else { return };
    let script = "echo up; exit 3";
    learn(&lab, "--ready log:down --exercise true", script, 1)
        .says("it ended with exit status 3 before it was ready")
        .says("the probe: --ready log:down");
    assert!(!lab.read("p.json.evidence").contains("log:down"), "what a person typed is in no file");
}

#[test]
fn the_end_of_learn_fits_a_screen_and_gives_lines_to_paste() {
    let Some(lab) = Lab::nobody() else { return };
    // Quotes, a line end and an accent: what a person types has them all.
    let script = "ls -l /etc |\nsort | head -n 2 # it's \u{e9}";
    let ended = learn(&lab, "", script, 0);
    // The last lines are there to be pasted, and work.
    let pasted: Vec<_> = ended.stderr.split("\n  callgate ").skip(1).collect();
    assert_eq!(pasted.len(), 2, "{}", ended.stderr);
    lab.sh(&format!("\"$CALLGATE\" {}", pasted[0])).expect(0);
    let run = pasted[1].split("\nfor a container").next().unwrap();
    // $'…' is bash's, and everybody's who pastes.
    lab.program("bash")
        .args(["-c", &format!("\"$0\" {run}")])
        .arg(lab.callgate_path())
        .expect(0)
        .prints(&ended.stdout);
}

#[test]
fn what_ends_before_its_exercise_is_said_to_without_a_probe_that_nobody_gave() {
    let Some(lab) = Lab::nobody() else { return };
    lab.callgate("learn --exercise true -o p.json -- /bin/true")
        .expect(1)
        .says("it ended with exit status 0 before it opened a listening socket")
        .says("what ends by itself needs no --exercise")
        .never_says("in time")
        .never_says("it was ready");
    assert_eq!(lab.json("p.json.evidence")["proof"], "not proven: the workload ended before it served");
}
