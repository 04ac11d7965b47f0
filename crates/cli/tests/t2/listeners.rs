//! Programs with filters of their own, compiled here.

use crate::harness::{Lab, hold_five_times};

/// Loads a filter with a listener of its own, and says what came of it.
const LISTENER: &str = r#"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv) {
    struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
    struct sock_fprog program = { 1, code };
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, argc > 1 ? 0 : SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    printf("%s\n", fd < 0 ? "refused" : "loaded");
    return 0;
}
"#;

/// Dies of SIGSYS by a filter of its own, in a grandchild nobody waits for.
const OWN_KILL: &str = r"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
    if (fork() == 0) {
        struct sock_filter code[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
        struct sock_fprog program = { 4, code };
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
        syscall(SYS_getppid);
        _exit(0);
    }
    int status;
    wait(&status);
    return 0;
}
";

/// Threads that come and go, one of which executes another program: the others vanish.
const THREADS: &str = r#"
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
static void *work(void *arg) { usleep(1000); return arg; }
static void *become(void *arg) { execl("/bin/sh", "sh", "-c", "echo done; exit 6", NULL); return arg; }
int main(void) {
    pthread_t t[8];
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 8; i++) pthread_create(&t[i], NULL, work, NULL);
        for (int i = 0; i < 8; i++) pthread_join(t[i], NULL);
    }
    pthread_create(&t[0], NULL, become, NULL);
    pause();
}
"#;

#[test]
fn a_program_with_its_own_listener_ends_with_2_and_nothing_is_written() {
    let Some(lab) = Lab::nobody_with("t2", &["gcc"]) else { return };
    lab.compile("listener", LISTENER);
    lab.program("./listener").expect(0).prints("loaded\n");
    let before = lab.files();
    for script in ["exec ./listener", "(./listener) & wait; echo went on"] {
        lab.callgate("learn -o out")
            .script(script)
            .expect(2)
            .prints("")
            .says("listener of its own")
            .says("listener`");
        lab.callgate("record -o out").script(script).expect(125).prints("").says("listener of its own");
        assert_eq!(lab.files(), before);
    }
}

#[test]
fn a_program_with_its_own_filter_is_learned_below_it() {
    let Some(lab) = Lab::nobody_with("t2", &["gcc"]) else { return };
    lab.compile("filter", LISTENER);
    // Loading filters is everybody's right, and a door into the kernel all the same: allowed by name.
    lab.callgate("learn --allow seccomp -o p.json")
        .command(&["./filter", "plain"])
        .expect(0)
        .prints("loaded\n");
    hold_five_times(&lab, "", 0, &["./filter", "plain"]);
}

#[test]
fn a_death_by_sigsys_that_is_the_programs_own_doing_is_no_proof() {
    let Some(lab) = Lab::nobody_with("t2", &["gcc"]) else { return };
    lab.compile("kill", OWN_KILL);
    lab.callgate("learn --allow seccomp -o p.json").command(&["./kill"]).expect(1).says("killed by SIGSYS");
}

#[test]
fn threads_that_become_another_program_are_followed() {
    let Some(lab) = Lab::nobody_with("t2", &["gcc"]) else { return };
    lab.compile("threads", THREADS);
    lab.callgate("learn --default-action kill-process -o p.json")
        .command(&["./threads"])
        .expect(0)
        .prints("done\n");
    hold_five_times(&lab, "", 6, &["./threads"]);
    lab.callgate("record -o t -- ./threads").expect(6);
    let trace = lab.json("t");
    let calls = trace["calls"].as_array().unwrap();
    let write = calls.iter().find(|c| c["name"] == "write").unwrap();
    assert!(!write["executables"].to_string().contains("threads"), "the shell wrote, not {write}");
}
