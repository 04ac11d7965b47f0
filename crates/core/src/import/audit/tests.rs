//! What audit records become.

use crate::arch::Arch;
use crate::import::tests::{Read, read};
use crate::import::{Format, ImportError};
use crate::trace::Outcome;

fn audit(text: impl AsRef<[u8]>) -> Read {
    read(Format::Audit, Arch::X86_64, text)
}

/// A SECCOMP record.
fn seccomp(serial: u64, nr: u32, code: &str) -> String {
    format!(
        "type=SECCOMP msg=audit(1700000{serial:03}.500:{serial}): auid=0 uid=0 gid=0 ses=1 pid={serial} comm=\"x\" \
         exe=\"/bin/x\" sig=0 arch=c000003e syscall={nr} compat=0 ip=0x7f code={code}\n"
    )
}

#[test]
fn what_is_logged_was_made_and_what_is_not_was_refused() {
    for (code, expected) in [
        ("0x7ffc0000", Outcome::Made),
        ("0x7fff0000", Outcome::Made),
        ("0x50001", Outcome::Refused(1)),
        ("0x50026", Outcome::Refused(38)),
        ("0x50000", Outcome::Refused(1)),
        ("0x80000000", Outcome::Refused(1)),
        ("0x0", Outcome::Refused(1)),
        ("0x30000", Outcome::Refused(1)),
        ("0x7fc00000", Outcome::Made),
    ] {
        let read = audit(seccomp(1, 39, code));
        let outcomes: Vec<Outcome> = read.trace().calls.keys().map(|(_, _, outcome)| *outcome).collect();
        assert_eq!(outcomes, [expected], "{code}");
    }
}

#[test]
fn what_a_refusal_does_not_say_is_said() {
    let text =
        [seccomp(1, 39, "0x80000000"), seccomp(2, 110, "0x50000"), seccomp(3, 41, "0x7fc00000")].concat();
    let read = audit(text);
    read.says("getpid: refused by killing or trapping");
    read.says("getppid: refused with an errno that audit records do not hold");
    read.says("socket: left to a listener or a tracer");
    assert!(read.trace().complete);
}

#[test]
fn seccomp_records_have_no_arguments_and_a_time() {
    let read = audit([seccomp(1, 41, "0x7ffc0000"), seccomp(3, 39, "0x7ffc0000")].concat());
    assert_eq!(read.calls(), ["getpid 1", "socket 1"]);
    let socket = read.record("socket");
    assert!(socket.args[&0].widened && socket.args[&0].seen.is_empty());
    assert_eq!((socket.first_by.as_str(), read.record("getpid").first_ms), ("/bin/x", 2000));
    assert_eq!(read.trace().recordings[0].started, 1_700_000_001);
    read.says("SECCOMP records hold no arguments");
    assert!(!read.imported().arguments);
}

#[test]
fn syscall_records_have_four_arguments_and_the_kernels_end() {
    let line = "type=SYSCALL msg=audit(1700000001.1:7): arch=c000003e syscall=41 success=yes exit=3 a0=10 a1=3 a2=0 a3=0 \
                items=0 ppid=1 pid=9 auid=0 uid=0 tty=pts0 ses=1 comm=\"x\" exe=\"/bin/x\" key=\"all\"\n\
                type=PROCTITLE msg=audit(1700000001.1:7): proctitle=6C73\n\
                type=SYSCALL msg=audit(1700000001.2:8): arch=c000003e syscall=435 success=no exit=-38 a0=7f a1=58 a2=0 \
                a3=0 items=0 ppid=1 pid=9 comm=\"x\" exe=\"/bin/x\" key=(null)\n";
    let read = audit(line);
    assert_eq!(read.calls(), ["clone3 1", "socket 1"]);
    assert_eq!(read.record("socket").args[&0].seen.keys().copied().collect::<Vec<_>>(), [0x10]);
    assert!(read.imported().arguments && read.trace().complete);
    read.says("clone3: every call ended with EPERM or ENOSYS");
    // In words a number may be of any base.
    let words = line
        .replace("1700000001.1", "11/23/26 19:33:04.213")
        .replace("c000003e syscall=41", "x86_64 syscall=socket");
    assert!(audit(words).record("socket").args[&0].widened);
}

#[test]
fn numbers_without_a_name_are_kept_and_names_that_are_none_are_an_error() {
    let read = audit(seccomp(1, 9999, "0x7ffc0000"));
    assert_eq!(read.calls(), ["9999 1"]);
    let words = seccomp(1, 1, "log").replace("arch=c000003e syscall=1 ", "arch=x86_64 syscall=opneat ");
    let ImportError::UnknownCalls { calls } = audit(words).error() else { panic!() };
    assert_eq!((calls[0].name.as_str(), calls[0].near), ("opneat", Some("openat")));
}

#[test]
fn gaps_between_serial_numbers_are_lost_records() {
    let read = audit([seccomp(1, 39, "0x7ffc0000"), seccomp(5, 39, "0x7ffc0000")].concat());
    assert!(!read.trace().complete);
    read.says("3 audit serial numbers are missing, first between 1 and 5");
    assert!(audit([seccomp(2, 39, "0x7ffc0000"), seccomp(1, 39, "0x7ffc0000")].concat()).trace().complete);
}

#[test]
fn lines_that_tell_of_losses_make_the_trace_incomplete() {
    for (line, words) in [
        ("kauditd_printk_skb: 17 callbacks suppressed\n", "17 audit records were lost"),
        (
            "audit: audit_lost=3 audit_rate_limit=0\naudit: audit_lost=12 audit_rate_limit=0\n",
            "12 audit records",
        ),
        ("audit: backlog limit exceeded\n", "1 lines say that audit records were lost, and not how many"),
    ] {
        let read = audit(format!("{}{line}", seccomp(1, 39, "0x7ffc0000")));
        assert!(!read.trace().complete, "{line}");
        read.says(words);
    }
}

#[test]
fn what_is_left_out_is_said() {
    let text = [
        seccomp(1, 39, "0x7ffc0000"),
        seccomp(2, 39, "0x7ffc"),
        seccomp(3, 39, "0x7ffc0000").replace("c000003e", "8"),
        "systemd[1]: Started Session 3 of user me.\n".to_owned(),
    ]
    .concat();
    let read = audit(text);
    assert_eq!(read.calls(), ["getpid 1"]);
    read.says("1 records lack a field or were cut");
    read.says("there is no table of system calls for arch=8: 1 records left out");
    read.says("1 lines are no audit records and were passed over");
    assert!(!read.trace().complete);
}

#[test]
fn a_log_without_such_records_holds_no_call() {
    let other = "type=AVC msg=audit(1613173578.156:2945): avc:  denied  { read } for  pid=75593\n";
    assert_eq!(audit(other).error(), ImportError::NoCall { file: "log".to_owned() });
}
