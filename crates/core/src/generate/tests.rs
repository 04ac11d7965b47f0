//! What `generate` promises, on small traces.

use std::collections::BTreeSet;

use super::*;
use crate::call::Call;
use crate::profile::{read, write};
use crate::trace::Observation;
use crate::verdict::verdict;

fn trace(calls: &[(&str, [u64; 6])]) -> Trace {
    let mut trace = Trace::default();
    for (name, args) in calls {
        trace.observe(&Observation {
            arch: Arch::X86_64,
            nr: sysno::number(Arch::X86_64, name).unwrap(),
            args: *args,
            outcome: Outcome::Made,
            count: Some(1),
            phase: if *name == "execve" { Phase::Floor } else { Phase::Unphased },
            executable: "/bin/x".to_owned(),
            at_ms: 1,
        });
    }
    trace
}

fn options() -> Options {
    Options::new(Arch::X86_64)
}

fn made(calls: &[(&str, [u64; 6])], options: &Options) -> Generated {
    generate(&trace(calls), options).unwrap()
}

fn action(generated: &Generated, name: &str, args: [u64; 6]) -> Action {
    let nr = sysno::number(Arch::X86_64, name).unwrap();
    verdict(&generated.profile, &Call::new(Arch::X86_64, nr, args), Arch::X86_64).action
}

const Z: [u64; 6] = [0; 6];

#[test]
fn what_was_seen_is_allowed_and_the_rest_is_told_enosys() {
    let made = made(&[("execve", Z), ("read", Z), ("socket", [2, 1, 0, 0, 0, 0])], &options());
    assert_eq!(action(&made, "read", Z), Action::Allow);
    assert_eq!(action(&made, "splice", Z), Action::Errno(ENOSYS));
    assert_eq!(action(&made, "mount", Z), Action::Errno(EPERM));
}

#[test]
fn an_inet_socket_brings_what_getaddrinfo_needs_and_no_more() {
    let made = made(&[("socket", [2, 1, 0, 0, 0, 0])], &options());
    for domain in [1, 2, 10, 16] {
        assert_eq!(action(&made, "socket", [domain, 1, 0, 0, 0, 0]), Action::Allow, "{domain}");
    }
    for domain in [17, 38, 40] {
        assert_ne!(action(&made, "socket", [domain, 1, 0, 0, 0, 0]), Action::Allow, "{domain}");
    }
    assert_eq!(
        action(&made, "socket", [0xffff_ffff_0000_0002, 1, 0, 0, 0, 0]),
        Action::Allow,
        "ints have 32 bits"
    );
}

#[test]
fn clone_may_not_open_namespaces_and_clone3_falls_back_to_it() {
    let made = made(&[("clone3", Z), ("clone", [0x003d_0f00, 0, 0, 0, 0, 0])], &options());
    assert_eq!(action(&made, "clone", [0x003d_0f00, 0, 0, 0, 0, 0]), Action::Allow);
    assert_ne!(action(&made, "clone", [0x1000_0011, 0, 0, 0, 0, 0]), Action::Allow);
    assert_eq!(action(&made, "clone3", Z), Action::Errno(ENOSYS));
    assert!(made.evidence.expects("clone3", ENOSYS));
}

#[test]
fn memory_is_writable_or_executable_unless_both_was_seen() {
    let calls = [("mmap", [0, 4096, 3, 0x22, 0, 0]), ("mprotect", [0, 4096, 7, 0, 0, 0])];
    let made = made(&calls, &options());
    assert_ne!(action(&made, "mmap", [0, 4096, 7, 0x22, 0, 0]), Action::Allow);
    assert_eq!(action(&made, "mmap", [0, 4096, 5, 0x22, 0, 0]), Action::Allow);
    assert_eq!(action(&made, "mprotect", [0, 4096, 7, 0, 0, 0]), Action::Allow);
}

#[test]
fn dangerous_calls_stay_refused_until_asked_for() {
    let calls = [("read", Z), ("ptrace", Z)];
    let withheld = made(&calls, &options());
    assert_ne!(action(&withheld, "ptrace", Z), Action::Allow);
    assert_eq!(withheld.evidence.withheld[0].name, "ptrace");
    let asked = Options { allow: BTreeSet::from(["ptrace".to_owned()]), ..options() };
    assert_eq!(action(&made(&calls, &asked), "ptrace", Z), Action::Allow);
}

#[test]
fn a_dangerous_value_is_withheld_and_its_call_is_not() {
    let made = made(&[("ioctl", [0, 0x5401, 0, 0, 0, 0]), ("ioctl", [0, 0x5412, 0, 0, 0, 0])], &options());
    assert_eq!(action(&made, "ioctl", [0, 0x5401, 0, 0, 0, 0]), Action::Allow);
    assert_eq!(action(&made, "ioctl", [0, 0x5413, 0, 0, 0, 0]), Action::Allow);
    assert_ne!(action(&made, "ioctl", [0, 0x5412, 0, 0, 0, 0]), Action::Allow);
    assert_eq!(made.evidence.withheld[0].values, ["TIOCSTI"]);
}

#[test]
fn a_call_seen_with_dangerous_values_only_stays_refused_altogether() {
    let packet = made(&[("socket", [17, 3, 0, 0, 0, 0]), ("read", Z)], &options());
    for domain in [1, 2, 17, 40] {
        assert_ne!(action(&packet, "socket", [domain, 3, 0, 0, 0, 0]), Action::Allow, "{domain}");
    }
    assert_eq!(packet.evidence.withheld[0].values, ["AF_PACKET"]);
}

#[test]
fn many_values_never_free_an_argument_that_opens_attack_surface() {
    let mut calls: Vec<(&str, [u64; 6])> = (100..200).map(|d| ("socket", [d, 1, 0, 0, 0, 0])).collect();
    calls.extend((0..200).map(|n| ("ioctl", [0, 0x9000 + n, 0, 0, 0, 0])));
    calls.extend((0..200).map(|n| ("clone", [n, 0, 0, 0, 0, 0])));
    calls.extend([("ioctl", [0, 0x5412, 0, 0, 0, 0]), ("clone", [0x1000_0011, 0, 0, 0, 0, 0])]);
    calls.push(("socket", [17, 3, 0, 0, 0, 0]));
    let many = made(&calls, &options());
    assert_ne!(action(&many, "socket", [17, 3, 0, 0, 0, 0]), Action::Allow);
    assert_ne!(action(&many, "ioctl", [0, 0x5412, 0, 0, 0, 0]), Action::Allow);
    assert_ne!(action(&many, "clone", [0x1000_0011, 0, 0, 0, 0, 0]), Action::Allow);
    let withheld: BTreeSet<&str> = many.evidence.withheld.iter().map(|w| w.name.as_str()).collect();
    assert_eq!(withheld, BTreeSet::from(["clone", "ioctl", "socket"]));
}

#[test]
fn a_trace_without_the_values_of_a_checked_argument_allows_nothing_of_it() {
    let mut trace = trace(&[("read", Z), ("socket", [2, 1, 0, 0, 0, 0])]);
    trace.calls.values_mut().for_each(|r| r.args.clear());
    let made = generate(&trace, &options()).unwrap();
    assert_ne!(action(&made, "socket", [2, 1, 0, 0, 0, 0]), Action::Allow);
    // It is said, with the way out: --allow socket.
    assert_eq!(made.evidence.withheld[0].name, "socket");
    assert_eq!(made.evidence.withheld[0].values, ["any domain"]);
}

#[test]
fn a_call_asked_for_by_name_is_allowed_whatever_its_arguments() {
    let asked = Options { allow: BTreeSet::from(["socket".to_owned()]), ..options() };
    let made = made(&[("socket", [1, 1, 0, 0, 0, 0])], &asked);
    assert_eq!(action(&made, "socket", [17, 3, 0, 0, 0, 0]), Action::Allow);
}

#[test]
fn under_a_killing_default_calls_with_a_fallback_are_told_enosys() {
    let kill = Options { default: Action::KillProcess, ..options() };
    let made = made(&[("read", Z)], &kill);
    assert_eq!(action(&made, "clone3", Z), Action::Errno(ENOSYS));
    assert_eq!(action(&made, "mount", Z), Action::KillProcess);
}

#[test]
fn a_refusal_by_another_filter_is_kept_with_its_errno() {
    let mut trace = trace(&[("read", Z)]);
    trace.observe(&Observation {
        arch: Arch::X86_64,
        nr: 435,
        args: Z,
        outcome: Outcome::Refused(1),
        count: Some(1),
        phase: Phase::Unphased,
        executable: "/bin/x".to_owned(),
        at_ms: 1,
    });
    let made = generate(&trace, &options()).unwrap();
    assert_eq!(action(&made, "clone3", Z), Action::Errno(1));
    assert!(made.evidence.expects("clone3", 1));
}

#[test]
fn io_uring_is_said_to_escape_recording_and_filter() {
    let made = made(&[("read", Z), ("io_uring_enter", Z)], &options());
    assert!(made.notes.iter().any(|n| n.contains("io_uring")));
    assert_eq!(made.evidence.withheld[0].name, "io_uring_enter");
}

#[test]
fn numbers_without_a_name_stop_the_build() {
    let mut trace = trace(&[("read", Z)]);
    trace.calls.insert((Arch::X86_64, 999, Outcome::Made), Record::default());
    assert_eq!(generate(&trace, &options()), Err(GenerateError::Unresolved { arch: Arch::X86_64, nr: 999 }));
}

#[test]
fn every_rule_has_evidence_that_survives_the_file() {
    let made = made(&[("execve", Z), ("read", Z), ("mmap", [0, 1, 3, 2, 0, 0])], &options());
    let (profile, notes) = read(&write(&made.profile, false)).unwrap();
    assert!(notes.is_empty());
    let evidence = Evidence::from_json(&made.evidence.to_json()).unwrap();
    for rule in &profile.rules {
        assert_ne!(evidence.source_of(rule), Source::User, "{rule:?}");
    }
    let sources: BTreeSet<Source> = profile.rules.iter().map(|r| evidence.source_of(r)).collect();
    assert_eq!(sources, BTreeSet::from([Source::Seen, Source::Floor, Source::Completion]));
}

#[test]
fn exact_allows_only_the_values_seen() {
    let exact = Options { args: ArgsMode::Exact, ..options() };
    let made = made(&[("lseek", [3, 0, 2, 0, 0, 0])], &exact);
    assert_eq!(action(&made, "lseek", [9, 7, 2, 0, 0, 0]), Action::Allow);
    assert_ne!(action(&made, "lseek", [9, 7, 1, 0, 0, 0]), Action::Allow);
}

#[test]
fn no_rule_names_an_argument_twice() {
    let exact = Options { args: ArgsMode::Exact, ..options() };
    let made = made(&[("mmap", [0, 1, 3, 2, 0, 0]), ("socket", [2, 0x80001, 0, 0, 0, 0])], &exact);
    for rule in &made.profile.rules {
        let indices: BTreeSet<u8> = rule.conditions.iter().map(|c| c.index).collect();
        assert_eq!(indices.len(), rule.conditions.len());
    }
}

/// Options for containers of these runtimes.
fn contained(runtimes: &[&str], no_new_privs: Option<bool>) -> Options {
    let runtimes = runtimes.iter().map(|name| crate::floor::find(name).unwrap()).collect();
    Options { floors: Floors { runtimes, no_new_privs }, ..options() }
}

#[test]
fn a_floor_makes_a_profile_that_its_runtimes_start() {
    use crate::floor::{Way, find, starts};
    let program = [("execve", Z), ("brk", Z), ("ioctl", [0, 0x5401, 0, 0, 0, 0])];
    for default in [Action::Errno(ENOSYS), Action::Errno(EPERM), Action::KillProcess] {
        for args in [ArgsMode::Auto, ArgsMode::Exact, ArgsMode::Off] {
            for nnp in [None, Some(true), Some(false)] {
                let options =
                    Options { default, args, completion: false, ..contained(&["runc", "crun"], nnp) };
                let made = made(&program, &options);
                for (name, way) in ["runc", "crun"].into_iter().flat_map(|n| Way::ALL.map(|w| (n, w))) {
                    let missing = starts(&made.profile, Arch::X86_64, &find(name).unwrap(), way, nnp);
                    let fatal: Vec<_> = missing.iter().filter(|m| m.fatal).map(|m| m.name).collect();
                    assert_eq!(fatal, [""; 0], "{name} {way:?} {nnp:?} {default} {args:?}");
                }
            }
        }
    }
    assert_ne!(action(&made(&program, &options()), "capset", Z), Action::Allow);
}

#[test]
fn a_floor_is_evidence_with_runtime_version_and_provenance() {
    let made = made(&[("execve", Z), ("write", Z)], &contained(&["runc@1.1"], Some(false)));
    let rule =
        made.evidence.rules.iter().find(|r| r.source == Source::Floor && r.calls.contains_key("capset"));
    let why = &rule.expect("a floor rule").calls["capset"];
    assert!(
        why.starts_with("required by runc 1.1 to before 1.2 (") && why.contains("measured-by runc 1.1.5"),
        "{why}"
    );
    let seen = made.evidence.rules.iter().filter(|r| r.calls.contains_key("write"));
    assert_eq!(
        seen.map(|r| r.source).collect::<Vec<_>>(),
        [Source::Seen],
        "what was seen needs no other reason"
    );
}

#[test]
fn a_floor_opens_nothing_dangerous_and_leaves_dangerous_arguments_shut() {
    for default in [Action::Errno(ENOSYS), Action::KillProcess] {
        let made =
            made(&[("execve", Z)], &Options { default, ..contained(&["runc@1.4", "crun@1.28"], None) });
        assert_eq!(action(&made, "fsopen", Z), Action::Errno(EPERM), "{default}");
        assert!(made.notes.iter().any(|n| n.contains("stay refused") && n.contains("fsopen")));
        assert_eq!(action(&made, "ioctl", [0, 0x5413, 0, 0, 0, 0]), Action::Allow, "TIOCGWINSZ");
        assert_ne!(action(&made, "ioctl", [0, 0x5412, 0, 0, 0, 0]), Action::Allow, "TIOCSTI");
        assert_eq!(made.evidence.withheld, []);
        let names: Vec<_> = made.profile.rules.iter().filter(|r| r.action.action.permits()).collect();
        assert!(names.iter().flat_map(|r| &r.names).all(|n| !group::is_dangerous(&n.text)));
    }
}

#[test]
fn a_floor_on_another_architecture_has_what_that_knows_and_says_where_it_was_measured() {
    let options = Options { native: Arch::Aarch64, ..contained(&["runc", "crun"], None) };
    let made = generate(&trace(&[("write", Z)]), &options).unwrap();
    assert!(made.notes.iter().any(|n| n.contains("measured on x86_64")));
    let floor = made.evidence.rules.iter().filter(|r| r.source == Source::Floor).flat_map(|r| r.calls.keys());
    assert!(floor.clone().any(|n| n == "capset"));
    assert!(floor.clone().all(|n| sysno::number(Arch::Aarch64, n).is_some()));
}
