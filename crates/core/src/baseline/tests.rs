//! What defaults do, in small facts and against the expansions of their own loaders.

use std::path::Path;

use super::*;
use crate::call::Call;
use crate::capability;
use crate::errno::{EINVAL, ENOSYS, EPERM};
use crate::profile;
use crate::set::Region;

const REFUSED: Action = Action::Errno(EPERM);
const NEW: Kernel = Kernel::new(6, 1);

fn docker(machine: &Machine) -> Meaning {
    named("docker").unwrap().meaning(machine)
}

/// A container of Docker's that nobody asked anything for.
fn machine(arch: Arch, kernel: Kernel) -> Machine {
    find("docker").unwrap().machine(arch, kernel)
}

fn with(extra: &str) -> Machine {
    let mut machine = machine(Arch::X86_64, NEW);
    machine.caps.insert(extra.to_owned());
    machine
}

fn does(machine: &Machine, arch: Arch, name: &str, args: [u64; 6]) -> Action {
    let nr = sysno::number(arch, name).unwrap();
    docker(machine).action(&Call::new(arch, nr, args))
}

fn plain(name: &str, args: [u64; 6]) -> Action {
    does(&machine(Arch::X86_64, NEW), Arch::X86_64, name, args)
}

#[test]
fn ordinary_calls_are_allowed_and_administration_is_refused() {
    for name in
        ["read", "openat", "execve", "mmap", "connect", "futex", "prctl", "seccomp", "wait4", "chroot"]
    {
        assert_eq!(plain(name, [0; 6]), Action::Allow, "{name}");
    }
    for name in
        ["unshare", "mount", "setns", "bpf", "keyctl", "add_key", "kexec_load", "io_uring_setup", "reboot"]
    {
        assert_eq!(plain(name, [0; 6]), REFUSED, "{name}");
    }
}

#[test]
fn capabilities_open_what_they_stand_for() {
    let opens = [
        ("CAP_SYS_ADMIN", "unshare"),
        ("CAP_SYS_ADMIN", "bpf"),
        ("CAP_BPF", "bpf"),
        ("CAP_PERFMON", "perf_event_open"),
        ("CAP_SYS_MODULE", "init_module"),
        ("CAP_SYS_TIME", "settimeofday"),
        ("CAP_SYSLOG", "syslog"),
        ("CAP_SYS_BOOT", "reboot"),
        ("CAP_DAC_READ_SEARCH", "open_by_handle_at"),
        ("CAP_SYS_NICE", "mbind"),
        ("CAP_SYS_PTRACE", "kcmp"),
        ("CAP_SYS_RAWIO", "iopl"),
        ("CAP_SYS_PACCT", "acct"),
        ("CAP_SYS_TTY_CONFIG", "vhangup"),
    ];
    for (cap, name) in opens {
        assert_eq!(plain(name, [0; 6]), REFUSED, "{name}");
        assert_eq!(does(&with(cap), Arch::X86_64, name, [0; 6]), Action::Allow, "{name} with {cap}");
    }
    let bare = Machine::new(Arch::X86_64, NEW, []);
    assert_eq!(does(&bare, Arch::X86_64, "chroot", [0; 6]), REFUSED);
}

#[test]
fn clone_makes_threads_but_no_namespaces() {
    assert_eq!(plain("clone", [0x3d_0f00, 0, 0, 0, 0, 0]), Action::Allow);
    assert_eq!(plain("clone", [0x1000_0011, 0, 0, 0, 0, 0]), REFUSED);
    assert_eq!(
        does(&with("CAP_SYS_ADMIN"), Arch::X86_64, "clone", [0x1000_0011, 0, 0, 0, 0, 0]),
        Action::Allow
    );
    let s390x = machine(Arch::S390x, NEW);
    assert_eq!(does(&s390x, Arch::S390x, "clone", [0x1000_0000, 0x11, 0, 0, 0, 0]), Action::Allow);
    assert_eq!(does(&s390x, Arch::S390x, "clone", [0, 0x1000_0011, 0, 0, 0, 0]), REFUSED);
}

#[test]
fn clone3_claims_not_to_exist() {
    assert_eq!(plain("clone3", [0; 6]), Action::Errno(ENOSYS));
    assert_eq!(does(&with("CAP_SYS_ADMIN"), Arch::X86_64, "clone3", [0; 6]), Action::Allow);
}

#[test]
fn tracing_needs_a_new_kernel_or_the_capability() {
    let old = machine(Arch::X86_64, Kernel::new(4, 4));
    assert_eq!(does(&old, Arch::X86_64, "ptrace", [0; 6]), REFUSED);
    assert_eq!(
        does(&machine(Arch::X86_64, Kernel::new(4, 8)), Arch::X86_64, "ptrace", [0; 6]),
        Action::Allow
    );
    let mut trusted = old;
    trusted.caps.insert("CAP_SYS_PTRACE".to_owned());
    assert_eq!(does(&trusted, Arch::X86_64, "ptrace", [0; 6]), Action::Allow);
}

#[test]
fn sockets_of_two_families_are_refused() {
    for domain in [1, 2, 10, 16, 17, 37, 39, 41, 44] {
        assert_eq!(plain("socket", [domain, 0, 0, 0, 0, 0]), Action::Allow, "{domain}");
    }
    for domain in [38, 40] {
        assert_eq!(plain("socket", [domain, 0, 0, 0, 0, 0]), REFUSED, "{domain}");
    }
}

#[test]
fn five_personalities_are_allowed() {
    for persona in [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff] {
        assert_eq!(plain("personality", [persona, 0, 0, 0, 0, 0]), Action::Allow, "{persona:#x}");
    }
    for persona in [1, 0x4_0000, 0x40_0000, u64::MAX] {
        assert_eq!(plain("personality", [persona, 0, 0, 0, 0, 0]), REFUSED, "{persona:#x}");
    }
}

#[test]
fn companions_are_judged_by_the_rules_of_the_machine() {
    let rules = named("moby").unwrap().rules(&machine(Arch::X86_64, NEW));
    assert_eq!(rules.arches, [Arch::X86_64, Arch::X86, Arch::X32]);
    let meaning = docker(&machine(Arch::Aarch64, NEW));
    assert_eq!(meaning.arches.keys().copied().collect::<Vec<_>>(), [Arch::Aarch64, Arch::Arm]);
    assert_eq!(meaning.bad_arch, Action::KillThread);
    // arch_prctl is let in because the machine is x86_64, not because the ABI is.
    let x86_64 = machine(Arch::X86_64, NEW);
    assert_eq!(does(&x86_64, Arch::X86, "arch_prctl", [0; 6]), Action::Allow);
    assert_eq!(does(&machine(Arch::X86, NEW), Arch::X86, "arch_prctl", [0; 6]), REFUSED);
}

#[test]
fn every_rule_has_a_reason_and_every_default_its_own_capabilities() {
    for rule in all().iter().flat_map(|b| b.rules) {
        assert!(!rule.reason.is_empty() && !rule.calls.is_empty());
    }
    let caps: Vec<_> = all().iter().map(|b| (b.name, b.caps.len())).collect();
    assert_eq!(caps, [("docker", 14), ("containerd", 14), ("podman", 11), ("cri-o", 9)]);
    let deciding = all().iter().flat_map(|b| b.caps.iter().copied().chain(b.deciding_caps()));
    for cap in deciding {
        assert_eq!(capability::find(cap), Some(cap));
    }
}

/// What a default does with a call on x86_64 and Linux 6.1, with its own capabilities and these.
fn answer(of: &str, caps: &[&str], name: &str, args: [u64; 6]) -> Action {
    let edition = named(of).unwrap();
    let mut machine = edition.baseline.machine(Arch::X86_64, NEW);
    machine.caps.extend(caps.iter().map(|c| (*c).to_owned()));
    edition.meaning(&machine).action(&Call::new(
        Arch::X86_64,
        sysno::number(Arch::X86_64, name).unwrap(),
        args,
    ))
}

#[test]
fn releases_differ_as_their_series_do() {
    for has in ["1.6.28", "1.6", "1.7.13", "2.0", "2.3.3", "3.0"] {
        assert_eq!(answer(&format!("containerd@{has}"), &[], "cachestat", [0; 6]), Action::Allow, "{has}");
    }
    for lacks in ["1.6.20", "1.6.27", "1.7.0", "1.7.12"] {
        assert_eq!(answer(&format!("containerd@{lacks}"), &[], "cachestat", [0; 6]), REFUSED, "{lacks}");
    }
    // AF_ALG: 2.1 ended before the correction came, so that it lies between two series that have it.
    for (release, expected) in [("2.0.8", true), ("2.0.9", false), ("2.1", true), ("2.2.4", false)] {
        let done = answer(&format!("containerd@{release}"), &[], "socket", [38, 0, 0, 0, 0, 0]);
        assert_eq!(done, if expected { Action::Allow } else { REFUSED }, "{release}");
    }
    assert_eq!(answer("containerd", &[], "io_uring_setup", [0; 6]), REFUSED);
    assert_eq!(answer("containerd@1.7", &[], "io_uring_setup", [0; 6]), Action::Allow);
}

#[test]
fn any_one_capability_of_containerd_adds_its_calls() {
    for (cap, name) in [("CAP_SYS_ADMIN", "syslog"), ("CAP_SYSLOG", "syslog"), ("CAP_BPF", "bpf")] {
        assert_eq!(answer("containerd", &[cap], name, [0; 6]), Action::Allow, "{name} with {cap}");
    }
}

#[test]
fn podmans_unknown_calls_do_not_exist_and_known_ones_are_refused() {
    for (name, expected) in [
        ("unshare", Action::Allow),
        ("mount", Action::Allow),
        ("ptrace", Action::Allow),
        ("chroot", Action::Allow),
        ("userfaultfd", REFUSED),
        ("bpf", REFUSED),
        ("io_uring_setup", Action::Errno(ENOSYS)),
    ] {
        assert_eq!(answer("podman", &[], name, [0; 6]), expected, "{name}");
    }
    let audit = |caps: &[&str]| answer("podman", caps, "socket", [16, 3, 9, 0, 0, 0]);
    assert_eq!((audit(&[]), audit(&["CAP_AUDIT_WRITE"])), (Action::Errno(EINVAL), Action::Allow));
    assert_eq!(answer("podman", &[], "socket", [40, 1, 0, 0, 0, 0]), REFUSED);
    assert_eq!(answer("podman@0.66", &[], "socket", [40, 1, 0, 0, 0, 0]), Action::Allow);
    // Until 0.68 the rule for want of CAP_SYS_ADMIN came before the one for CAP_PERFMON.
    for (release, expected) in [("0.67", REFUSED), ("0.68", Action::Allow)] {
        let done = answer(&format!("podman@{release}"), &["CAP_PERFMON"], "perf_event_open", [0; 6]);
        assert_eq!(done, expected, "{release}");
    }
}

#[test]
fn cri_o_is_podmans_without_namespaces() {
    let with_user_namespace = [0x1000_0011, 0, 0, 0, 0, 0];
    assert_eq!(answer("cri-o", &[], "clone", with_user_namespace), REFUSED);
    assert_eq!(answer("cri-o", &[], "clone", [0x11, 0, 0, 0, 0, 0]), Action::Allow);
    for name in ["clone3", "unshare"] {
        assert_eq!(answer("crio", &[], name, [0; 6]), Action::Errno(ENOSYS), "{name}");
        assert_eq!(answer("crio", &["CAP_SYS_ADMIN"], name, with_user_namespace), Action::Allow, "{name}");
    }
    assert_eq!(answer("cri-o", &["CAP_SYS_ADMIN"], "clone", with_user_namespace), Action::Allow);
    assert_eq!(answer("cri-o", &[], "chroot", [0; 6]), REFUSED);
    assert_eq!(answer("cri-o", &[], "mount", [0; 6]), Action::Allow);
}

#[test]
fn what_is_not_there_is_said_with_the_way_out() {
    let error = |text: &str| named(text).unwrap_err().to_string();
    assert!(error("dokcer").ends_with("did you mean `docker`?; known: docker, containerd, podman, cri-o"));
    assert!(error("contained@1.7").contains("`containerd`"));
    assert!(error("containerd@new").contains("`new` is no version"));
    assert!(error("containerd@1").contains("`1` is no version"));
    assert!(error("containerd@1.5").contains("known from 1.6.16 on"));
    assert!(error("docker@24.0").contains("one version: write docker"));
    assert_eq!(
        named("containerd@2.9").unwrap().note().unwrap(),
        "containerd 2.9 is newer than what callgate knows; this is the default of 2.4"
    );
    assert_eq!(named("containerd@2.4.7").unwrap().note(), None);
}

#[test]
fn as_a_profile_a_default_means_the_same() {
    for baseline in all() {
        for arch in Arch::ALL {
            for extra in [&[][..], &["CAP_SYS_ADMIN", "CAP_BPF"], &["CAP_AUDIT_WRITE", "CAP_PERFMON"]] {
                let mut machine = baseline.machine(arch, NEW);
                machine.caps.extend(extra.iter().map(|c| (*c).to_owned()));
                let rules = baseline.newest().rules(&machine);
                let text = profile::write(&rules.profile(), true);
                let (read, notes) = profile::read(&text).unwrap();
                let context = format!("{} on {arch}: {notes:?}", baseline.name);
                assert_equal_by_meaning(&rules.meaning(), &profile::meaning(&read, arch), &context);
            }
        }
    }
}

/// What happens to one call: action → the arguments that get it.
fn effect(rules: &Rules, nr: u32) -> BTreeMap<u32, Region> {
    let mut found: BTreeMap<u32, Region> = BTreeMap::new();
    let mut left = Region::all();
    let clauses = rules.calls.get(&nr).into_iter().flatten().map(|c| (c.action, Region::from(c.args)));
    for (action, region) in clauses.chain([(rules.default, Region::all())]) {
        let part = left.intersection(&region);
        left = left.difference(&region);
        if !part.is_empty() {
            let slot = found.entry(action.to_ret()).or_insert_with(Region::none);
            *slot = slot.union(&part);
        }
    }
    found
}

fn assert_equal_by_meaning(ours: &Meaning, theirs: &Meaning, context: &str) {
    assert!(ours.arches.keys().eq(theirs.arches.keys()), "{context}: other architectures");
    for (arch, rules) in &ours.arches {
        let other = &theirs.arches[arch];
        for entry in sysno::table(*arch) {
            let (a, b) = (effect(rules, entry.nr), effect(other, entry.nr));
            let equal = a.keys().eq(b.keys()) && a.iter().all(|(action, region)| region.equals(&b[action]));
            assert!(equal, "{context}: {arch} {}: {a:?}\n{b:?}", entry.name());
        }
    }
}

/// Every expansion in a file of `CALLGATE_SHARED`, held against our default of that name.
fn compare_expansions(of: &str, file: &str, fixture: &str, least: usize) {
    let Some(shared) = std::env::var_os("CALLGATE_SHARED") else {
        println!("skipped: CALLGATE_SHARED is not set");
        return;
    };
    let edition = named(of).unwrap();
    let (mut compared, mut skipped) = (0, Vec::new());
    for line in std::fs::read_to_string(Path::new(&shared).join("data").join(file)).unwrap().lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        if row["profile"] != fixture {
            continue;
        }
        let Ok(arch) = row["goarch"].as_str().unwrap().parse::<Arch>() else {
            skipped.push(row["goarch"].to_string());
            continue;
        };
        let kernel = row["kernel"].as_str().map_or(NEW, |k| k.parse().unwrap());
        let caps = row["bounding_caps"].as_array().unwrap();
        let machine = Machine::new(arch, kernel, caps.iter().map(|c| c.as_str().unwrap()));
        let (theirs, _) = profile::read(&row["expected"].to_string()).unwrap();
        let context = format!("{arch} {kernel} {caps:?}");
        assert_equal_by_meaning(&edition.meaning(&machine), &profile::meaning(&theirs, arch), &context);
        compared += 1;
    }
    println!("compared {compared} expansions; no tables for {skipped:?}");
    assert!(compared >= least);
}

#[test]
fn docker_means_what_dockers_own_expansion_means() {
    compare_expansions("docker", "moby-default-expansion.jsonl", "fixtures/moby-default.json", 30);
}

#[test]
fn podman_means_what_the_expansion_of_containers_common_means() {
    let (file, fixture) =
        ("containers-common-default-expansion.jsonl", "fixtures/containers-common-seccomp.json");
    compare_expansions("podman", file, fixture, 3);
}
