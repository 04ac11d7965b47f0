//! Recording from outside, by eBPF: what is said where it cannot begin, or cannot be written.

use std::fs;
use std::process::Command;

use super::outside::{Group, Running, attached_by, lab, unified};
use crate::harness::{Lab, skip};

/// A small file system, gone with its owner.
struct Small<'l>(&'l Lab);

impl Drop for Small<'_> {
    fn drop(&mut self) {
        // Lazily: a test that failed may have left something running there.
        let _ = Command::new("umount").arg("-l").arg(self.0.path("small")).status();
    }
}

#[test]
fn a_directory_that_fills_up_while_something_is_recorded_gets_no_half_of_a_trace() {
    let Some(lab) = lab(&["mount", "ls"]) else { return };
    lab.sh("mkdir small && mount -t tmpfs -o size=16k,mode=777 small small").expect(0);
    let small = Small(&lab);
    let running = Running::start("sh", &["-c", "while :; do ls / >/dev/null; sleep 0.01; done"]);
    let recording = lab.callgate(&format!("record --pid {} -o small/t", running.pid())).start();
    attached_by(recording.pid(), 3);
    lab.sh("head -c 1m /dev/zero >small/filler").run();
    recording.signal("TERM");
    recording
        .end()
        .expect(125)
        .says("cannot write `small/t`: No space left")
        .says("hint: make room there, or choose another file with -o");
    assert_eq!(lab.sh("ls -A small").expect(0).stdout, "filler\n");
    drop((running, small));
}

#[test]
fn what_is_no_process_no_cgroup_and_no_known_container_is_called_what_it_is() {
    let Some(lab) = lab(&[]) else { return };
    let group = Group::new(unified(), &lab);
    lab.callgate(&format!("record --cgroup {}/cgroup.procs -o t", group.path()))
        .expect(125)
        .says("Not a directory")
        .says("hint: a cgroup is a directory");
    // As no runtime that is known calls it.
    let id = format!("{:064x}", u64::from(std::process::id()) << 32 | 0xdead_beef);
    let strange = Group::named(unified(), &format!("{id}-strange"));
    lab.callgate(&format!("record --container {id} -o t")).expect(125).says(&id).says("by --cgroup");
    drop(strange);
    let mut ended = Command::new("true").spawn().unwrap();
    ended.wait().unwrap();
    lab.callgate(&format!("record --pid {} -o t", ended.id())).expect(127).says("there is no process");
    assert!(!lab.has("t"));
    let threads = fs::read_to_string("/proc/2/status").unwrap_or_default();
    if !threads.contains("kthreadd") {
        return skip("t2", "no thread of the kernel is to be seen");
    }
    lab.callgate("record --pid 2 -o t").expect(125).says("process 2 is a thread of the kernel");
    assert!(!lab.has("t"));
}

#[test]
fn nobody_is_told_what_recording_a_container_or_a_unit_takes() {
    let Some(root) = lab(&[]) else { return };
    let Some(lab) = Lab::nobody() else { return };
    let id = format!("{:064x}", u64::from(std::process::id()) << 32 | 0xab0d_15ed);
    let unit = format!("callgate-nobody-{}.service", std::process::id());
    for (group, flag) in [
        (format!("docker-{id}.scope"), format!("--container {id}")),
        (unit.clone(), format!("--unit {unit}")),
    ] {
        let group = Group::named(unified(), &group);
        lab.callgate(&format!("record {flag} -o t")).expect(125).says("CAP_BPF").says("run as root");
        drop(group);
    }
    assert!(lab.files().is_empty());
    drop(root);
}
