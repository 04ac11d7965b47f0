//! Default profiles, held against those of the runtimes themselves.

use std::collections::BTreeMap;
use std::fs;

use callgate_check::contrast;
use callgate_core::baseline::{Kernel, Machine, named};
use callgate_core::{Arch, Meaning, capability, profile};
use serde_json::{Value, json};

use super::containers::busybox;
use super::runtimes::installed;
use crate::harness::{Lab, Running, skip, until};

/// containerd on directories and sockets of its own.
const CONFIG: &str = r#"version = 2
root = "DIR/root"
state = "DIR/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs"]
[grpc]
  address = "DIR/containerd.sock"
[ttrpc]
  address = "DIR/ttrpc.sock"
"#;

/// An image of busybox, as `docker save` writes them.
const IMAGE: &str = r#"
tar -C rootfs -cf layer.tar .
sum=$(sha256sum layer.tar | cut -d' ' -f1)
printf '{"architecture":"%s","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$(dpkg --print-architecture)" "$sum" > config.json
printf '[{"Config":"config.json","RepoTags":["local/box:1"],"Layers":["layer.tar"]}]' > manifest.json
tar -cf image.tar config.json manifest.json layer.tar
ctr -a containerd.sock image import image.tar"#;

/// A containerd that ends with the test.
struct Containerd<'l> {
    lab: &'l Lab,
    daemon: Option<Running>,
}

impl<'l> Containerd<'l> {
    fn start(lab: &'l Lab) -> Self {
        lab.write("config.toml", CONFIG.replace("DIR", lab.dir.to_str().unwrap()));
        busybox(lab, "rootfs");
        let daemon = Some(lab.program("containerd").args(["-c", "config.toml"]).start());
        let started = Self { lab, daemon };
        until("containerd answers", || lab.sh("ctr -a containerd.sock version").run().code() == 0);
        lab.sh(IMAGE).expect(0);
        started
    }

    /// A container with the default profile, by the number of its first process.
    fn run(&self, id: &str, flags: &str) -> u32 {
        let ctr = "ctr -a containerd.sock";
        // Nothing of it lies outside the lab but /run/containerd/s, where shims have their sockets.
        let own = "--cgroup '' --runc-root $PWD/runc --fifo-dir $PWD/fifo --snapshotter native";
        let run = format!("{ctr} run --detach --seccomp {own} {flags} docker.io/local/box:1 {id}");
        self.lab.sh(&format!("{run} /bin/sleep 300")).expect(0);
        let row = format!("{ctr} task ls | awk '$1 == \"{id}\" {{ print $2 }}'");
        self.lab.sh(&row).expect(0).stdout.trim().parse().unwrap()
    }
}

impl Drop for Containerd<'_> {
    fn drop(&mut self) {
        let script = "for id in $(ctr -a containerd.sock container ls -q); do \
            ctr -a containerd.sock task rm --force $id; ctr -a containerd.sock container rm $id; done";
        self.lab.sh(script).run();
        if let Some(daemon) = self.daemon.take() {
            daemon.signal("TERM");
            daemon.end();
        }
    }
}

/// A process's bounding set by name.
fn bounding(pid: u32) -> Vec<&'static str> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("CapBnd:")).unwrap().trim();
    let mask = u64::from_str_radix(mask, 16).unwrap();
    capability::NAMES
        .into_iter()
        .enumerate()
        .filter(|(n, _)| mask >> n & 1 == 1)
        .map(|(_, name)| name)
        .collect()
}

#[test]
fn containerds_default_is_what_containerd_loads() {
    let Some(lab) = Lab::root(&["containerd", "ctr", "runc", "busybox", "tar"]) else { return };
    let release = installed("containerd");
    let edition = named(&format!("containerd@{release}")).unwrap();
    let held = format!(
        "--profile p.json --runtime runc@{} --libseccomp {}",
        installed("runc"),
        installed("libseccomp2")
    );
    let containerd = Containerd::start(&lab);
    let all: Vec<_> = edition.baseline.deciding_caps().iter().map(|cap| format!("--cap-add {cap}")).collect();
    let some = "--cap-add CAP_BPF --cap-add CAP_SYS_PTRACE --cap-drop CAP_SYS_CHROOT";
    let flags = ["", some, "--cap-add CAP_SYS_ADMIN", &all.join(" ")];
    for (number, flags) in flags.into_iter().enumerate() {
        let pid = containerd.run(&format!("c{number}"), flags);
        let caps = bounding(pid).join(",");
        lab.callgate(&format!("default containerd@{release} --caps {caps} --force -o p.json")).expect(0);
        lab.callgate(&format!("inspect {pid} {held}")).expect(0);
        if flags.is_empty() {
            let default = lab.callgate(&format!("default containerd@{release}")).expect(0).stdout;
            assert_eq!(lab.read("p.json"), default, "{caps}");
        } else {
            // Of another container it is not the filter.
            lab.callgate(&format!("default containerd@{release} --force -o p.json")).expect(0);
            lab.callgate(&format!("inspect {pid} {held}")).expect(1);
        }
    }
}

/// What containers-common's loader makes of a profile, on a machine of this architecture.
///
/// `includes` asks for one of the architectures and all of the capabilities, `excludes` gives way to any; only the
/// `archMap` entries of the architectures below are resolved, and nothing is said of `minKernel`.
fn expanded(text: &str, arch: Arch, caps: &[&str]) -> Meaning {
    const NAMES: [(Arch, &str); 8] = [
        (Arch::X86_64, "amd64"),
        (Arch::X86, "x86"),
        (Arch::Aarch64, "arm64"),
        (Arch::Arm, "arm"),
        (Arch::Riscv64, "riscv64"),
        (Arch::S390x, "s390x"),
        (Arch::Ppc64le, "ppc64le"),
        (Arch::Loongarch64, "loong64"),
    ];
    const RESOLVED: [Arch; 3] = [Arch::X86_64, Arch::Aarch64, Arch::S390x];
    let name = NAMES.iter().find(|(a, _)| *a == arch).unwrap().1;
    let mut whole: Value = serde_json::from_str(text).unwrap();
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let counts = |rule: &&Value| {
        let (when, unless) = (&rule["includes"], &rule["excludes"]);
        let arches = list(when, "arches");
        (arches.is_empty() || arches.iter().any(|a| a == name))
            && list(when, "caps").iter().all(|cap| caps.iter().any(|c| cap == c))
            && !list(unless, "arches").iter().any(|a| a == name)
            && !list(unless, "caps").iter().any(|cap| caps.iter().any(|c| cap == c))
    };
    let flat = |rule: &Value| {
        let mut flat = BTreeMap::from([("names", rule["names"].clone()), ("action", rule["action"].clone())]);
        flat.insert("args", list(rule, "args").into());
        if let Some(errno) = rule["errnoRet"].as_u64() {
            flat.insert("errnoRet", errno.into());
        }
        json!(flat)
    };
    let rules: Vec<Value> = list(&whole, "syscalls").iter().filter(counts).map(flat).collect();
    let entry = list(&whole, "archMap").into_iter().find(|e| e["architecture"] == arch.oci());
    let arches = entry.filter(|_| RESOLVED.contains(&arch)).map_or_else(Vec::new, |entry| {
        [vec![entry["architecture"].clone()], list(&entry, "subArchitectures")].concat()
    });
    whole["syscalls"] = rules.into();
    whole["architectures"] = arches.into();
    whole.as_object_mut().unwrap().remove("archMap");
    profile::meaning(&profile::read(&whole.to_string()).unwrap().0, arch)
}

#[test]
fn podmans_default_is_the_one_debian_ships() {
    const FILE: &str = "/usr/share/containers/seccomp.json";
    let Ok(text) = fs::read_to_string(FILE) else {
        return skip("t2", "no containers-common here (package golang-github-containers-common)");
    };
    let edition = named(&format!("podman@{}", installed("golang-github-containers-common"))).unwrap();
    let deciding = edition.baseline.deciding_caps();
    let sets = deciding.iter().map(|cap| vec![*cap]).chain([
        Vec::new(),
        edition.baseline.caps.to_vec(),
        deciding.clone(),
        capability::NAMES.to_vec(),
    ]);
    let sets: Vec<Vec<&str>> = sets.collect();
    for arch in Arch::ALL.into_iter().filter(|arch| *arch != Arch::X32) {
        for caps in &sets {
            let machine = Machine::new(arch, Kernel::new(6, 1), caps.iter().copied());
            let (ours, theirs) = (edition.meaning(&machine), expanded(&text, arch, caps));
            assert!(ours.arches.keys().eq(theirs.arches.keys()), "{arch}");
            let found = contrast(&ours, &theirs).expect("defaults are small");
            assert!(found.is_empty(), "{arch} {caps:?}: {found:?}");
        }
    }
}
