//! Whose call it is: executables, ABIs, threads, children.

use super::*;

#[test]
fn executables_follow_execve_and_are_inherited() {
    let log = "\
1 execve(\"/bin/sh\", [\"sh\", \"-c\", \"secret\"], 0x7ffe /* 3 vars */) = 0
1 vfork( <unfinished ...>
2 execve(\"/sbin/ls\", [\"ls\"], 0x7ffe /* 3 vars */) = -1 ENOENT (No such file or directory)
2 execve(\"/bin/ls\", [\"ls\"], 0x7ffe /* 3 vars */ <unfinished ...>
1 <... vfork resumed>)                = 2
2 <... execve resumed>)               = 0
2 getpid()                            = 2
1 clone(child_stack=NULL, flags=SIGCHLD) = 3
3 getuid()                            = 0
1 wait4(-1, NULL, 0, NULL)            = 3
";
    let imported = read(log);
    let by = |name: &str| record(&imported, name).executables.iter().cloned().collect::<Vec<_>>();
    assert_eq!(by("getpid"), ["/bin/ls"]);
    assert_eq!(by("getuid"), ["/bin/sh"]);
    assert_eq!(by("wait4"), ["/bin/sh"]);
    assert_eq!(imported.trace.recordings[0].command, "/bin/sh");
    assert_eq!(imported.processes, 3);
    let first = record(&imported, "execve");
    assert_eq!((first.count, first.first_by.as_str()), (Some(3), "/bin/sh"));
    assert_eq!(first.phases, BTreeSet::from([Phase::Floor, Phase::Unphased]));
    assert!(!crate::trace::write(&imported.trace).contains("secret"));
}

#[test]
fn a_thread_that_calls_execve_goes_on_as_its_process() {
    let log = "\
1 execve(\"/bin/a\", [\"a\"], 0x7ffe /* 3 vars */) = 0
1 clone(child_stack=0x1, flags=CLONE_VM|CLONE_THREAD) = 2
2 execve(\"/bin/b\", [\"b\"], 0x7ffe /* 3 vars */ <unfinished ...>
1 +++ superseded by execve in pid 2 +++
1 <... execve resumed>)               = 0
1 getpid()                            = 1
";
    let imported = read(log);
    assert_eq!(record(&imported, "getpid").first_by, "/bin/b");
    assert_eq!(record(&imported, "execve").count, Some(2));
}

#[test]
fn mode_lines_switch_the_abi_and_children_inherit_it() {
    let imported = read(MODES);
    assert_eq!(
        calls(&imported),
        [
            "execve 1",
            "exit_group 1",
            "fork 1",
            "x32 getpid 1",
            "x86 exit_group 1",
            "x86 fork 1",
            "x86 getpid 2"
        ]
    );
}

#[test]
fn a_number_tells_the_abi_where_no_mode_line_does() {
    let log = "\
1 [  59] execve(\"/bin/a\", [\"a\"], 0x7ffe /* 3 vars */) = 0
1 [  20] getpid()                     = 1
1 [ 102] socket(AF_UNIX, SOCK_STREAM, 0) = 3
1 [ 359] socket(AF_UNIX, SOCK_STREAM, 0) = 3
1 [1073741863] getpid()               = -1 ENOSYS (Function not implemented)
1 [  39] getpid()                     = 1
";
    let expected =
        ["execve 1", "getpid 1", "x32 getpid 1", "x86 getpid 1", "x86 socket 1", "x86 socketcall 1"];
    assert_eq!(calls(&read(log)), expected);
}

#[test]
fn what_socketcall_carries_out_is_both_calls() {
    let log = "brk(NULL) = 0x1\n[ Process PID=1 runs in 32 bit mode. ]\nsocket(AF_UNIX, SOCK_STREAM, 0) = 3\n\
        accept(3, NULL, NULL) = 4\nsemget(IPC_PRIVATE, 1, 0600) = 0\n";
    let imported = read(log);
    assert_eq!(calls(&imported), ["brk 1", "x86 ipc ?", "x86 semget 1", "x86 socket 1", "x86 socketcall 1"]);
    let nr = sysno::number(Arch::X86, "socketcall").unwrap();
    let calls = &imported.trace.calls[&(Arch::X86, nr, Outcome::Made)].args[&0];
    assert_eq!(calls.seen.keys().copied().collect::<Vec<_>>(), [1, 5]);
    assert!(notes(&imported).contains("semget, socket may have been made directly or by socketcall"));
}

#[test]
fn on_standard_error_processes_get_their_names_late_and_lose_them() {
    let imported = read(STDERR);
    let by = |name: &str| record(&imported, name).executables.iter().cloned().collect::<Vec<_>>();
    assert_eq!(by("getuid"), ["/bin/true"]);
    assert_eq!(by("wait4"), ["/bin/sh"]);
    assert_eq!((by("gettid"), record(&imported, "clone3").count), (vec!["/bin/true".to_owned()], Some(1)));
    assert_eq!(by("exit_group"), ["/bin/sh", "/bin/true"]);
    assert_eq!(record(&imported, "vfork").count, Some(1));
    assert_eq!(values(&imported, "wait4", 2), (vec![0], false));
    assert_eq!((imported.processes, imported.trace.complete), (3, true));
    assert_eq!(imported.samples, []);
}

#[test]
fn a_process_that_was_attached_to_keeps_its_calls_apart_from_its_children() {
    let log = "\
strace: Process 7 attached
wait4(-1, NULL, 0, NULL) = 6
vfork(strace: Process 8 attached
 <unfinished ...>
[pid     8] getuid() = 0
[pid     7] <... vfork resumed>)        = 8
[pid     7] wait4(-1,  <unfinished ...>
[pid     8] exit_group(0) = ?
[pid     8] +++ exited with 0 +++
<... wait4 resumed>NULL, 0, NULL) = 8
";
    let imported = read(log);
    assert_eq!(calls(&imported), ["exit_group 1", "getuid 1", "vfork 1", "wait4 2"]);
    assert_eq!((imported.processes, notes(&imported)), (2, String::new()));
}

#[test]
fn the_first_line_of_a_child_is_not_its_parents_where_nobody_announced_it() {
    // strace -f -q: no `Process 8 attached`.
    let log = "\
execve(\"/bin/sh\", [\"sh\"], 0x7ffe /* 3 vars */) = 0
vfork( <unfinished ...>
[pid     8] execve(\"/bin/ls\", [\"ls\"], 0x7ffe /* 3 vars */ <unfinished ...>
[pid     7] <... vfork resumed>)        = 8
[pid     8] <... execve resumed>)       = 0
[pid     8] getuid() = 0
[pid     7] wait4(-1, NULL, 0, NULL) = 8
[pid     8] +++ exited with 0 +++
getpid() = 7
";
    let imported = read(log);
    let by = |name: &str| record(&imported, name).executables.iter().cloned().collect::<Vec<_>>();
    assert_eq!(by("getuid"), ["/bin/ls"]);
    assert_eq!((by("wait4"), by("getpid")), (vec!["/bin/sh".to_owned()], vec!["/bin/sh".to_owned()]));
    assert_eq!((imported.processes, imported.trace.complete), (2, true));
}

#[test]
fn so_many_processes_that_never_end_are_no_more_work_each() {
    // As `+++ exited` lines are left out by -e quiet=exit. Work is counted by the clock of both sizes in turns.
    let log = |pids: u32| (1..=pids).fold(String::new(), |log, pid| log + &format!("{pid} getuid() = 0\n"));
    let (small, large) = (log(4_000), log(32_000));
    let time = |log: &str| {
        let started = std::time::Instant::now();
        assert!(read(log).processes >= 4_000);
        started.elapsed().as_secs_f64()
    };
    let mut ratios: Vec<f64> = (0..5).map(|_| time(&large) / time(&small)).collect();
    ratios.sort_by(f64::total_cmp);
    // Eight times as much text: a quadratic reader takes 64 times as long.
    assert!(ratios[2] < 24.0, "{ratios:?}");
}
