//! What becomes of a runtime without one of its calls: the classes of `data/floors.toml`, found by leaving out.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;

use super::measure::container::{Container, Ended, Setup};
use super::measure::{Case, Measured, Way, entries, measure};

/// What static busybox calls as `true` and `sleep`, as root and as another user.
const PAYLOAD: [&str; 20] = [
    "arch_prctl",
    "brk",
    "clock_nanosleep",
    "execve",
    "exit_group",
    "getgid",
    "getrandom",
    "getuid",
    "mprotect",
    "newfstatat",
    "prctl",
    "prlimit64",
    "readlink",
    "restart_syscall",
    "rseq",
    "set_robust_list",
    "set_tid_address",
    "setgid",
    "setuid",
    "write",
];
/// What Go's scheduler may call at any time.
const SCHEDULER: [&str; 9] =
    ["futex", "getpid", "madvise", "mmap", "munmap", "nanosleep", "rt_sigreturn", "sched_yield", "tgkill"];

/// Prints, for every call that was measured, whether the program starts without it: `+` yes, `-` no, `H` hangs, `?`
/// the container that was to be entered does not start. One column per kind of user and start.
pub(super) fn print(case: Case, measured: &Measured, dir: &Path) -> Result<(), String> {
    let mut others: BTreeSet<String> = measured.calls.keys().cloned().collect();
    others.extend(PAYLOAD.iter().chain(&SCHEDULER).map(|call| (*call).to_owned()));
    if case.way == Way::Exec {
        // The container has to start before it can be entered.
        others.extend(measure(Case { way: Way::Create, ..case }, 1, dir)?.calls.into_keys());
    }
    println!("  {:<16} EPERM ENOSYS KILL_PROCESS", "without");
    for call in measured.calls.keys() {
        let rest: Vec<&String> = others.iter().filter(|other| *other != call).collect();
        let allow = json!({"names": rest, "action": "SCMP_ACT_ALLOW"});
        // By a rule, and not by the default: runc answers ENOSYS for calls above all that are named.
        let rule = json!({"names": [call], "action": "SCMP_ACT_ERRNO", "errnoRet": 1});
        let profiles = [
            json!({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "syscalls": [allow, rule]}),
            json!({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "syscalls": [allow]}),
            json!({"defaultAction": "SCMP_ACT_KILL_PROCESS", "syscalls": [allow]}),
        ];
        let mut columns = Vec::new();
        for profile in &profiles {
            columns.push(outcomes(case, &profile.to_string(), dir)?);
        }
        println!("  {call:<16} {}", columns.join(" "));
    }
    Ok(())
}

fn outcomes(case: Case, profile: &str, dir: &Path) -> Result<String, String> {
    let mut outcomes = String::new();
    for (who, entry) in entries(case.way) {
        let setup = Setup { no_new_privs: case.no_new_privs, who, profile: profile.to_owned() };
        let container = Container::new(case.engine, dir, &setup)?;
        if case.way == Way::Exec && container.start().is_err() {
            outcomes.push('?');
            continue;
        }
        outcomes.push(match entry(&container, None)? {
            Ended::Well => '+',
            Ended::Badly(_) => '-',
            Ended::Hung => 'H',
        });
    }
    Ok(outcomes)
}
