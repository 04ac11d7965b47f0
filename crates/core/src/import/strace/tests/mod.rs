//! What the importer promises, on logs small enough to read.

mod files;
mod processes;

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::import::{Other, Sample};
use crate::sysno;
use crate::trace::{Outcome, Phase, Record};

const STDERR: &str = include_str!("../fixtures/threads-and-children-on-stderr.log");
const TABLES: &str = include_str!("../fixtures/tables-of-three-abis.log");
const MODES: &str = include_str!("../fixtures/modes-switch-the-abi.log");

fn read_as(arch: Arch, text: impl AsRef<[u8]>) -> Result<Imported, ImportError> {
    let mut reader = Reader::new(arch);
    reader.begin("log", None);
    reader.feed(text.as_ref());
    reader.end();
    reader.finish()
}

fn read(text: impl AsRef<[u8]>) -> Imported {
    read_as(Arch::X86_64, text).unwrap()
}

fn error(text: impl AsRef<[u8]>) -> ImportError {
    read_as(Arch::X86_64, text).unwrap_err()
}

/// `arch name count`, sorted.
fn calls(imported: &Imported) -> Vec<String> {
    let word = |(arch, nr, record): (Arch, u32, &Record)| {
        let name = sysno::name(arch, nr).map_or_else(|| nr.to_string(), str::to_owned);
        let count = record.count.map_or_else(|| "?".to_owned(), |n| n.to_string());
        let arch = if arch == Arch::X86_64 { String::new() } else { format!("{arch} ") };
        format!("{arch}{name} {count}")
    };
    let mut words: Vec<String> = imported.trace.made().map(word).collect();
    words.sort();
    words
}

fn record<'t>(imported: &'t Imported, name: &str) -> &'t Record {
    let nr = sysno::number(Arch::X86_64, name).unwrap();
    &imported.trace.calls[&(Arch::X86_64, nr, Outcome::Made)]
}

/// The values of one argument, and whether there may be others.
fn values(imported: &Imported, name: &str, index: u8) -> (Vec<u64>, bool) {
    let values = &record(imported, name).args[&index];
    (values.seen.keys().copied().collect(), values.widened)
}

fn notes(imported: &Imported) -> String {
    imported.trace.recordings[0].notes.join("\n")
}

#[test]
fn a_call_is_counted_where_it_is_entered() {
    let log = "\
1 read(3,  <unfinished ...>
2 write(1, \"x\", 1) = 1
1 <... read resumed>\"y\", 1)          = 1
1 exit_group(0)                      = ?
1 +++ exited with 0 +++
2 pause( <unfinished ...>
2 +++ killed by SIGKILL +++
";
    assert_eq!(calls(&read(log)), ["exit_group 1", "pause 1", "read 1", "write 1"]);
}

#[test]
fn arguments_that_come_with_the_end_of_a_call_are_read_there() {
    let log = "\
1 wait4(-1,  <unfinished ...>
2 getpid() = 2
1 <... wait4 resumed>[{WIFEXITED(s) && WEXITSTATUS(s) == 0}], WNOHANG, NULL) = 2
";
    let imported = read(log);
    assert_eq!(values(&imported, "wait4", 2), (vec![1], false));
}

#[test]
fn a_call_that_never_ends_may_have_had_any_argument_it_does_not_show() {
    let imported = read("1 wait4(-1,  <unfinished ...>\n1 +++ killed by SIGKILL +++\n");
    assert_eq!(values(&imported, "wait4", 2), (vec![], true));
    assert!(notes(&imported).contains("wait4 options (1×, first log:1)"), "{}", notes(&imported));
}

#[test]
fn an_end_without_a_beginning_counts() {
    // A log of `strace -p` begins anywhere.
    let imported = read("1 <... accept4 resumed>NULL, NULL, SOCK_CLOEXEC) = 4\n1 close(4) = 0\n");
    assert_eq!(calls(&imported), ["accept4 1", "close 1"]);
    assert_eq!(imported.trace.recordings[0].command, "");
    assert_eq!(values(&imported, "accept4", 3), (vec![], true));
    assert!(notes(&imported).contains("had begun before the log did"));
}

#[test]
fn results_of_every_kind_end_a_call() {
    let log = "\
poll([{fd=3, events=POLLIN}], 1, -1) = ? ERESTART_RESTARTBLOCK (Interrupted by signal)
restart_syscall(<... resuming interrupted poll ...>) = 1
getppid() = -1 ENOSYS (Function not implemented) (INJECTED)
getpid() = 7 (DELAYED) <1.000000>
gettid() = ? <unavailable>
openat(AT_FDCWD, \"/) = 1\", O_RDONLY) = 3</a = b> <0.000011>
read(3,  <detached ...>
";
    let expected = ["getpid 1", "getppid 1", "gettid 1", "openat 1", "poll 1", "read 1", "restart_syscall 1"];
    assert_eq!(calls(&read(log)), expected);
}

#[test]
fn what_is_no_call_is_skipped() {
    let log = "\
strace: Process 7 attached
brk(NULL) = 0x1
 > /usr/lib/ld.so(_dl_catch_error+0x26f0) [0x1ab70]
read(3, \"ab\", 2) = 2
 | 00000  61 62                                             ab               |
--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=2} ---
--- stopped by SIGSTOP ---
???( <unfinished ...>
+++ exited with 0 +++
";
    let imported = read(log);
    assert_eq!(calls(&imported), ["brk 1", "read 1"]);
    assert_eq!(imported.samples, []);
    assert!(imported.trace.complete);
}

#[test]
fn clone_is_printed_in_another_order_than_it_is_passed() {
    let log = "clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x7f) = 2\n";
    assert_eq!(values(&read(log), "clone", 0).0, [0x0120_0011]);
    // Undecoded (`-e raw=clone`), it is not.
    assert_eq!(values(&read("clone(0x1200011, 0, 0, 0x7f, 0) = 0x2\n"), "clone", 0).0, [0x0120_0011]);
}

#[test]
fn decorations_verbose_and_raw_constants_mean_the_same() {
    for text in [
        "openat(AT_FDCWD</tmp/a, b>, \"x\\\"), y\"..., O_RDONLY|O_DIRECTORY) = 3</etc/x>",
        "openat(-100 /* AT_FDCWD */, \"x\", 0x10000 /* O_RDONLY|O_DIRECTORY */) = 3",
        "openat(-100, \"x\", 0x10000) = 3",
        "openat(dirfd=AT_FDCWD, pathname=\"x\", flags=O_RDONLY|O_DIRECTORY) = 3",
    ] {
        let imported = read(format!("{text}\n"));
        assert_eq!(values(&imported, "openat", 2), (vec![0x10000], false), "{text}");
        // What strace does not print the kernel does not look at; a filter would.
        assert_eq!(values(&imported, "openat", 3), (vec![], true), "{text}");
    }
}

#[test]
fn a_value_that_is_not_understood_means_any_and_is_said_with_its_place() {
    let log = "socket(AF_UNIX, SOCK_STREAM, 0) = 3\nsocket(AF_NEWEST, SOCK_STREAM, 0) = 4\n";
    let imported = read(log);
    assert_eq!(values(&imported, "socket", 0), (vec![1], true));
    assert_eq!(record(&imported, "socket").count, Some(2));
    assert!(notes(&imported).contains("socket domain (1×, first log:2)"), "{}", notes(&imported));
}

#[test]
fn output_of_the_program_within_a_line_costs_nothing_but_the_line() {
    let log =
        "brk(NULL) = 0x1\nwrite(1, \"hello\\n\", 6hello\n)         = 6\nhow do you do?\nexit_group(0) = ?\n";
    let imported = read(log);
    assert_eq!(calls(&imported), ["brk 1", "exit_group 1", "write 1"]);
    let sample = Sample { file: "log".to_owned(), line: 4, text: "how do you do?".to_owned() };
    assert_eq!(imported.samples, [sample]);
    assert!(imported.trace.complete && notes(&imported).contains("1 lines are not strace's"));
}

#[test]
fn a_call_behind_other_text_makes_the_trace_incomplete() {
    let imported = read("brk(NULL) = 0x1\nPassword: read(0, \"x\", 1) = 1\n");
    assert_eq!(calls(&imported), ["brk 1"]);
    assert!(!imported.trace.complete);
    assert!(notes(&imported).contains("first log:2; strace -o FILE"));
}

#[test]
fn prose_is_no_call() {
    let log =
        "brk(NULL) = 0x1\nopen(2) failed: no such file\nmain(int argc, char **argv)\nread(fd) said so\n";
    assert_eq!(calls(&read(log)), ["brk 1"]);
}

#[test]
fn a_log_cut_anywhere_is_read_up_to_there_and_said() {
    let log = "1 execve(\"/bin/é\", [\"a\"], 0x7 /* 3 vars */) = 0\n1 socket(AF_UNIX, SOCK_STREAM, 0) = 3\n";
    let whole = read(log);
    for cut in 1..log.len() {
        let Ok(imported) = read_as(Arch::X86_64, &log.as_bytes()[..cut]) else { continue };
        let at_end = log.as_bytes()[cut - 1] == b'\n';
        assert_eq!(imported.trace.complete, at_end, "cut at {cut}");
        let nr = sysno::number(Arch::X86_64, "socket").unwrap();
        if let Some(socket) = imported.trace.calls.get(&(Arch::X86_64, nr, Outcome::Made)) {
            let domain = &socket.args[&0];
            assert!(domain.widened || domain.seen == record(&whole, "socket").args[&0].seen, "cut at {cut}");
        }
    }
    assert!(notes(&read(&log[..log.len() - 8])).contains("log:2: the log ends within a line"));
}

#[test]
fn a_log_whose_last_line_lost_its_end_only_is_whole() {
    assert!(read("1 exit_group(0) = ?\n1 +++ exited with 0 +++").trace.complete);
}

#[test]
fn pieces_of_any_size_mean_the_same() {
    let expected = read(STDERR);
    for size in [1, 2, 3, 7, 64, 1000] {
        let mut reader = Reader::new(Arch::X86_64);
        reader.begin("log", None);
        STDERR.as_bytes().chunks(size).for_each(|piece| reader.feed(piece));
        reader.end();
        assert_eq!(reader.finish().unwrap(), expected, "{size}");
    }
}

#[test]
fn unknown_names_are_listed_each_with_its_place_and_the_way_out() {
    let log = "brk(NULL) = 0x1\nopneat(1) = 0\nfstat64(1) = 0\nopneat(2) = 0\n";
    let ImportError::UnknownCalls { calls } = error(log) else { panic!() };
    let told: Vec<_> = calls.iter().map(|c| (c.name.as_str(), c.line, c.count, c.near)).collect();
    assert_eq!(told[0].0, "fstat64");
    assert_eq!(told[1], ("opneat", 2, 2, Some("openat")));
    assert!(calls[0].elsewhere.contains(&Arch::X86));
}

#[test]
fn texts_that_are_no_log_are_told_apart() {
    assert_eq!(error(""), ImportError::Empty { file: "log".to_owned() });
    assert_eq!(error("strace: exec: Permission denied\n"), ImportError::NoCall { file: "log".to_owned() });
    let ltrace = ImportError::OtherFormat {
        file: "log".to_owned(),
        format: Format::Strace,
        other: Some(Other::Ltrace),
    };
    assert_eq!(error("__libc_start_main(0x1) = 0\nputs(\"x\") = 2\n"), ltrace);
    assert_eq!(
        error("hello\n\u{0}\n"),
        ImportError::OtherFormat { file: "log".to_owned(), format: Format::Strace, other: None }
    );
    assert!(error("hello\n").to_string().contains("log is not a log of strace"));
}

#[test]
fn bytes_that_are_no_text_are_passed_over() {
    let imported = read(b"brk(NULL) = 0x1\n\xff\xfe(\xff) = 1\nread(3, \"\xff\xc3\", 2) = 2\n");
    assert_eq!(calls(&imported), ["brk 1", "read 1"]);
}

#[test]
fn calls_that_another_filter_may_have_refused_are_said() {
    let log = "rseq(0x7, 0x20, 0, 0x53053053) = -1 ENOSYS (Function not implemented)\nbrk(NULL) = 0x1\n";
    assert!(notes(&read(log)).contains("rseq: every call ended with EPERM or ENOSYS"));
}

#[test]
fn times_tell_when_a_call_was_first_made() {
    let imported = read("1 1795612372.000000 brk(NULL) = 0x1\n1 1795612374.500000 getpid() = 1\n");
    assert_eq!(record(&imported, "getpid").first_ms, 2500);
    let recording = &imported.trace.recordings[0];
    assert_eq!((recording.started, recording.duration_ms), (1_795_612_372, 2500));
}

#[test]
fn a_mode_without_a_table_is_an_error_with_its_place() {
    let log = "1 brk(NULL) = 0x1\n1 [ Process PID=1 runs in 31 bit mode. ]\n";
    let error = read_as(Arch::S390x, log).unwrap_err().to_string();
    assert_eq!(error, "log:2: there is no table of system calls for `31 bit` mode on s390x");
}

/// Pieces of lines, in any order.
fn pieces() -> impl Strategy<Value = Vec<String>> {
    let piece = prop::sample::select(vec![
        "1 ",
        "[pid 2] ",
        "12:00:00 ",
        "openat(",
        "AT_FDCWD, ",
        "\"a",
        "\"",
        ", ",
        "<unfinished ...>",
        "<... openat resumed>",
        ") = 0",
        ") = 2",
        "\n",
        "+++ exited with 0 +++",
        "[ Process PID=1 runs in 32 bit mode. ]",
        "???(",
        "fork(",
        "{",
        "]",
        "<",
        ">",
        "/*",
        "% time syscall",
        "------",
        "clone(flags=",
        "socket(",
        "execve(\"/a\", ",
        "syscall_0x1(",
        "\\",
        "strace: Process 3 attached",
        "[ 102] ",
        "é",
        "+++ superseded by execve in pid 1 +++",
        "total",
        "1.0 brk",
        "SYS_",
    ]);
    prop::collection::vec(piece.prop_map(str::to_owned), 0..60)
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_and_every_call_has_a_number(pieces in pieces(), size in 1_usize..80) {
        let text = pieces.concat();
        for arch in [Arch::X86_64, Arch::X86, Arch::Aarch64] {
            let mut reader = Reader::new(arch);
            reader.begin("log", None);
            text.as_bytes().chunks(size).for_each(|piece| reader.feed(piece));
            reader.end();
            let pieced = reader.finish();
            prop_assert_eq!(&pieced, &read_as(arch, &text));
            if let Ok(imported) = pieced {
                prop_assert!(imported.trace.calls.keys().all(|(arch, nr, _)| sysno::name(*arch, *nr).is_some()));
                let written = crate::trace::write(&imported.trace);
                prop_assert_eq!(crate::trace::read(&written).unwrap(), imported.trace);
            }
        }
    }
}
