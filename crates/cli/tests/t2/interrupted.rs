//! Containers and images of a callgate that is interrupted, or killed.

use std::path::{Path, PathBuf};

use super::containers::{EVIL, IMAGE, RUNTIMES, busybox, call, nothing_is_left};
use crate::harness::{Lab, Running, until};

/// The directory of the containers of a callgate that runs.
fn home(running: &Running) -> PathBuf {
    std::env::temp_dir().join(format!("callgate-container-{}-0", running.pid()))
}

/// Whether a process lives that has this text among its arguments.
fn lives(text: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|p| std::fs::read(p.path().join("cmdline")).ok());
    lines.into_iter().any(|line| line.windows(text.len()).any(|w| w == text.as_bytes()))
}

#[test]
fn an_image_that_is_being_unpacked_is_given_up_at_once_and_removed() {
    let Some(lab) = Lab::root(&["runc", "busybox", "python3"]) else { return };
    busybox(&lab, "base");
    lab.write("image.py", IMAGE);
    lab.write("evil.py", EVIL);
    lab.sh("python3 evil.py many && python3 image.py oci amd64 base evil.tar").expect(0);
    for (verb, signal, code) in [("learn", "TERM", 2), ("record", "INT", 125)] {
        let words = format!("{verb} --image image.tar -o out");
        let running = call(&lab, &RUNTIMES[0], &words, &["sh", "-c", "echo ran"]).start();
        let root = home(&running).join("0/rootfs");
        until("files are being unpacked", || root.join("100").exists());
        running.signal(signal);
        let home = home(&running);
        running.end().expect(code).says("interrupted while").never_says("recorded").prints("");
        assert!(!home.exists() && !lab.has("out"));
    }
}

#[test]
fn after_a_kill_nothing_is_left_of_a_container() {
    let Some(lab) = Lab::root(&["runc", "crun", "busybox", "unshare"]) else { return };
    for (runtime, seconds) in RUNTIMES.iter().zip(["4711.5", "4712.5"]) {
        let rootfs = format!("rootfs-{seconds}");
        busybox(&lab, &rootfs);
        lab.sh(&format!("rmdir {rootfs}/proc {rootfs}/sys {rootfs}/dev")).expect(0);
        let words = format!("learn --rootfs {rootfs} -o p.json");
        let running = call(&lab, runtime, &words, &["sleep", seconds]).start();
        // Of unshare's child the pid is not known here: the container says that it is there.
        let runs = || lives(&format!("sleep\0{seconds}")) && lab.path(&rootfs).join("proc").exists();
        until("the container runs", runs);
        let callgate = lab.sh(&format!("pgrep -f -o 'callgate learn --rootfs {rootfs}'")).run().stdout;
        lab.sh(&format!("kill -9 {}", callgate.trim())).expect(0);
        drop(running.end());
        until("the container is gone", || !lives(seconds));
        until("what the runtime made in its root is gone", || !lab.path(&rootfs).join("proc").exists());
        nothing_is_left();
        assert!(!Path::new("/sys/fs/cgroup/pids").join(format!("callgate-{}-0", callgate.trim())).exists());
    }
}
