//! What only root can arrange: full disks, other owners, privileges kept, capabilities missing.

use std::os::unix::fs::MetadataExt;
use std::process::Command;

use crate::harness::{Lab, NOBODY};

/// A small file system of its own, gone with its owner.
struct Small<'l> {
    lab: &'l Lab,
}

impl<'l> Small<'l> {
    fn new(lab: &'l Lab) -> Self {
        lab.sh("mkdir small && mount -t tmpfs -o size=64k,mode=777 small small").expect(0);
        Self { lab }
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        // Lazily: a test that failed may have left something running there.
        let _ = Command::new("umount").arg("-l").arg(self.lab.path("small")).status();
    }
}

#[test]
fn a_full_disk_leaves_nothing_half_written() {
    let Some(lab) = Lab::root(&["mount"]) else { return };
    let small = Small::new(&lab);
    lab.sh("dd if=/dev/zero of=small/filler bs=1k count=60 status=none; dd if=/dev/zero of=small/rest bs=1k status=none || true")
        .expect(0);
    lab.write("p.json", "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": []}");
    lab.callgate("record -o t -- ls -l /etc").expect(0);
    let before = lab.files();
    for (verb, code) in [
        ("learn -o small/out -- ls -l /etc", 2),
        ("record -o small/out -- ls -l /etc", 125),
        ("generate t -o small/out", 2),
    ] {
        lab.callgate(verb).expect(code).says("small/out").says("No space left");
        let left = lab.sh("ls -A small").expect(0).stdout;
        assert_eq!(left, "filler\nrest\n", "{verb}");
    }
    assert_eq!(lab.files(), before);
    drop(small);
}

#[test]
fn a_disk_that_fills_up_keeps_the_file_that_was_there() {
    let Some(lab) = Lab::root(&["mount"]) else { return };
    let small = Small::new(&lab);
    lab.sh("echo mine > small/out; dd if=/dev/zero of=small/rest bs=1k status=none || true").expect(0);
    lab.callgate("learn --force -o small/out -- ls -l /etc").expect(2).says("No space left");
    assert_eq!(lab.read("small/out"), "mine\n");
    drop(small);
}

#[test]
fn what_is_written_under_sudo_belongs_to_the_caller() {
    let Some(lab) = Lab::root(&[]) else { return };
    let user = NOBODY.to_string();
    for verb in ["learn -o p.json -- true", "record -o t -- true"] {
        lab.callgate(verb).env("SUDO_UID", &user).env("SUDO_GID", &user).expect(0);
    }
    for name in ["p.json", "p.json.evidence", "t"] {
        let found = std::fs::metadata(lab.path(name)).unwrap();
        assert_eq!((found.uid(), found.gid()), (NOBODY, NOBODY), "{name}");
    }
}

#[test]
fn root_may_leave_privileges_to_the_program_and_the_trace_says_so() {
    let Some(lab) = Lab::root(&["setpriv", "su"]) else { return };
    let verb = "record --allow-privilege-escalation -o t";
    lab.callgate(verb).script("grep NoNewPrivs /proc/self/status").expect(0).prints("NoNewPrivs:\t0\n");
    assert_eq!(lab.json("t")["recordings"][0]["no_new_privs"], false);
    // A set-user-ID program in the hands of somebody else keeps its privilege, and is recorded.
    lab.callgate(&format!("{verb} --force"))
        .command(&["setpriv", "--reuid", "65534", "--clear-groups", "su", "--version"])
        .expect(0);
}

#[test]
fn a_capability_that_is_missing_is_named() {
    let Some(lab) = Lab::root(&["setpriv"]) else { return };
    let script = "exec setpriv --bounding-set -sys_admin --inh-caps -sys_admin \
                  \"$CALLGATE\" learn --allow-privilege-escalation -o p.json -- touch ran";
    lab.sh(script).expect(2).says("error:").says("CAP_SYS_ADMIN");
    assert!(lab.files().is_empty());
}

#[test]
fn privileged_programs_are_learned_with_what_they_do() {
    let Some(lab) = Lab::root(&["setpriv"]) else { return };
    let command = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "id", "-u"];
    lab.callgate("learn -o p.json").command(&command).expect(0).prints("65534\n").says("proven:");
    assert!(lab.read("p.json").contains("\"setgroups\""));
    lab.callgate("run --profile p.json --stage enforce").command(&command).expect(0).never_says("refused:");
}
