//! What runtimes apply by default, written and asked about.

use super::snapshot;
use crate::harness::Lab;

/// The same answers everywhere.
const HERE: &str = "--arch x86_64 --kernel 6.1";

#[test]
fn defaults_are_listed_with_the_releases_they_are_known_of() {
    let lab = Lab::new();
    let shown = lab.callgate("default").expect(0).stdout;
    snapshot("default", &shown);
    let document = lab.callgate("default --format json").expect(0).json();
    assert_eq!(document["schema"], "callgate.dev/defaults/v1");
    for entry in document["defaults"].as_array().unwrap() {
        for key in ["name", "aliases", "about", "source", "oldest", "newest", "caps"] {
            assert!(entry.get(key).is_some(), "no {key} in {entry}");
        }
        let name = entry["name"].as_str().unwrap();
        let aliases = entry["aliases"].as_array().unwrap().iter().map(|alias| alias.as_str().unwrap());
        let written = lab.callgate(&format!("default {name} {HERE}")).expect(0).stdout;
        for alias in aliases {
            lab.callgate(&format!("default {alias} {HERE}")).expect(0).prints(&written);
        }
    }
}

#[test]
fn a_default_is_a_profile_that_everything_else_takes() {
    let lab = Lab::new();
    for name in ["docker", "containerd", "podman", "cri-o"] {
        for arch in ["x86_64", "aarch64", "riscv64", "s390x"] {
            let words = format!("default {name} --arch {arch} --kernel 6.1 --force -o p.json");
            let said = lab.callgate(&words).expect(0).prints("");
            said.says("wrote p.json").says(&format!("on {arch}, Linux 6.1"));
            lab.callgate("show p.json").expect(0);
            let piped = lab.callgate(&format!("default {name} --arch {arch} --kernel 6.1")).expect(0);
            assert_eq!(piped.stdout, lab.read("p.json"));
            lab.callgate(&format!("compile p.json --arch {arch} --emit raw -o p.bpf --force")).expect(0);
        }
    }
    lab.callgate(&format!("default docker {HERE} -o p.json")).expect(2).says("p.json").says("--force");
    lab.callgate(&format!("default cri-o {HERE}")).expect(0).says("not held against a running CRI-O");
}

#[test]
fn reasons_stand_beside_rules_where_they_are_asked_for() {
    let lab = Lab::new();
    let plain = lab.callgate(&format!("default containerd {HERE}")).expect(0).json();
    let commented = lab.callgate(&format!("default containerd {HERE} --with-comments")).expect(0).json();
    for (rule, with) in
        plain["syscalls"].as_array().unwrap().iter().zip(commented["syscalls"].as_array().unwrap())
    {
        assert!(rule.get("comment").is_none() && with["comment"].is_string(), "{rule}");
        assert_eq!(rule["names"], with["names"]);
        assert!(rule["names"].as_array().unwrap().is_sorted_by_key(|name| name.as_str().unwrap().to_owned()));
    }
}

#[test]
fn capabilities_architecture_and_kernel_decide() {
    let lab = Lab::new();
    let allows = |words: &str, call: &str| {
        let profile = lab.callgate(&format!("default {words}")).expect(0).json();
        let rules = profile["syscalls"].as_array().unwrap().clone();
        rules.iter().any(|r| {
            r["action"] == "SCMP_ACT_ALLOW" && r["names"].as_array().unwrap().iter().any(|n| n == call)
        })
    };
    let containerd = format!("containerd {HERE}");
    assert!(allows(&containerd, "chroot") && !allows(&containerd, "syslog"));
    assert!(!allows(&format!("{containerd} --caps none"), "chroot"));
    // CAP_SYSLOG alone, in three spellings, and beside the rest.
    for caps in ["CAP_SYSLOG", "syslog", "cap_syslog"] {
        let words = format!("{containerd} --caps {caps}");
        assert!(allows(&words, "syslog") && !allows(&words, "chroot"), "{caps}");
    }
    let words = format!("{containerd} --caps default,CAP_SYSLOG");
    assert!(allows(&words, "syslog") && allows(&words, "chroot"));
    assert!(allows(&format!("{containerd} --caps all"), "init_module"));
    assert!(allows("docker --arch x86_64 --kernel 4.8", "ptrace"));
    assert!(!allows("docker --arch x86_64 --kernel 4.4.0-210-generic", "ptrace"));
    assert!(
        allows("docker --arch riscv64 --kernel 6.1", "riscv_flush_icache")
            && !allows(&containerd, "riscv_flush_icache")
    );
    assert!(
        allows(&format!("containerd@1.7 {HERE}"), "io_uring_setup") && !allows(&containerd, "io_uring_setup")
    );
}

#[test]
fn what_a_default_blocks_is_told_by_topic_with_what_opens_it() {
    let lab = Lab::new();
    let shown = lab.callgate(&format!("default containerd@2.4 {HERE} --blocked")).expect(0);
    snapshot("default-blocked", &shown.stdout);
    let document =
        lab.callgate(&format!("default containerd {HERE} --blocked --format json")).expect(0).json();
    assert_eq!(document["schema"], "callgate.dev/default-blocked/v1");
    assert_eq!(document["profile"]["release"], "2.4");
    let rows = document["blocked"].as_array().unwrap();
    let of = |call: &str| rows.iter().find(|row| row["call"] == call).unwrap();
    assert_eq!(of("bpf")["opened_by"], serde_json::json!(["CAP_BPF", "CAP_SYS_ADMIN"]));
    assert_eq!((&of("clone")["in_part"], &of("clone3")["errno"]), (&true.into(), &38.into()));
    let nothing = lab.callgate(&format!("default containerd {HERE} --blocked --caps all")).expect(0);
    nothing.shows("opened by no capability: add_key keyctl request_key");
}

#[test]
fn two_defaults_are_held_against_each_other_by_meaning() {
    let lab = Lab::new();
    let shown = lab.callgate(&format!("default --diff docker podman {HERE}")).expect(1);
    snapshot("default-diff", &shown.stdout);
    let document =
        lab.callgate(&format!("default --diff docker podman {HERE} --format json")).expect(1).json();
    assert_eq!(
        (&document["schema"], &document["result"]),
        (&"callgate.dev/default-diff/v1".into(), &"different".into())
    );
    for row in document["differences"].as_array().unwrap() {
        assert!(row["first"] != row["second"], "{row}");
    }
    lab.callgate(&format!("default --diff moby docker {HERE}"))
        .expect(0)
        .shows("they treat every call alike");
    let same =
        lab.callgate(&format!("default --diff containerd@1.7.13 containerd@1.7.31 {HERE} --format json"));
    assert_eq!(same.expect(0).json()["result"], "equal");
}

#[test]
fn what_is_not_known_is_said_with_the_way_out() {
    let lab = Lab::new();
    lab.callgate("default dokcer").expect(2).says("`dokcer`").says("did you mean `docker`?");
    lab.callgate("default containerd@new").expect(2).says("`new` is no version").says("containerd@1.6.20");
    lab.callgate("default containerd@1.2").expect(2).says("too old").says("1.6.16");
    lab.callgate("default docker@27").expect(2).says("write docker");
    lab.callgate(&format!("default containerd@9.1 {HERE}")).expect(0).says("newer than what callgate knows");
    lab.callgate("default docker --caps CAP_SYS_ADMN")
        .expect(2)
        .says("`CAP_SYS_ADMN`")
        .says("did you mean `CAP_SYS_ADMIN`?");
    lab.callgate("default docker --caps sys_admn").expect(2).says("did you mean `CAP_SYS_ADMIN`?");
    lab.callgate("default docker --caps ,").expect(2).says("`` is no capability");
    lab.callgate("default docker --caps none,all").expect(2).says("`none` is no capability");
    lab.callgate("default docker --arch vax").expect(2).says("`vax`");
    lab.callgate("default docker --kernel six").expect(2).says("`six`").says("write 6.1");
    lab.callgate("default docker --diff docker podman").expect(2).says("--diff");
    lab.callgate("default --blocked").expect(2).says("NAME");
    lab.callgate("default -o p.json").expect(2).says("NAME");
    lab.callgate("default docker --blocked -o p.json").expect(2).says("--blocked");
    assert!(lab.files().is_empty());
}
