//! What perf's text becomes.

use crate::arch::Arch;
use crate::import::tests::{Read, read};
use crate::import::{Format, ImportError};

fn perf(text: impl AsRef<[u8]>) -> Read {
    read(Format::Perf, Arch::X86_64, text)
}

/// Two threads, one of which was in a call when perf came, and one that begins with the end of its parent's call.
const LOG: &str = "\
         ? (         ): sh/41  ... [continued]: wait4())                                             = 42
     0.100 ( 0.010 ms): sh/41 openat(dfd: CWD, filename: \"/etc/passwd\", flags: RDONLY|CLOEXEC) = 3
     0.200 (         ): sh/41 futex(uaddr: 0x7f, op: WAIT|PRIVATE_FLAG)                   ...
         ? (         ): sh/42  ... [continued]: clone())                                             = 0
     0.300 ( 0.001 ms): ls/42 close(fd: 3)                                            = 0
     0.200 ( 0.200 ms): sh/41  ... [continued]: futex())                                         = 0
     0.500 (         ): ls/42 exit_group()                                            = ?
";

/// Tables of two threads.
const TABLES: &str = "
 Summary of events:

 ls (42), 230 events, 97.5%

   syscall            calls  errors  total       min       avg       max       stddev
                                     (msec)    (msec)    (msec)    (msec)        (%)
   --------------- --------  ------ -------- --------- --------- ---------     ------
   mmap                  20      0     0.110     0.002     0.006     0.018     14.51%
   openat                 8      1     0.110     0.002     0.006     0.018     14.51%
\t\t\t\tENOENT: 1

 sh (41), 20 events, 2.5%

   syscall            calls    total       min       avg       max      stddev
                               (msec)    (msec)    (msec)    (msec)        (%)
   --------------- -------- --------- --------- --------- ---------     ------
   openat                 2     0.110     0.002     0.006     0.018     14.51%

";

#[test]
fn a_call_counts_once_where_it_begins() {
    let read = perf(LOG);
    assert_eq!(read.calls(), ["close 1", "exit_group 1", "futex 1", "openat 1", "wait4 1"]);
    read.says("1 calls had begun before the log did");
    read.says("perf's text holds no arguments");
    read.says("which ABI a call went through is not in perf's text: all are taken for x86_64's");
    assert!(read.trace().complete && !read.imported().arguments);
    assert_eq!((read.imported().processes, read.record("exit_group").first_ms), (2, 0));
    assert!(read.record("openat").args[&2].widened);
    assert_eq!(read.trace().recordings[0].started, 0);
}

#[test]
fn tables_of_all_threads_are_added() {
    let read = perf(TABLES);
    assert_eq!(read.calls(), ["mmap 20", "openat 10"]);
    assert_eq!(read.imported().samples, []);
    read.says("those that never do (exit_group, exit, rt_sigreturn)");
}

#[test]
fn a_table_below_a_log_is_not_counted_twice() {
    assert_eq!(perf(format!("{LOG}{TABLES}")).calls()[3..], ["mmap 20", "openat 10", "wait4 1"]);
}

#[test]
fn lost_events_make_the_trace_incomplete() {
    let read = perf(format!("{LOG}LOST 12 events!\nLOST 3 events!\n"));
    assert!(!read.trace().complete);
    read.says("perf lost 15 events");
    assert!(!perf(format!("{LOG}Processed 9 events and lost 2 chunks!\n")).trace().complete);
}

#[test]
fn names_that_are_no_calls_are_an_error_in_lines_and_tables() {
    for text in [LOG.replace("openat", "opneat"), TABLES.replace("openat", "opneat")] {
        let ImportError::UnknownCalls { calls } = perf(text).error() else { panic!() };
        assert_eq!((calls[0].name.as_str(), calls[0].near), ("opneat", Some("openat")));
    }
}

#[test]
fn what_the_program_prints_is_passed_over_and_said() {
    let read = perf(format!(
        "hello (world)\n{LOG}     0.600 ( 0.000 ms): ls/42 majfault [_start+0x0] => ls@0x0 (x.)\n"
    ));
    read.says("1 lines are not perf's and were passed over");
    read.says("1 lines are events that are no system calls");
}

#[test]
fn a_log_cut_within_a_call_has_that_call_and_is_incomplete() {
    let read = perf(&LOG[..LOG.find(", filename").unwrap()]);
    assert_eq!(read.calls(), ["openat 1", "wait4 1"]);
    read.says("1 calls have no end on their line");
    assert!(!read.trace().complete);
}

#[test]
fn a_log_of_strace_is_not_taken_for_one_of_perf() {
    let error = perf("getpid() = 12\nopenat(AT_FDCWD, \"x\", O_RDONLY) = 3\n").error();
    assert!(error.to_string().contains("it looks like a log of strace"), "{error}");
    assert_eq!(perf("getpid() = 12\nread(fd: 3, buf: 0x7f, count: 8) = 8\n").calls(), ["getpid 1", "read 1"]);
}
