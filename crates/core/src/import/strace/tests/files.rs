//! Several files, what is missing from them, and tables.

use super::*;

#[test]
fn files_of_ff_are_one_log() {
    let mut reader = Reader::new(Arch::X86_64);
    for (name, pid, text) in [
        ("out.1", 1, "execve(\"/bin/sh\", [\"sh\"], 0x7 /* 3 vars */) = 0\nfork() = 2\nexit_group(0) = ?\n"),
        ("out.2", 2, "getuid() = 0\n+++ exited with 0 +++\n"),
    ] {
        reader.begin(name, Some(pid));
        reader.feed(text.as_bytes());
        reader.end();
    }
    let imported = reader.finish().unwrap();
    assert_eq!(record(&imported, "getuid").first_by, "/bin/sh");
    assert!(imported.trace.complete);
}

#[test]
fn children_that_strace_did_not_follow_are_missed() {
    let imported =
        read("execve(\"/bin/sh\", [\"sh\"], 0x7 /* 3 vars */) = 0\nfork() = 2\nexit_group(0) = ?\n");
    assert!(!imported.trace.complete);
    assert!(notes(&imported).contains("strace -f does"));
}

#[test]
fn tables_have_counts_and_no_arguments() {
    let imported = read(TABLES);
    let expected =
        ["clone 1", "read 2", "socket 3", "x32 getpid 1", "x86 getpid 2", "x86 socket 1", "x86 socketcall ?"];
    assert_eq!(calls(&imported), expected);
    assert_eq!(values(&imported, "socket", 0), (vec![], true));
    assert!(!imported.arguments && imported.trace.complete);
    assert!(notes(&imported).contains("a table of strace -c holds no arguments"));
}

#[test]
fn a_table_below_a_log_is_not_counted_twice() {
    let table = "% time     seconds  usecs/call     calls    errors syscall\n------ ----------- ----------- --------- --------- ----------------\n";
    let end = "------ ----------- ----------- --------- --------- ----------------\n100.00    0.000000           0         3           total\n";
    let log = format!(
        "socket(AF_UNIX, SOCK_STREAM, 0) = 3\n{table}  0.00    0.000000           0         1           socket\n  0.00    0.000000           0         2           brk\n{end}"
    );
    let imported = read(&log);
    assert_eq!(calls(&imported), ["brk 2", "socket 1"]);
    assert_eq!(values(&imported, "socket", 0), (vec![1], false));
    assert!(
        !read(format!("{table}  0.00    0.000000           0         1           socket\n")).trace.complete
    );
}
