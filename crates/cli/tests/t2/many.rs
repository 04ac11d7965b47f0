//! Large numbers, and the other recorder.

use std::collections::{BTreeMap, BTreeSet};

use crate::harness::{Lab, full};
use crate::t2::everyday::abis;

#[test]
fn thousands_of_short_processes_are_all_counted() {
    let Some(lab) = Lab::root(&[]) else { return };
    let many = if full() { 10_000 } else { 1_000 };
    let script = format!("i=0; while [ $i -lt {many} ]; do /bin/true; i=$((i + 1)); done; exit 3");
    lab.callgate("record -o t").script(&script).expect(3);
    let trace = lab.json("t");
    let count = |name: &str| {
        let calls = trace["calls"].as_array().unwrap().iter().filter(|c| c["name"] == name);
        calls.map(|c| c["count"].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!(count("execve"), many + 1);
    assert_eq!(count("exit_group"), many + 1);
    assert_eq!(trace["complete"], true);
    lab.callgate("learn --default-action kill-process -o p.json").script(&script).expect(0).says("proven:");
    lab.callgate("run --profile p.json --stage enforce").script(&script).expect(3).never_says("refused:");
}

/// ABI and name of a call.
type Call = (String, String);

/// The calls in a log of strace, whose lines begin with a process id and say when a process changes its ABI.
fn calls(log: &str) -> BTreeSet<Call> {
    let mut abis: BTreeMap<&str, &str> = BTreeMap::new();
    let mut calls = BTreeSet::new();
    for line in log.lines() {
        let (pid, line) = line.split_once(' ').unwrap();
        let line = line.trim_start();
        if line.starts_with("[ Process") {
            abis.insert(pid, if line.contains("32 bit") { "x86" } else { std::env::consts::ARCH });
            continue;
        }
        let abi = abis.get(pid).copied().unwrap_or(std::env::consts::ARCH);
        let line = line.strip_prefix("<... ").unwrap_or(line);
        let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(0);
        if end > 0 {
            calls.insert((abi.to_owned(), kernel_name(abi, &line[..end]).to_owned()));
        }
    }
    calls
}

/// strace calls some calls by other names than the kernel's table.
fn kernel_name<'n>(abi: &str, name: &'n str) -> &'n str {
    match name {
        "fstatat64" if abi != "x86" => "newfstatat",
        "pread" => "pread64",
        "pwrite" => "pwrite64",
        "umount" if abi != "x86" => "umount2",
        name => name,
    }
}

/// What we record is what strace records, whichever way we record.
///
/// There is no call that only one of them sees: both see the execve that starts the program, neither what the vDSO
/// answers.
fn agrees_with_strace(lab: &Lab, command: &[&str]) -> BTreeSet<Call> {
    // To be told of other ABIs, and of nothing else.
    let quiet = ["-e", "quiet=attach,exit", "-e", "signal=none", "-f", "-o", "log"];
    lab.program("strace").args(quiet).args(command).expect(0);
    let theirs = calls(&lab.read("log"));
    for backend in ["notify", "trace", "ptrace"] {
        lab.callgate(&format!("record --force --backend {backend} -o t")).command(command).expect(0);
        let trace = lab.json("t");
        let text = |call: &serde_json::Value, key: &str| call[key].as_str().unwrap().to_owned();
        let calls = trace["calls"].as_array().unwrap().iter();
        let ours: BTreeSet<Call> = calls.map(|c| (text(c, "arch"), text(c, "name"))).collect();
        assert_eq!(ours, theirs, "{backend}");
    }
    theirs
}

#[test]
fn ls_makes_the_calls_that_strace_sees() {
    let Some(lab) = Lab::root(&["strace"]) else { return };
    agrees_with_strace(&lab, &["ls", "-lR", "/etc/apt"]);
}

#[test]
fn a_pipeline_makes_the_calls_that_strace_sees() {
    let Some(lab) = Lab::root(&["strace"]) else { return };
    agrees_with_strace(&lab, &["sh", "-c", "(seq 100; echo x) | sort | head -n 1 > /dev/null"]);
}

#[test]
fn find_and_tar_make_the_calls_that_strace_sees() {
    let Some(lab) = Lab::root(&["strace"]) else { return };
    agrees_with_strace(
        &lab,
        &["sh", "-c", "find /etc/apt -type f > list; tar -cf - -T list 2> /dev/null | cat > out.tar"],
    );
}

#[test]
fn a_program_of_two_abis_makes_the_calls_that_strace_sees() {
    let Some(lab) = Lab::root(&["strace", "gcc"]) else { return };
    if !abis::runs_compat(&lab) {
        return;
    }
    let seen = agrees_with_strace(&lab, &["sh", "-c", "./both; ls -l /etc/apt >/dev/null; ./both"]);
    for call in [("x86", "getuid32"), ("x86", "getpid"), ("x86_64", "getpid")] {
        assert!(seen.contains(&(call.0.to_owned(), call.1.to_owned())), "{call:?}: {seen:?}");
    }
}
