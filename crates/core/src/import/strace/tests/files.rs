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

#[test]
fn a_child_whose_file_is_missing_makes_the_trace_incomplete_and_is_named() {
    let mut reader = Reader::new(Arch::X86_64);
    let parent =
        "execve(\"/bin/sh\", [\"sh\"], 0x7 /* 3 vars */) = 0\nfork() = 2\nfork() = 3\nexit_group(0) = ?\n";
    for (name, pid, text) in [("out.1", 1, parent), ("out.3", 3, "getuid() = 0\n+++ exited with 0 +++\n")] {
        reader.begin(name, Some(pid));
        reader.feed(text.as_bytes());
        reader.end();
    }
    let imported = reader.finish().unwrap();
    assert!(!imported.trace.complete);
    assert!(
        notes(&imported).contains("processes that were made and have no line: 1 (2)"),
        "{}",
        notes(&imported)
    );
}

#[test]
fn a_child_that_ended_before_its_parent_was_told_of_it_is_not_missing() {
    let log = "1 execve(\"/bin/sh\", [\"sh\"], 0x7 /* 3 vars */) = 0\n1 vfork( <unfinished ...>\n2 getuid() = 0\n\
        2 +++ exited with 0 +++\n1 <... vfork resumed>) = 2\n1 exit_group(0) = ?\n";
    assert!(read(log).trace.complete, "{}", notes(&read(log)));
}

#[test]
fn a_table_of_a_program_with_children_says_that_theirs_may_be_missing() {
    let table = "% time     seconds  usecs/call     calls    errors syscall\n------ ----------- ----------- --------- --------- ----------------\n\
        0.00    0.000000           0         1           vfork\n------ ----------- ----------- --------- --------- ----------------\n\
        100.00    0.000000           0         1           total\n";
    assert!(notes(&read(table)).contains("with strace -f they are"));
}

#[test]
fn a_line_without_measure_is_said_and_makes_the_trace_incomplete() {
    let long = "x".repeat(2 << 20);
    let log = format!("getuid() = 0\nwrite(1, \"{long}\", 2097152) = 2097152\ngetpid() = 1\n");
    let mut reader = Reader::new(Arch::X86_64);
    reader.begin("log", None);
    log.as_bytes().chunks(4096).for_each(|piece| reader.feed(piece));
    reader.end();
    let imported = reader.finish().unwrap();
    assert!(!imported.trace.complete && notes(&imported).contains("longer than 1 MiB, first log:2"));
}
