//! What KILL and TRAP do to programs that would rather live, held against what the filter itself does.

use crate::harness::Lab;

/// Kills on syslog; everything else is allowed.
fn profile(action: &str) -> String {
    format!(
        "{{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"architectures\": [\"SCMP_ARCH_X86_64\"], \
         \"syscalls\": [{{\"names\": [\"syslog\"], \"action\": \"{action}\"}}]}}"
    )
}

/// Makes the call; `ign`, `blk`: deaf to SIGSYS. Says so if it lives.
const CALLER: &str = r#"
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
static int code, number;
static void handler(int s, siginfo_t *info, void *context) { code = info->si_code; number = info->si_syscall; }
static void *call(void *arg) { syscall(SYS_syslog, 3, 0, 0); return arg; }
static void *toggle(void *arg) {
    for (;;) {
        signal(SIGSYS, SIG_IGN);
        for (volatile int i = 0; i < 20000; i++);
        signal(SIGSYS, SIG_DFL);
        for (volatile int i = 0; i < 20000; i++);
    }
}
int main(int argc, char **argv) {
    const char *how = argc > 1 ? argv[1] : "";
    sigset_t all;
    sigfillset(&all);
    pthread_t thread;
    if (!strcmp(how, "ign")) signal(SIGSYS, SIG_IGN);
    if (!strcmp(how, "blk")) sigprocmask(SIG_BLOCK, &all, NULL);
    if (!strcmp(how, "catch")) {
        struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
        sigaction(SIGSYS, &action, NULL);
    }
    if (!strcmp(how, "toggle")) { pthread_create(&thread, NULL, toggle, NULL); usleep(1000); }
    if (!strcmp(how, "thread")) {
        pthread_create(&thread, NULL, call, NULL);
        usleep(300000);
    } else {
        syscall(SYS_syslog, 3, 0, 0);
    }
    if (!strcmp(how, "toggle")) usleep(400000);
    printf("lives, code %d, call %d\n", code, number);
    fflush(stdout);
    _exit(7);
}
"#;

/// Exit status and output of the caller under a profile.
fn outcome(lab: &Lab, via: &str, wrapper: &[&str], how: &str) -> (i32, String) {
    let mut call = lab.callgate(&format!("run -q --profile p.json --stage enforce --via {via}"));
    let command: Vec<&str> = wrapper.iter().copied().chain(["./caller", how]).collect();
    let ended = call.command(&command).run();
    (ended.code(), ended.stdout.clone())
}

#[test]
fn who_reports_changes_nothing_of_what_kill_and_trap_do() {
    let Some(lab) = Lab::nobody_with("t2", &["gcc"]) else { return };
    if cfg!(not(target_arch = "x86_64")) {
        return println!("skipped: the profile is for x86_64");
    }
    lab.compile("caller", CALLER);
    for action in ["SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP"] {
        lab.write("p.json", profile(action));
        for how in ["plain", "ign", "blk", "catch", "thread"] {
            let real = outcome(&lab, "log", &[], how);
            let (code, printed) = outcome(&lab, "notify", &[], how);
            // A process deaf to SIGSYS that KILL ends by the kernel's own hand can be ended by SIGKILL only.
            let same = code == real.0 || (real.0 == 159 && code == 137);
            assert!(same && printed == real.1, "{action} {how}: {code} {printed}, the filter: {real:?}");
        }
    }
}

#[test]
fn nobody_survives_a_kill_by_changing_what_sigsys_does_meanwhile() {
    let Some(lab) = Lab::nobody_with("t2", &["gcc"]) else { return };
    if cfg!(not(target_arch = "x86_64")) {
        return println!("skipped: the profile is for x86_64");
    }
    lab.compile("caller", CALLER);
    lab.write("p.json", profile("SCMP_ACT_KILL_PROCESS"));
    for _ in 0..15 {
        let (code, printed) = outcome(&lab, "notify", &[], "toggle");
        assert!([137, 159].contains(&code) && printed.is_empty(), "{code} {printed}");
    }
}

#[test]
fn the_first_process_of_a_pid_namespace_dies_of_a_kill_like_any_other() {
    let Some(lab) = Lab::root(&["gcc", "unshare"]) else { return };
    if cfg!(not(target_arch = "x86_64")) {
        return println!("skipped: the profile is for x86_64");
    }
    lab.compile("caller", CALLER);
    lab.write("p.json", profile("SCMP_ACT_KILL_PROCESS"));
    let (code, printed) = outcome(&lab, "notify", &["unshare", "-pf", "--kill-child"], "plain");
    assert!(code != 7 && printed.is_empty(), "{code} {printed}");
}
