//! Programs by what they are made of: a virtual machine, static binaries, privilege.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::{ACTIONS, holds, proves};
use crate::harness::Lab;

/// Threads, garbage, a socket and a subprocess.
const JAVA: &str = r#"
import java.net.*;
import java.util.concurrent.*;
public class Program {
    public static void main(String[] args) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(8);
        CountDownLatch left = new CountDownLatch(64);
        for (int i = 0; i < 64; i++)
            pool.submit(() -> { byte[] waste = new byte[1 << 20]; waste[7] = 1; left.countDown(); });
        left.await();
        pool.shutdown();
        System.gc();
        InetAddress here = InetAddress.getByName("127.0.0.1");
        try (ServerSocket server = new ServerSocket(0, 1, here);
             Socket client = new Socket(here, server.getLocalPort());
             Socket peer = server.accept()) {
            peer.getOutputStream().write(7);
            System.out.println(client.getInputStream().read());
        }
        Process sub = new ProcessBuilder("sh", "-c", "exit 5").inheritIO().start();
        System.out.println(sub.waitFor());
    }
}
"#;

#[test]
fn a_java_program_with_threads() {
    let Some(lab) = Lab::nobody_with("t2", &["javac", "java"]) else { return };
    lab.write("Program.java", JAVA);
    lab.program("javac").arg("Program.java").expect(0);
    holds(&lab, "", &["java", "-cp", ".", "Program"], "7\n5\n");
}

#[test]
fn a_static_program_in_go() {
    let Some(lab) = Lab::nobody_with("t2", &["runc"]) else { return };
    let script = "runc --version | head -n 1 | cut -d' ' -f1,2 && runc spec && test -s config.json";
    holds(&lab, "rm -f config.json", &["sh", "-c", script], "runc version\n");
}

/// Threads, memory, a child and stdio, as libc does them.
pub(super) const LIBC: &str = r#"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static void *work(void *arg) { free(malloc(1 << 20)); return arg; }
int main(void) {
    pthread_t threads[4];
    int status;
    char line[100];
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    pid_t child = fork();
    if (child == 0) _exit(3);
    waitpid(child, &status, 0);
    FILE *file = fopen("/proc/self/status", "r");
    if (file == NULL || fgets(line, sizeof line, file) == NULL) return 1;
    fclose(file);
    printf("%d %s", WEXITSTATUS(status), line);
    return 0;
}
"#;

#[test]
fn a_static_program_with_musl() {
    let Some(lab) = Lab::nobody_with("t2", &["musl-gcc"]) else { return };
    lab.write("libc.c", LIBC);
    let built =
        Command::new("musl-gcc").args(["-static", "-o", "libc", "libc.c"]).current_dir(&lab.dir).status();
    assert!(built.is_ok_and(|s| s.success()));
    holds(&lab, "", &["./libc"], "3 Name:\tlibc\n");
}

const WHO: &str = "#include <stdio.h>\n#include <unistd.h>\n\
                   int main(void) { return printf(\"%d %d\\n\", getuid(), geteuid()) < 0 || seteuid(getuid()); }\n";

#[test]
fn a_set_user_id_program_keeps_its_privilege_where_root_leaves_it() {
    let Some(lab) = Lab::root(&["gcc", "setpriv"]) else { return };
    lab.compile("who", WHO);
    std::fs::set_permissions(lab.path("who"), std::fs::Permissions::from_mode(0o4755)).unwrap();
    let command = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "./who"];
    if lab.program(command[0]).args(&command[1..]).expect(0).stdout != "65534 0\n" {
        return println!("skipped: set-user-ID programs get no privilege on this file system");
    }
    for (backend, action) in
        ["notify", "trace", "ptrace"].into_iter().flat_map(|b| ACTIONS.map(|action| (b, action)))
    {
        let mut learn = lab.callgate("learn --force --allow-privilege-escalation -o p.json");
        proves(learn.args(["--backend", backend, "--default-action", action]).command(&command), "65534 0\n");
        for via in ["notify", "log"] {
            lab.callgate("run --allow-privilege-escalation --profile p.json --stage enforce --via")
                .arg(via)
                .command(&command)
                .expect(0)
                .prints("65534 0\n")
                .never_says("refused:");
        }
    }
}
