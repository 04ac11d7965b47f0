//! What Docker's default does, in small facts and against its own expansions.

use std::path::Path;

use super::*;
use crate::call::Call;
use crate::errno::{ENOSYS, EPERM};
use crate::profile;
use crate::set::Region;

const REFUSED: Action = Action::Errno(EPERM);
const NEW: Kernel = Kernel::new(6, 1);

fn docker(machine: &Machine) -> Meaning {
    find("docker").unwrap().meaning(machine)
}

fn with(extra: &str) -> Machine {
    let mut machine = Machine::docker(Arch::X86_64, NEW);
    machine.caps.insert(extra.to_owned());
    machine
}

fn does(machine: &Machine, arch: Arch, name: &str, args: [u64; 6]) -> Action {
    let nr = sysno::number(arch, name).unwrap();
    docker(machine).action(&Call::new(arch, nr, args))
}

fn plain(name: &str, args: [u64; 6]) -> Action {
    does(&Machine::docker(Arch::X86_64, NEW), Arch::X86_64, name, args)
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
    let s390x = Machine::docker(Arch::S390x, NEW);
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
    let old = Machine::docker(Arch::X86_64, Kernel::new(4, 4));
    assert_eq!(does(&old, Arch::X86_64, "ptrace", [0; 6]), REFUSED);
    assert_eq!(
        does(&Machine::docker(Arch::X86_64, Kernel::new(4, 8)), Arch::X86_64, "ptrace", [0; 6]),
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
    let rules = find("moby").unwrap().rules(&Machine::docker(Arch::X86_64, NEW));
    assert_eq!(rules.arches, [Arch::X86_64, Arch::X86, Arch::X32]);
    let meaning = docker(&Machine::docker(Arch::Aarch64, NEW));
    assert_eq!(meaning.arches.keys().copied().collect::<Vec<_>>(), [Arch::Aarch64, Arch::Arm]);
    assert_eq!(meaning.bad_arch, Action::KillThread);
    // arch_prctl is let in because the machine is x86_64, not because the ABI is.
    let machine = Machine::docker(Arch::X86_64, NEW);
    assert_eq!(does(&machine, Arch::X86, "arch_prctl", [0; 6]), Action::Allow);
    assert_eq!(does(&Machine::docker(Arch::X86, NEW), Arch::X86, "arch_prctl", [0; 6]), REFUSED);
}

#[test]
fn every_rule_has_a_reason_and_fourteen_capabilities_are_the_default() {
    for rule in find("docker").unwrap().rules {
        assert!(!rule.reason.is_empty() && !rule.calls.is_empty());
    }
    assert_eq!(Machine::docker_default_caps().len(), 14);
    assert!(find("podman").is_none());
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
            assert!(equal, "{context}: {arch} {}: {a:?}\n{b:?}", entry.name);
        }
    }
}

#[test]
fn docker_means_what_dockers_own_expansion_means() {
    let Some(shared) = std::env::var_os("CALLGATE_SHARED") else {
        println!("skipped: CALLGATE_SHARED is not set");
        return;
    };
    let path = Path::new(&shared).join("data/moby-default-expansion.jsonl");
    let (mut compared, mut skipped) = (0, Vec::new());
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        if row["profile"] != "fixtures/moby-default.json" {
            continue;
        }
        let text = |key: &str| row[key].as_str().unwrap();
        let Ok(arch) = text("goarch").parse::<Arch>() else {
            skipped.push(text("goarch").to_owned());
            continue;
        };
        let caps = row["bounding_caps"].as_array().unwrap();
        let machine =
            Machine::new(arch, text("kernel").parse().unwrap(), caps.iter().map(|c| c.as_str().unwrap()));
        let (theirs, _) = profile::read(&row["expected"].to_string()).unwrap();
        let context = format!("{arch} {} {}", text("kernel"), text("caps_label"));
        assert_equal_by_meaning(&docker(&machine), &profile::meaning(&theirs, arch), &context);
        compared += 1;
    }
    println!("compared {compared} expansions; no tables for {skipped:?}");
    assert!(compared >= 30);
}
