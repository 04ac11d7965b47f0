//! What sysdig's and falco's text becomes.

use super::{NO_CALLS, STANDS_FOR};
use crate::arch::Arch;
use crate::import::tests::{Read, read};
use crate::import::{Format, ImportError};

fn falco(text: impl AsRef<[u8]>) -> Read {
    read(Format::Falco, Arch::X86_64, text)
}

/// A thread that makes a child; the child's first line is the end of its parent's call.
const LOG: &str = "\
1 12:00:00.000000000 0 sh (41) < wait4 res=40
2 12:00:01.000000000 0 sh (41) > clone
3 12:00:01.100000000 1 sh (42) < clone res=0 exe=sh
4 12:00:01.200000000 0 sh (41) < clone res=42(sh) exe=sh
5 12:00:01.300000000 1 sh (42) > execve filename=/bin/ls
6 12:00:01.400000000 1 ls (42) < execve res=0 exe=ls
7 12:00:01.500000000 1 ls (42) > switch next=0 pgft_maj=0
8 12:00:01.600000000 1 ls (42) > syscall ID=303(prlimit64) nativeID=302
9 12:00:01.700000000 1 ls (42) < syscall ID=303(prlimit64)
10 12:00:02.500000000 1 ls (42) > procexit status=0
";

#[test]
fn a_call_counts_where_it_begins_and_other_events_do_not() {
    let read = falco(LOG);
    assert_eq!(read.calls(), ["clone 1", "execve 1", "prlimit64 1", "wait4 1"]);
    assert_eq!(read.record("execve").first_ms, 1300);
    assert_eq!(read.imported().processes, 2);
    read.says("1 calls have only an end in this text");
    read.says("2 events are no system calls: procexit, switch");
    read.says("holds no arguments");
    assert!(read.trace().complete && !read.imported().arguments);
}

#[test]
fn names_that_stand_for_several_calls_are_all_of_them() {
    let line = |name: &str| format!("1 12:00:00.0 0 sh (41) > {name}\n");
    for (name, expected) in [
        ("pipe", &["pipe ?", "pipe2 ?"][..]),
        ("dup", &["dup ?", "dup2 ?", "dup3 ?"]),
        ("umount", &["umount2 1"]),
        ("prlimit", &["prlimit64 1"]),
        ("pread", &["pread64 1"]),
        ("fcntl", &["fcntl 1"]),
        ("pipe2", &["pipe2 1"]),
    ] {
        assert_eq!(falco(line(name)).calls(), expected, "{name}");
    }
    falco(line("pipe")).says("pipe: older versions call several calls so");
    assert!(STANDS_FOR.is_sorted() && NO_CALLS.is_sorted());
}

#[test]
fn dropped_events_make_the_trace_incomplete_with_their_count() {
    let drop = "syscall event drop. 12 system calls dropped in last second.";
    for (text, lost) in [
        (format!("Wed Mar 27 15:28:24 2019: Falco internal: {drop}\n"), 12),
        // The log and the alert tell of the same.
        (
            format!(
                "Falco internal: {drop}\n15:28:24.0: Critical Falco internal: {drop}(n_drops=12 n_evts=99)\n"
            ),
            12,
        ),
        ("Driver Events:99\nDriver Drops:7\n".to_owned(), 7),
        ("11 12:00:03.0 0 x (1) > drop ratio=2\n".to_owned(), 0),
        ("some events were dropped\n".to_owned(), 0),
    ] {
        let read = falco(format!("{LOG}{text}"));
        assert!(!read.trace().complete, "{text}");
        assert_eq!(read.trace().lost, lost, "{text}");
        read.says("dropped");
    }
    assert!(falco(format!("{LOG}Driver Drops:0\n")).trace().complete);
}

#[test]
fn a_name_that_is_neither_a_call_nor_an_event_is_an_error() {
    let ImportError::UnknownCalls { calls } = falco(LOG.replace("execve ", "exevce ")).error() else {
        panic!()
    };
    assert_eq!((calls[0].name.as_str(), calls[0].line, calls[0].near), ("exevce", 5, Some("execve")));
}

#[test]
fn an_event_that_does_not_say_its_call_is_missing() {
    let read = falco(format!("{LOG}11 12:00:03.0 0 x (9) < syscall ID=303\n"));
    assert!(!read.trace().complete);
    read.says("1 events do not say which call they are");
}

#[test]
fn alerts_of_rules_are_passed_over_and_said() {
    let read = falco(format!("{LOG}12:00:00.0: Warning Shell in container (user=root evt_type=execve)\n"));
    read.says("1 lines are not falco's and were passed over");
    let alone = falco("12:00:00.0: Warning Shell in container (user=root evt_type=execve)\n").error();
    assert!(alone.to_string().contains("log is not a log of sysdig or falco"), "{alone}");
}
