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

/// Answers its child's getppid by a listener of its own, with a number only it knows.
const SUPERVISOR: &str = r"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
    struct sock_fprog program = { 4, code };
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    int fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    if (fd < 0) return 3;
    if (fork() == 0) {
        alarm(20);
        _exit(syscall(SYS_getppid) == 424242 ? 0 : 1);
    }
    alarm(20);
    struct seccomp_notif asked = { 0 };
    if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &asked)) return 4;
    struct seccomp_notif_resp answer = { asked.id, 424242, 0, 0 };
    ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &answer);
    int status;
    wait(&status);
    return WEXITSTATUS(status);
}
";

/// Refuses itself sethostname, and lives with it.
const OWN_REFUSAL: &str = r"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpgid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOWNERDEAD),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
    struct sock_fprog program = { 4, code };
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
    return syscall(SYS_getpgid, 0) == -1 && errno == EOWNERDEAD ? 0 : 1;
}
";

#[test]
fn a_program_that_answers_calls_by_a_listener_of_its_own_is_learned_with_what_it_answers() {
    let Some(lab) = Lab::nobody_with("t2", &["gcc"]) else { return };
    lab.compile("supervisor", SUPERVISOR);
    lab.program("./supervisor").expect(0);
    lab.callgate("record -o t -- ./supervisor").expect(0).says("listener of its own").says("under ptrace");
    for action in ["errno", "kill-process"] {
        let learn = format!("learn --force --default-action {action} -o p.json -- ./supervisor");
        lab.callgate(&learn).expect(0).says("proven:").says("--via trace");
        assert!(lab.read("p.json").contains("\"getppid\""));
    }
    for stage in ["audit", "complain", "enforce"] {
        let run = format!("run --profile p.json --stage {stage} --via trace -- ./supervisor");
        lab.callgate(&run).expect(0).never_says("refused:");
    }
}

#[test]
fn what_a_listener_of_its_own_answers_does_not_hide_from_a_trace_what_the_profile_refuses() {
    let Some(lab) = Lab::nobody_with("t2", &["gcc"]) else { return };
    lab.compile("supervisor", SUPERVISOR);
    lab.callgate("learn -o p.json -- ./supervisor").expect(0);
    lab.write("less.json", lab.read("p.json").replace("\"getppid\", ", "").replace(", \"getppid\"", ""));
    assert!(!lab.read("less.json").contains("getppid"));
    for stage in ["audit", "complain"] {
        let run = format!("run --profile less.json --stage {stage} --via trace -- ./supervisor");
        lab.callgate(&run).expect(0).says("would be refused: getppid(");
    }
    // Under the real filter the refusal comes first, and the supervisor waits for what never comes: SIGALRM.
    lab.callgate("run --profile less.json --stage enforce --via trace -- ./supervisor")
        .expect(142)
        .says("refused: getppid(");
}

#[test]
fn a_program_with_its_own_filter_is_learned_with_what_that_refuses() {
    let Some(lab) = Lab::nobody_with("t2", &["gcc"]) else { return };
    lab.compile("filter", LISTENER);
    lab.callgate("learn -o p.json")
        .command(&["./filter", "plain"])
        .expect(0)
        .prints("loaded\n")
        .says("under ptrace");
    hold_five_times(&lab, "", 0, &["./filter", "plain"]);
    lab.compile("refusal", OWN_REFUSAL);
    // A killing default would outrank the refusal, so the profile has to name it.
    lab.callgate("learn --force --default-action kill-process -o p.json -- ./refusal")
        .expect(0)
        .says("proven:");
    hold_five_times(&lab, "", 0, &["./refusal"]);
    lab.callgate("record -o t -- ./refusal").expect(0).says("--backend ptrace");
}

#[test]
fn a_death_by_sigsys_that_is_the_programs_own_doing_is_not_blamed_on_the_profile() {
    let Some(lab) = Lab::nobody_with("t2", &["gcc"]) else { return };
    lab.compile("kill", OWN_KILL);
    lab.callgate("learn -o p.json")
        .command(&["./kill"])
        .expect(0)
        .says("proven:")
        .never_says("killed by SIGSYS");
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
