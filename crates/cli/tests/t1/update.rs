//! From what a profile refused back into the profile, with everything a person wrote in it as it was.

use crate::harness::{Lab, hold_five_times};

/// Learned from less than is run later.
fn too_little(lab: &Lab) {
    lab.callgate("learn -q -o p.json -- true").expect(0);
}

const SCRIPT: &str = "ls -l / | sort >/dev/null; umask 77; exit 5";

#[test]
fn what_an_audit_reported_is_allowed_by_one_update() {
    let Some(lab) = Lab::nobody() else { return };
    too_little(&lab);
    let before = lab.read("p.json");
    lab.callgate("run --profile p.json --stage audit -o missed.trace")
        .script(SCRIPT)
        .expect(5)
        .says("callgate update p.json --from missed.trace");
    lab.callgate("update p.json --from missed.trace --dry-run").expect(1).says("nothing was written");
    assert_eq!(lab.read("p.json"), before);
    let ended = lab.callgate("update p.json --from missed.trace").expect(0).says("updated p.json: ");
    assert!(ended.stdout.starts_with("--- a/p.json\n+++ b/p.json\n@@ "), "{}", ended.stdout);
    hold_five_times(&lab, "", 5, &["sh", "-c", SCRIPT]);
    // The reasons came along, and a second update has nothing to do.
    lab.callgate("show p.json --why").expect(0);
    assert!(lab.read("p.json.evidence").contains("\"umask\""));
    lab.callgate("update p.json --from missed.trace").expect(0).prints("").says("nothing is to be done");
}

#[test]
fn the_patch_applies_to_the_profile_it_was_made_for() {
    let Some(lab) = Lab::nobody_with("t1", &["patch"]) else { return };
    too_little(&lab);
    lab.sh("cp p.json old.json").expect(0);
    lab.callgate("record -q -o t").script(SCRIPT).expect(5);
    lab.sh("\"$CALLGATE\" update p.json --from t > diff && patch -s old.json diff && cmp old.json p.json")
        .expect(0);
}

#[test]
fn an_update_keeps_comments_layout_and_permissions_and_makes_no_evidence_of_its_own() {
    let Some(lab) = Lab::nobody() else { return };
    let text = "{ \"defaultAction\": \"SCMP_ACT_ERRNO\",\n\n  \"syscalls\": [ { \"comment\": \"ours\",\n \"names\": [\"read\", \"close\"], \
                \"action\": \"SCMP_ACT_ALLOW\" } ] }";
    lab.sh(&format!("printf '%s' '{text}' > hand.json; chmod 640 hand.json")).expect(0);
    lab.callgate("record -q -o t -- true").expect(0);
    lab.callgate("update hand.json --from t").expect(0);
    let new = lab.read("hand.json");
    assert!(new.starts_with(
        "{ \"defaultAction\": \"SCMP_ACT_ERRNO\",\n\n  \"syscalls\": [ { \"comment\": \"ours\",\n \"names\": "
    ));
    lab.sh("test $(stat -c %a hand.json) = 640").expect(0);
    assert!(!lab.has("hand.json.evidence"));
    lab.callgate("run --profile hand.json --stage enforce -- true").expect(0).never_says("refused");
}

#[test]
fn a_dangerous_call_stays_out_of_an_update_until_it_is_named() {
    let Some(lab) = Lab::nobody() else { return };
    too_little(&lab);
    lab.callgate("record -q -o t").script("unshare --user true; true").expect(0);
    lab.callgate("update p.json --from t").expect(1).says("withheld: unshare");
    assert!(!lab.callgate("show p.json --format json").expect(0).stdout.contains("\"unshare\""));
    lab.callgate("update p.json --from t --allow unshare").expect(0).says("unshare");
}

#[test]
fn updates_that_cannot_be_made_say_why_and_write_nothing() {
    let Some(lab) = Lab::nobody() else { return };
    too_little(&lab);
    let before = lab.read("p.json");
    lab.callgate("record -q -o t -- ls /").expect(0);
    lab.callgate("update p.json --from nothing").expect(3).says("nothing");
    lab.callgate("update p.json --from p.json").expect(2).says("trace");
    lab.callgate("update p.json --from t --allow nosuch").expect(2).says("nosuch");
    lab.callgate("update p.json --from t --interactive").expect(2).says("terminal");
    lab.callgate("update p.json").expect(2);
    lab.write("default.json", "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": []}");
    lab.callgate("update default.json --from t").expect(2).says("no rule at all");
    lab.write(
        "docker.json",
        "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [{\"names\": [\"read\"], \"action\": \"SCMP_ACT_ALLOW\", \
         \"includes\": {\"caps\": [\"CAP_KILL\"]}}]}",
    );
    lab.callgate("update docker.json --from t").expect(2).says("depends on its loader");
    lab.callgate("run --profile p.json --stage enforce --via log -o m -- true").expect(125).says("--via log");
    assert_eq!(lab.read("p.json"), before);
    assert!(!lab.has("m"));
}
