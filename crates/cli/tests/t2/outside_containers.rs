//! Recording from outside, by eBPF: containers by podman, containers in each other, namespaces that are left.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::containers::busybox;
use super::outside::{Group, SET_UP, attached, attached_by, bundle, filter, lab, names, unified};
use super::outside_tasks::{MARK, marks};
use crate::harness::{Call, Ended, Lab, skip, until};

/// Records a cgroup while something runs.
fn while_recorded(lab: &Lab, group: &Group, run: impl FnOnce() -> Ended) -> Value {
    let mut record = lab.callgate("record --force -o t");
    record.args(["--cgroup", group.path()]);
    let recording = record.start();
    attached(recording.pid());
    let ended = run();
    recording.signal("TERM");
    let recorded = recording.end();
    // First of all what ran has to have done so.
    ended.expect(0);
    recorded.expect(0);
    lab.json("t")
}

/// What the container does is there, what its runtime does before the filter is not.
fn shows_no_set_up(trace: &Value, what: &str) {
    let names = names(trace);
    let extra: Vec<_> = SET_UP.iter().filter(|name| names.contains(**name)).collect();
    assert!(extra.is_empty(), "{what}: {extra:?} of {names:?}");
    for name in ["execve", "umask", "getdents64"] {
        assert!(names.contains(name), "{what}: {name} is not in {names:?}");
    }
    assert!(!trace.to_string().contains("\"/\""), "{what}: no file is called that: {trace}");
    assert_eq!(trace["complete"], true, "{what}: {}", trace["losses"]);
}

/// A container's id that no other test has.
fn id(lab: &Lab, name: &str) -> String {
    format!("{}-{name}", lab.dir.parent().and_then(Path::file_name).unwrap().to_str().unwrap())
}

/// podman with a store of this test's own.
pub(super) fn podman<'l>(lab: &'l Lab, words: &str) -> Call<'l> {
    let mut call = lab.program("timeout");
    let [root, run, temporary] = ["store", "run", "tmp"].map(|name| lab.path(name));
    call.args(["-k", "1", "60", "podman", "--root"]).arg(root).arg("--runroot").arg(run);
    call.arg("--tmpdir").arg(temporary).args(["--storage-driver", "vfs", "--runtime", "runc"]);
    call.args(["--cgroup-manager", "cgroupfs"]).args(words.split_whitespace());
    call
}

#[test]
fn a_container_of_podman_is_recorded_without_its_set_up_by_its_cgroup_and_by_its_id() {
    let Some(lab) = lab(&["podman", "runc", "busybox"]) else { return };
    busybox(&lab, "rootfs");
    let rootfs = lab.path("rootfs");
    let start = |group: &Group, words: &str, script: &str| {
        // A machine may not let root raise its limits, which podman would do.
        let limits = "--network none --ulimit nofile=1024:1024 --ulimit nproc=1024:1024";
        let mut call =
            podman(&lab, &format!("run --rm {limits} --cgroup-parent {} {words}", group.inside("p")));
        call.arg("--rootfs").arg(&rootfs).args(["/bin/sh", "-c", script]);
        call
    };
    let group = Group::new(unified(), &lab);
    let tried = start(&group, "", "true").run();
    if tried.code() != 0 {
        return skip("t2", &format!("podman cannot run a container here: {}", tried.stderr.trim()));
    }
    // Without a filter, too: from the exec after its root directory has changed.
    for words in ["", "--security-opt seccomp=unconfined"] {
        let trace = while_recorded(&lab, &group, || start(&group, words, "umask 77; ls /").run());
        shows_no_set_up(&trace, &format!("podman {words}"));
        assert!(names(&trace).is_superset(&["umask".into(), "getdents64".into(), "execve".into()].into()));
        // What it was taken for is said, and what was left out for it.
        let said = trace.to_string();
        let rooted = said.contains("changed their root directory") && said.contains("it is left out: ");
        assert_eq!(rooted, !words.is_empty(), "{said}");
    }
    let name = id(&lab, "running");
    let container = start(
        &group,
        &format!("--name {name}"),
        "i=0; while [ $i -lt 1000 ]; do (umask 77); sleep 0.05; i=$((i + 1)); done",
    )
    .start();
    let inspect =
        || podman(&lab, &format!("inspect --format {{{{.Id}}}}:{{{{.State.Running}}}} {name}")).run().stdout;
    until("the container runs", || inspect().contains("true"));
    let whole = inspect().split(':').next().unwrap().to_owned();
    for id in [&whole, &whole[..12]] {
        lab.callgate(&format!("record --container {id} --for 1s --force -o t")).expect(0).says("it goes on");
        assert!(names(&lab.json("t")).contains("umask"), "{id}");
    }
    podman(&lab, &format!("kill --signal KILL {name}")).expect(0);
    drop(container.end());
}

/// A container in which runc runs: this machine's programs, its cgroups, and the directory of the test.
fn outer(lab: &Lab, config: &mut Value, script: &str) {
    let root = lab.path("machine");
    let dir = lab.dir.to_str().unwrap();
    lab.sh("mkdir -p machine/usr machine/etc machine/proc machine/sys machine/dev machine/run && \
         for d in bin sbin lib lib32 lib64; do if test -L /$d; then ln -sfn usr/$d machine/$d; fi; done")
        .expect(0);
    std::fs::create_dir_all(root.join(dir.trim_start_matches('/'))).unwrap();
    config["root"] = json!({"path": root, "readonly": false});
    config["process"]["args"] = json!(["sh", "-c", script]);
    config["process"]["cwd"] = dir.into();
    config["process"]["noNewPrivileges"] = false.into();
    let capabilities = [
        "CHOWN",
        "DAC_OVERRIDE",
        "DAC_READ_SEARCH",
        "FOWNER",
        "FSETID",
        "KILL",
        "SETGID",
        "SETUID",
        "SETPCAP",
        "NET_ADMIN",
        "NET_BIND_SERVICE",
        "NET_RAW",
        "SYS_ADMIN",
        "SYS_CHROOT",
        "SYS_PTRACE",
        "MKNOD",
        "AUDIT_WRITE",
        "SETFCAP",
    ]
    .map(|name| format!("CAP_{name}"));
    for set in ["bounding", "effective", "permitted", "inheritable"] {
        config["process"]["capabilities"][set] = json!(capabilities);
    }
    config["linux"]["resources"] = json!({"devices": [{"allow": true, "access": "rwm"}]});
    for shut in ["maskedPaths", "readonlyPaths"] {
        config["linux"][shut] = json!([]);
    }
    config["linux"]["namespaces"].as_array_mut().unwrap().retain(|n| n["type"] != "cgroup");
    let mounts = config["mounts"].as_array_mut().unwrap();
    mounts.retain(|m| m["type"] != "cgroup");
    for place in ["/sys/fs/cgroup", "/usr", "/etc", dir] {
        mounts
            .push(json!({"destination": place, "type": "bind", "source": place, "options": ["rbind", "rw"]}));
    }
}

#[test]
fn a_container_in_a_container_is_recorded_by_itself_and_as_part_of_the_outer_one() {
    let Some(lab) = lab(&["runc", "busybox"]) else { return };
    if !Path::new("/bin").is_symlink() {
        return skip(
            "t2",
            "/bin is no link to usr/bin, so that no root is put together for the outer container",
        );
    }
    busybox(&lab, "rootfs");
    for filtered in [true, false] {
        let group = Group::new(unified(), &lab);
        let [outer_id, inner_id] = ["outer", "inner"].map(|name| id(&lab, name));
        bundle(&lab, "inner", &group.inside("outer/inner"), |config| {
            config["process"].as_object_mut().unwrap().remove("rlimits");
            if filtered {
                config["linux"]["seccomp"] = filter();
            }
        });
        bundle(&lab, "outer", &group.inside("outer"), |config| {
            outer(&lab, config, &format!("runc --root inner.state run --bundle inner {inner_id}"));
            config["linux"]["seccomp"] = filter();
        });
        let mut alone = lab.callgate("record --wait --force -o inner.trace");
        alone.arg("--cgroup").arg(group.0.join("outer/inner"));
        let alone = alone.start();
        attached_by(alone.pid(), 6);
        let whole = while_recorded(&lab, &group, || {
            lab.sh(&format!(
                "timeout -k 1 60 runc --root outer.state run --bundle outer {outer_id}; s=$?
                 runc --root outer.state delete --force {outer_id}; exit $s"
            ))
            .run()
        });
        alone.signal("TERM");
        alone.end().expect(0);
        let inner = lab.json("inner.trace");
        shows_no_set_up(&inner, "inner");
        assert!(names(&inner).contains("umask"), "filtered: {filtered}");
        // To the outer container, the inner one's set-up is what its program does.
        let all = names(&whole);
        for name in ["umask", "getdents64", "mount", "pivot_root"] {
            assert!(all.contains(name), "filtered: {filtered}: {name} is not in {all:?}");
        }
    }
}

#[test]
fn neither_namespaces_nor_cgroups_below_lead_out_of_the_scope_and_a_move_out_of_it_does() {
    let Some(lab) = lab(&["unshare", "gcc", "mount"]) else { return };
    lab.compile("mark", MARK);
    for hierarchy in [unified(), "pids"] {
        if !Path::new("/sys/fs/cgroup").join(hierarchy).is_dir() {
            continue;
        }
        let group = Group::new(hierarchy, &lab);
        let outside = Group::new(hierarchy, &lab);
        let (inside, out) = (group.path(), outside.path());
        let kind = if hierarchy == unified() { "-t cgroup2 none" } else { "-t cgroup -o pids none" };
        // In the namespace, the group `a` is the root; what it makes below is named from there.
        lab.write(
            "below",
            format!(
                "set -e; ./mark 601; mkdir -p mnt; mount {kind} mnt; mkdir mnt/b; echo 0 > mnt/b/cgroup.procs
                 ./mark 602; unshare -U -r ./mark 603; unshare -p -f ./mark 604; umount mnt"
            ),
        );
        lab.write(
            "moves",
            format!(
                "set -e; mkdir {inside}/a; echo 0 > {inside}/a/cgroup.procs; ./mark 600; unshare -m -C sh ./below
                 echo 0 > {out}/cgroup.procs; ./mark 605; echo 0 > {inside}/a/cgroup.procs; ./mark 606
                 echo 0 > {out}/cgroup.procs; ./mark 607"
            ),
        );
        let trace = while_recorded(&lab, &group, || lab.sh("sh ./moves").run());
        let expected: BTreeSet<u64> = [600, 601, 602, 603, 604, 606].into();
        assert_eq!(marks(&trace), expected, "{hierarchy}");
        assert_eq!(trace["complete"], true, "{}", trace["losses"]);
    }
}
