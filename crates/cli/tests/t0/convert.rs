//! Profiles in other forms.

use crate::harness::Lab;

const PROFILE: &str = r#"{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
    {"names": ["read", "write", "execve", "exit_group"], "action": "SCMP_ACT_ALLOW"},
    {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 2114060288, "op": "SCMP_CMP_MASKED_EQ"}]}]}"#;

#[test]
fn what_a_form_cannot_hold_is_said_and_nothing_is_widened() {
    let lab = Lab::new();
    lab.write("p.json", PROFILE);
    let refused = lab.callgate("convert p.json --to systemd -o p.conf").expect(2);
    refused
        .says("p.json:3: this form cannot hold it: clone: allowed for some arguments only")
        .says("--narrow");
    assert!(!lab.has("p.conf"));
    let narrow = lab.callgate("convert p.json --to systemd --narrow -o p.conf").expect(1);
    narrow.says("p.json:3: lost: clone: allowed for some arguments, now refused");
    let text = lab.read("p.conf");
    assert!(text.contains("SystemCallErrorNumber=EPERM") && !text.contains("clone"), "{text}");
    assert!(text.contains("SystemCallFilter=~") && text.contains("nanosleep"), "{text}");
    lab.callgate("convert p.json --to list --widen").expect(1).shows("clone");
}

#[test]
fn a_resource_holds_conditions_and_comes_back() {
    let lab = Lab::new();
    lab.write("p.json", PROFILE);
    lab.callgate("convert p.json --to spo --name web -o p.yaml").expect(0);
    lab.callgate("convert p.yaml --to oci -o back.json").expect(0);
    lab.callgate("equiv p.json back.json --arch x86_64").expect(0);
    lab.write("enosys.json", PROFILE.replace("\"defaultErrnoRet\": 1", "\"defaultErrnoRet\": 38"));
    lab.callgate("convert enosys.json --to spo").expect(1).says("ENOSYS").says("becomes EPERM");
}

#[test]
fn lists_and_units_become_profiles() {
    let lab = Lab::new();
    lab.write("names.txt", "# needed\nread\nwrite\nopneat\n");
    let read = lab.callgate("convert names.txt --from list --to oci --arch x86_64 -o l.json").expect(0);
    read.says("there is no system call `opneat`").says("did you mean `openat`?");
    lab.callgate("explain l.json write").expect(0).shows("allow");
    lab.write("u.service", "[Service]\nExecStart=/bin/x\nSystemCallFilter=~@mount\n");
    lab.callgate("convert u.service --from systemd --to oci --arch x86_64 -o u.json").expect(0);
    lab.callgate("explain u.json mount").expect(0).shows("kill-process");
    lab.callgate("convert u.service --from list --to oci").expect(2).says("names no system call");
    lab.write("odd.service", "SystemCallFilter=@nothing\n");
    lab.callgate("convert odd.service --from systemd --to oci")
        .expect(2)
        .says("line 1: there is no set `@nothing`");
}

#[test]
fn what_a_unit_refuses_in_other_settings_is_not_dropped() {
    let lab = Lab::new();
    let unit = "[Service]\nSystemCallFilter=@system-service\nRestrictNamespaces=yes\nPrivateDevices=no\n";
    lab.write("n.service", unit);
    let refused = lab.callgate("convert n.service --from systemd --to oci -o n.json").expect(2);
    refused.says("line 3: RestrictNamespaces= refuses calls, too").says("nothing was written; --widen");
    assert!(!lab.path("n.json").exists());
    lab.callgate("convert n.service --from systemd --to oci --widen -o n.json")
        .expect(0)
        .says("the result allows more");
    lab.write("t.service", "SystemCallFliter=read\n");
    lab.callgate("convert t.service --from systemd --to oci")
        .expect(2)
        .says("did you mean SystemCallFilter=?");
    lab.callgate("convert n.service --to list").expect(2).says("--from systemd");
}

#[test]
fn dockers_keys_need_a_loader() {
    let lab = Lab::new();
    lab.write(
        "d.json",
        PROFILE.replace(
            "\"names\": [\"clone\"]",
            "\"includes\": {\"caps\": [\"CAP_SYS_ADMIN\"]}, \"names\": [\"clone\"]",
        ),
    );
    lab.callgate("convert d.json --to oci").expect(2).says("callgate expand --loader docker");
    lab.callgate("convert d.json --to list --loader docker --arch x86_64").expect(1).never_says("clone:");
}
