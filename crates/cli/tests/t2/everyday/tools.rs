//! Tools for every day: archives, builds, scripts, a terminal multiplexer, and a program that forks.

use super::{ACTIONS, holds, proves};
use crate::harness::{Lab, hold_five_times};

#[test]
fn tar_and_gzip_there_and_back() {
    let Some(lab) = Lab::nobody_with("t2", &["tar", "gzip", "diff"]) else { return };
    lab.sh("mkdir -p tree/empty && seq 50000 > tree/many && echo x > tree/one && ln -s one tree/link")
        .expect(0);
    let script = "tar -czf t.tgz tree && mkdir back && tar -C back -xzf t.tgz && diff -r tree back/tree && \
                  tar -cf t.tar tree && gzip -9 t.tar && gzip -t t.tar.gz && gzip -dc t.tar.gz | tar -tf - | wc -l";
    holds(&lab, "rm -rf back t.tgz t.tar t.tar.gz", &["sh", "-c", script], "5\n");
}

#[test]
fn make_with_four_jobs_and_gcc() {
    let Some(lab) = Lab::nobody_with("t2", &["make", "gcc"]) else { return };
    let numbers = ["1", "2", "3", "4", "5", "6"];
    for n in numbers {
        lab.write(
            &format!("f{n}.c"),
            format!("#include <stdlib.h>\nint f{n}(void) {{ return abs(-{n}); }}\n"),
        );
    }
    lab.write("main.c", "int f6(void);\nint main(void) { return f6() == 6 ? 0 : 1; }\n");
    let objects = numbers.map(|n| format!("f{n}.o")).join(" ");
    lab.write(
        "Makefile",
        format!(
            "program: main.o {objects}\n\tgcc -o $@ main.o {objects}\n\t./program && echo built\n\
             %.o: %.c\n\tgcc -O1 -c -o $@ $<\n"
        ),
    );
    holds(&lab, "rm -f *.o program", &["make", "-s", "-j4"], "built\n");
}

/// Sockets, children, a signal that interrupts, sorting, and files that come and go.
const PERL: &str = r#"
use strict; use IO::Socket::INET; use File::Temp; use POSIX (); use Time::HiRes;
my $server = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die;
my $child = fork() // die;
if (!$child) {
    my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $server->sockport) or die;
    print $s "asked\n"; POSIX::_exit(7);
}
my $line = $server->accept->getline; waitpid $child, 0;
my $file = File::Temp->new; print $file join "\n", sort { $a <=> $b } map { $_ * 7 % 101 } 1 .. 100; close $file;
my $woken = 0;
{ local $SIG{ALRM} = sub { $woken = 1 }; Time::HiRes::alarm(0.05); select undef, undef, undef, 60; }
my $sub = `echo sub | cat`; chomp($line, $sub);
print "$line ", $? >> 8, " $woken $sub ", -s $file->filename, "\n";
"#;

#[test]
fn perl_with_sockets_children_and_an_alarm() {
    let Some(lab) = Lab::nobody_with("t2", &["perl"]) else { return };
    lab.write("p.pl", PERL);
    holds(&lab, "", &["perl", "p.pl"], "asked 0 1 sub 291\n");
}

/// Pipes in both directions, files, and a command.
const AWK: &str = r#"BEGIN {
    while (("seq 20" | getline n) > 0) sum += n; close("seq 20");
    for (i = 3; i > 0; i--) print i | "sort"; close("sort");
    print sum > "sum"; close("sum"); getline back < "sum"; print back; exit system("test -s sum") }"#;

#[test]
fn awk_with_pipes_in_both_directions() {
    let Some(lab) = Lab::nobody_with("t2", &["awk"]) else { return };
    holds(&lab, "rm -f sum", &["awk", AWK], "1\n2\n3\n210\n");
}

/// A tree of processes: each has two children, waits for one by number and for the other by chance.
const TREE: &str = r#"
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static int grow(int depth) {
    int count = 1, status;
    pid_t child[2];
    for (int i = 0; depth && i < 2; i++) {
        child[i] = i ? vfork() : fork();
        if (child[i] < 0) exit(99);
        if (child[i] == 0 && i) _exit(depth);
        if (child[i] == 0) _exit(grow(depth - 1));
    }
    if (depth) {
        if (waitpid(child[0], &status, 0) != child[0] || !WIFEXITED(status)) exit(98);
        count += WEXITSTATUS(status);
        if (wait(&status) != child[1] || WEXITSTATUS(status) != depth) exit(97);
        count++;
    }
    return count;
}
int main(void) {
    int total = 0;
    for (int i = 0; i < 10; i++) total += grow(5);
    printf("%d\n", total);
    return 0;
}
"#;

#[test]
fn a_program_that_forks_hundreds_of_children() {
    let Some(lab) = Lab::nobody_with("t2", &["gcc"]) else { return };
    lab.compile("tree", TREE);
    holds(&lab, "", &["./tree"], "110\n");
    let script = "i=0; while [ $i -lt 60 ]; do (exit 3) & i=$((i + 1)); done; wait; echo $i";
    holds(&lab, "", &["sh", "-c", script], "60\n");
}

/// A server that puts itself in the background, a terminal, keys, and the end.
const TMUX: &str = "t='tmux -S socket -f /dev/null'; $t new-session -d -s s -x 80 -y 24 sh && \
                    $t send-keys -t s 'echo ty''ped > typed; tmux -S socket wait-for -S done' Enter && \
                    $t wait-for done && cat typed && $t kill-server";

#[test]
fn tmux_is_learned_with_its_server_and_a_terminal() {
    let Some(lab) = Lab::root(&["tmux"]) else { return };
    // Debian's tmux has a set-group-ID helper, which without its privilege would be another program.
    let privileged = "--force --allow-privilege-escalation";
    let before = "rm -f typed socket";
    for action in ACTIONS {
        let mut learn = lab.callgate(&format!("learn {privileged} --default-action {action} -o p.json"));
        proves(learn.args(["--before", before]).script(TMUX), "typed\n");
        for via in ["notify", "log", "notify", "log", "log"] {
            lab.sh(before).expect(0);
            lab.callgate(&format!(
                "run --profile p.json --stage enforce --allow-privilege-escalation --via {via}"
            ))
            .script(TMUX)
            .expect(0)
            .prints("typed\n")
            .never_says("refused:")
            .never_says("SIGSYS");
        }
    }
}

#[test]
fn tmux_without_privilege_works_under_what_was_learned_without_it() {
    let Some(lab) = Lab::nobody_with("t2", &["tmux"]) else { return };
    let before = "rm -f typed socket";
    let ended =
        lab.callgate("learn -o p.json --default-action kill-process --before").arg(before).script(TMUX).run();
    if ended.code() != 0 {
        // Nothing else may be wrong than what is said to have been altered.
        assert!(ended.stdout.ends_with("typed\n"), "{}", ended.stderr);
        ended.expect(1).says("set-group-ID").never_says("refused:").never_says("SIGSYS");
    }
    hold_five_times(&lab, before, 0, &["sh", "-c", TMUX]);
}
