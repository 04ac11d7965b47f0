//! Logs of strace in, traces out; and everything that can be wrong with a log.

use std::os::unix::fs::PermissionsExt;

use crate::harness::Lab;

/// A small log of `strace -f -o`.
const LOG: &str = "\
1 execve(\"/bin/sh\", [\"sh\", \"-c\", \"cat secret\"], 0x7ffe /* 3 vars */) = 0
1 openat(AT_FDCWD, \"/home/me/secret\", O_RDONLY) = 3
1 socket(AF_INET6, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_IP) = 4
1 write(4, \"password\", 8) = 8
1 exit_group(0) = ?
1 +++ exited with 0 +++
";

/// A table of `strace -c`.
const TABLE: &str = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
  0.00    0.000000           0         2           read
  0.00    0.000000           0         1           socket
------ ----------- ----------- --------- --------- ----------------
100.00    0.000000           0         3           total
";

fn names(trace: &serde_json::Value) -> Vec<&str> {
    trace["calls"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect()
}

/// Two records of the audit log, one refused, and one lost between them.
const AUDIT: &str = "\
type=SECCOMP msg=audit(1700000000.213:5081): auid=0 uid=0 gid=0 ses=1 pid=17 comm=\"x\" exe=\"/bin/x\" sig=0 \
arch=c000003e syscall=39 compat=0 ip=0x7fa8 code=0x7ffc0000
type=SECCOMP msg=audit(1700000000.214:5083): auid=0 uid=0 gid=0 ses=1 pid=17 comm=\"x\" exe=\"/bin/x\" sig=0 \
arch=c000003e syscall=165 compat=0 ip=0x7fa8 code=0x50000
";

/// `import` fails with this code, says this, and writes nothing.
fn refused(log: impl AsRef<[u8]>, rest: &str, code: i32, words: &[&str]) {
    refused_from("strace", log, rest, code, words);
}

/// The same of a format.
fn refused_from(format: &str, log: impl AsRef<[u8]>, rest: &str, code: i32, words: &[&str]) {
    let lab = Lab::new();
    lab.write("in.log", log);
    let mut ended = lab
        .callgate(&format!("import --from {format} in.log -o t {rest}"))
        .expect(code)
        .prints("")
        .says("error:");
    for words in words {
        ended = ended.says(words);
    }
    assert_eq!(lab.files(), ["in.log"], "something was written");
}

#[test]
fn a_log_becomes_a_trace_that_a_profile_is_made_of() {
    let lab = Lab::new();
    lab.write("in.log", LOG);
    lab.callgate("import --from strace --arch x86_64 in.log -o t")
        .expect(0)
        .prints("")
        .says("imported t: 5 different system calls, 5 in all")
        .says("next: callgate generate t -o PROFILE");
    let trace = lab.json("t");
    assert_eq!(names(&trace), ["write", "socket", "execve", "exit_group", "openat"]);
    assert_eq!(trace["recordings"][0]["backend"], "strace");
    assert_eq!(trace["recordings"][0]["command"], "/bin/sh");
    assert_eq!(lab.path("t").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    lab.callgate("generate t -o p.json").expect(0);
    lab.callgate("show t").expect(0);
}

#[test]
fn nothing_secret_goes_from_a_log_into_a_trace() {
    let lab = Lab::new();
    lab.write("in.log", LOG);
    lab.callgate("import --from strace --arch x86_64 in.log -o t").expect(0).never_says("secret");
    for word in ["secret", "password", "home", "cat"] {
        assert!(!lab.read("t").contains(word), "{word}");
    }
}

#[test]
fn a_table_has_no_arguments_which_is_said_with_the_way_on() {
    let lab = Lab::new();
    lab.write("c.log", TABLE);
    lab.callgate("import --from strace c.log -o t")
        .expect(0)
        .says("a table of strace -c holds no arguments")
        .says("next: callgate generate t --args off -o PROFILE");
    // With arguments checked, a call that nothing is known of has to be asked for; it is never left out silently.
    lab.callgate("generate t -o p.json")
        .expect(1)
        .says("withheld: socket with any domain")
        .says("--allow socket");
    lab.callgate("generate t --args off -o off.json").expect(0);
    assert!(lab.read("off.json").contains("\"socket\""));
}

#[test]
fn standard_input_several_files_and_directories_are_logs() {
    let lab = Lab::new();
    lab.write("a.log", LOG);
    lab.write("c.log", TABLE);
    std::fs::create_dir(lab.path("d")).unwrap();
    lab.write(
        "d/out.10",
        "execve(\"/bin/a\", [\"a\"], 0x7 /* 3 vars */) = 0\nfork() = 11\nexit_group(0) = ?\n",
    );
    lab.write("d/out.11", "getuid() = 0\n+++ exited with 0 +++\n");
    let import = "import --from strace --arch x86_64";
    let piped = lab.callgate(&format!("{import} - -o -")).input(LOG).expect(0).json();
    assert_eq!(names(&piped).len(), 5);
    lab.callgate(&format!("{import} a.log c.log d -o t")).expect(0).says("of 3 processes");
    let trace = lab.json("t");
    assert_eq!(trace["recordings"].as_array().unwrap().len(), 3);
    let uid = trace["calls"].as_array().unwrap().iter().find(|c| c["name"] == "getuid").unwrap();
    assert_eq!((&uid["first_by"], &trace["complete"]), (&"/bin/a".into(), &true.into()));
}

#[test]
fn an_existing_trace_needs_force() {
    let lab = Lab::new();
    lab.write("in.log", LOG);
    lab.write("t", "mine");
    lab.callgate("import --from strace in.log -o t").expect(2).says("`t`").says("--force");
    assert_eq!(lab.read("t"), "mine");
    lab.callgate("import --from strace in.log -o t --force").expect(0);
}

#[test]
fn names_that_are_no_calls_are_listed_and_nothing_is_written() {
    let log = format!("{LOG}1 opneat(1) = 0\n1 frobnicate(2) = 0\n");
    let words = [
        "in.log:7: `opneat` is no system call of x86_64; did you mean `openat`?",
        "in.log:8: `frobnicate`",
        "2 names",
        "newer callgate",
    ];
    refused(log, "--arch x86_64", 2, &words);
    let log = format!("{LOG}1 mmap2(NULL, 1, PROT_READ, MAP_PRIVATE, 3, 0) = 0x1\n");
    refused(
        log,
        "--arch x86_64",
        2,
        &["`mmap2` is no system call of x86_64; it is one of x86", "--arch x86"],
    );
    refused(LOG, "--arch vax", 2, &["`vax`"]);
}

#[test]
fn what_is_no_log_of_strace_is_recognised() {
    refused("", "", 3, &["in.log is empty"]);
    refused("strace: exec: Permission denied\n", "", 3, &["holds no system call"]);
    refused("hello\nworld\n", "", 2, &["in.log is not a log of strace", "strace -f -o LOG"]);
    refused(
        "type=SECCOMP msg=audit(1.2:3): arch=c000003e syscall=1\n",
        "",
        2,
        &["an audit log", "--from audit"],
    );
    refused("   0.000 ( 0.010 ms): ls/123 openat(dfd: CWD) = 3\n", "", 2, &["perf trace", "--from perf"]);
    refused(super::PROFILE, "", 2, &["a seccomp profile", "callgate show"]);
    refused(super::SMALL, "", 2, &["a callgate trace", "callgate generate"]);
    refused(b"\x1f\x8b\x08\x00", "", 2, &["compressed", "zcat"]);
    let lab = Lab::new();
    lab.callgate("import --from strace nothing.log -o t").expect(3).says("`nothing.log`");
    lab.callgate("import --from sysdig x -o t").expect(2).says("sysdig").says("strace");
    assert!(lab.files().is_empty());
}

#[test]
fn a_cut_log_makes_an_incomplete_trace() {
    let lab = Lab::new();
    lab.write("in.log", &LOG[..LOG.find("AF_INET6").unwrap()]);
    lab.callgate("import --from strace --arch x86_64 in.log -o t")
        .expect(0)
        .says("in.log:3: the log ends within a line")
        .says("generate t --incomplete");
    assert_eq!(lab.json("t")["complete"], false);
    lab.callgate("generate t -o p.json").expect(2).says("incomplete");
    assert_eq!(lab.files(), ["in.log", "t"]);
}

#[test]
fn foreign_lines_are_shown_escaped() {
    let lab = Lab::new();
    lab.write("in.log", format!("{LOG}\x1b[31mhello\n"));
    lab.callgate("import --from strace --arch x86_64 in.log -o t")
        .expect(0)
        .says("in.log:7: not strace's: \\u{1b}[31mhello")
        .never_says("\x1b");
}

#[test]
fn audit_records_become_a_trace_that_says_what_is_missing() {
    let lab = Lab::new();
    lab.write("audit.log.1", AUDIT);
    lab.callgate("import --from audit audit.log.1 -o t")
        .expect(0)
        .says("1 audit serial numbers are missing, first between 5081 and 5083")
        .says("mount: refused with an errno that audit records do not hold")
        .says("SECCOMP records hold no arguments")
        .says("next: callgate generate t --incomplete --args off -o PROFILE");
    let trace = lab.json("t");
    assert_eq!((&trace["complete"], &trace["recordings"][0]["backend"]), (&false.into(), &"audit".into()));
    assert_eq!(trace["calls"][0]["executables"][0], "/bin/x");
    assert_eq!(trace["calls"][1]["refused"], 1);
    refused_from(
        "audit",
        LOG,
        "",
        2,
        &["in.log is not an audit log: it looks like a log of strace", "--from strace"],
    );
    refused_from("audit", "hello\n", "", 2, &["in.log is not an audit log", "ausearch --raw"]);
}

#[test]
fn logs_of_perf_and_falco_become_traces_without_arguments() {
    for (format, log, words) in [
        (
            "perf",
            "     0.000 ( 0.010 ms): ls/123 openat(dfd: CWD, filename: \"x\") = 3\nLOST 2 events!\n",
            "perf lost 2 events",
        ),
        ("falco", "1 12:00:00.0 0 sh (123) > openat dirfd=-100\nDriver Drops:7\n", "7 calls were dropped"),
    ] {
        let lab = Lab::new();
        lab.write("in.log", log);
        lab.callgate(&format!("import --from {format} in.log -o t"))
            .expect(0)
            .says("imported t: 1 different system call, 1 in all")
            .says(words)
            .says("next: callgate generate t --incomplete --args off -o PROFILE");
        assert_eq!(lab.json("t")["recordings"][0]["backend"], format);
        lab.callgate("generate t --incomplete --args off -o p.json").expect(0);
        refused_from(format, LOG, "", 2, &["it looks like a log of strace", "callgate import --from strace"]);
    }
}

#[test]
fn profiles_of_other_recorders_become_traces_that_count_nothing() {
    let rule = "[{\"names\": [\"read\", \"syscall_1f4\"], \"action\": \"SCMP_ACT_ALLOW\"}]";
    let profile = format!("{{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": {rule}}}\n");
    let spo = "kind: SeccompProfile\nspec:\n  defaultAction: SCMP_ACT_ERRNO\n  syscalls:\n  - names: [read]\n    action: SCMP_ACT_ALLOW\n";
    for (format, text, words) in [
        ("oci-seccomp-bpf-hook", profile.replace(", \"syscall_1f4\"", ""), "the hook sees no arguments"),
        ("spo", spo.to_owned(), "lists no architecture"),
        ("inspektor-gadget", format!("// web\n{profile}"), "number 500 is advise_seccomp's own mark"),
    ] {
        let lab = Lab::new();
        lab.write("in", text);
        lab.callgate(&format!("import --from {format} --arch x86_64 in -o t"))
            .expect(0)
            .says("imported t: 1 different system call, not counted")
            .says(words)
            .says("next: callgate generate t --args off -o PROFILE");
        assert_eq!(names(&lab.json("t")), ["read"]);
        lab.callgate("generate t --args off --arch x86_64 -o p.json").expect(0);
        refused_from(format, AUDIT, "", 2, &["it looks like an audit log", "--from audit"]);
    }
    refused_from(
        "oci-seccomp-bpf-hook",
        spo,
        "",
        2,
        &["it looks like a SeccompProfile resource", "--from spo"],
    );
    let open = "{\"defaultAction\": \"SCMP_ACT_ALLOW\"}";
    refused_from("oci-seccomp-bpf-hook", open, "", 2, &["allows what it does not name", "callgate show"]);
    refused_from("spo", "kind: SeccompProfile\nspec: [1\n", "", 2, &["in.log: not YAML, line "]);
}

#[test]
fn a_log_that_is_named_twice_is_refused() {
    let lab = Lab::new();
    lab.write("a.log", "getpid() = 1\n");
    std::fs::hard_link(lab.path("a.log"), lab.path("b.log")).unwrap();
    for twice in ["a.log a.log", "a.log b.log"] {
        lab.callgate(&format!("import --from strace {twice} -o t")).expect(2).says("would count twice");
    }
    assert!(!lab.has("t"));
}

#[test]
fn an_update_takes_logs_of_strace_and_of_audit_as_they_are() {
    let lab = Lab::new();
    let profile = "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [{\"names\": [\"read\"], \"action\": \
                   \"SCMP_ACT_ALLOW\"}]}\n";
    lab.write("p.json", profile);
    lab.write("x.log", "umask(022) = 022\n");
    lab.callgate("update p.json --from x.log").expect(0).says("umask allowed now");
    lab.write("p.json", profile);
    let (arch, nr) = if cfg!(target_arch = "x86_64") { ("c000003e", 95) } else { ("c00000b7", 166) };
    lab.write(
        "audit.log",
        format!(
            "type=SECCOMP msg=audit(1700000000.123:45): auid=1 uid=0 gid=0 ses=2 pid=7 comm=\"x\" exe=\"/bin/x\" sig=0 \
             arch={arch} syscall={nr} compat=0 ip=0x7f code=0x50000\n"
        ),
    );
    lab.callgate("update p.json --from audit.log").expect(0).says("umask allowed now");
    lab.write("y.log", "opneat(1) = 0\n");
    lab.callgate("update p.json --from y.log").expect(2).says("did you mean `openat`?");
}
