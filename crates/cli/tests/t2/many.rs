//! Large numbers, and the other recorder.

use std::collections::BTreeSet;

use crate::harness::{Lab, full};

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

/// The names in a log of strace, which begins with a process id where it follows children.
fn names(log: &str) -> BTreeSet<String> {
    log.lines()
        .filter_map(|line| {
            let line = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
            let line = line.strip_prefix("<... ").unwrap_or(line);
            let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
            (end > 0).then(|| line[..end].to_owned())
        })
        .collect()
}

/// What we record is what strace records.
///
/// There is no call that only one of them sees: both see the execve that starts the program, neither what the vDSO
/// answers. strace calls some calls by other names than the kernel's table; those are the list here.
fn agrees_with_strace(command: &[&str]) {
    let Some(lab) = Lab::root(&["strace"]) else { return };
    lab.program("strace").args(["-qq", "-e", "signal=none", "-f", "-o", "log"]).args(command).expect(0);
    lab.callgate("record -o t").command(command).expect(0);
    let known =
        [("fstatat64", "newfstatat"), ("pread", "pread64"), ("pwrite", "pwrite64"), ("umount", "umount2")];
    let theirs: BTreeSet<String> = names(&lab.read("log"))
        .into_iter()
        .map(|name| {
            known.iter().find(|(strace, _)| *strace == name).map_or(name, |(_, kernel)| (*kernel).to_owned())
        })
        .collect();
    let trace = lab.json("t");
    let ours: BTreeSet<String> =
        trace["calls"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ours, theirs);
}

#[test]
fn ls_makes_the_calls_that_strace_sees() {
    agrees_with_strace(&["ls", "-lR", "/etc/apt"]);
}

#[test]
fn a_pipeline_makes_the_calls_that_strace_sees() {
    agrees_with_strace(&["sh", "-c", "(seq 100; echo x) | sort | head -n 1 > /dev/null"]);
}

#[test]
fn find_and_tar_make_the_calls_that_strace_sees() {
    agrees_with_strace(&[
        "sh",
        "-c",
        "find /etc/apt -type f > list; tar -cf - -T list 2> /dev/null | cat > out.tar",
    ]);
}
