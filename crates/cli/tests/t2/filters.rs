//! Filters that other programs load.

use crate::harness::Lab;

#[test]
fn bwrap_loads_a_compiled_filter_and_a_refused_call_is_refused() {
    let Some(lab) = Lab::root(&["bwrap"]) else { return };
    let profile = r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}"#;
    lab.write("p.json", profile);
    lab.callgate("compile p.json --emit raw -o p.bpf").expect(0);
    let sandbox = "bwrap --dev-bind / / --seccomp 9";
    lab.sh(&format!("{sandbox} mkdir refused 9< p.bpf")).expect(1).says("No space left on device");
    assert!(!lab.has("refused"));
    lab.sh(&format!("{sandbox} touch made 9< p.bpf")).expect(0);
    assert!(lab.has("made"));
}
