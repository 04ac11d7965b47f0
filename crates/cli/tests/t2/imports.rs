//! What strace writes about a program, in every form, against a recording of the same program.

use std::collections::{BTreeMap, BTreeSet};

use crate::harness::Lab;
#[cfg(target_arch = "x86_64")]
use crate::harness::skip;

/// Deterministic, with a pipe, a subshell, redirections and failing calls; nothing on standard error.
const SCRIPT: &str =
    "ls -l / >/dev/null; echo b >f; (read x <f; echo $x) | cat >g; test -e nothing; ulimit -n >/dev/null\n";

/// Calls that may be in a log and not in a recording, or the other way round, each for its reason.
const EXPLAINED: [(&str, &str); 2] = [
    ("restart_syscall", "only where a tracer's stop interrupts a call that waits (restart_syscall(2))"),
    ("rt_sigreturn", "whether a child ends before its parent waits is a race"),
];

/// Calls that never return, which tables do not count.
const ENDLESS: [&str; 2] = ["exit", "exit_group"];

/// Forms of a log, by strace's options; the log is `log`.
const FORMS: [&str; 30] = [
    "-f -o log",
    "-f -t -o log",
    "-f -tt -o log",
    "-f -ttt -o log",
    "-f -r -o log",
    "-f -tt -r -o log",
    "-f --absolute-timestamps=format:unix,precision:s -o log",
    "-f --relative-timestamps=s -o log",
    "-f -i -o log",
    "-f -n -o log",
    "-f -T -o log",
    "-f -y -o log",
    "-f -yy -o log",
    "-f -X raw -o log",
    "-f -X verbose -o log",
    "-f -X abbrev -o log",
    "-f -e raw=all -o log",
    "-f -k -o log",
    "-f --decode-pids=comm -o log",
    "-f --decode-pids=pidns -o log",
    "-f -s 0 -o log",
    "-f -v -s 4096 -o log",
    "-f -xx -o log",
    "-f -a 100 -o log",
    "-f -e read=all -e write=all -o log",
    "-f -e quiet=none -o log",
    "-f -qqq -o log",
    "-f -C -o log",
    "-f -tt -r -n -i -T -yy -k --decode-pids=comm -o log",
    "-f -ttt -r -n -i -T -v -X verbose -o log",
];

type Values = BTreeMap<String, (BTreeSet<u64>, bool)>;
/// Call with ABI → values of its arguments.
type Calls = BTreeMap<String, Values>;

fn calls(lab: &Lab, trace: &str) -> Calls {
    let document = lab.json(trace);
    let calls = document["calls"].as_array().unwrap().iter().map(|call| {
        let values = call["args"].as_object().unwrap().iter().map(|(index, arg)| {
            let seen = arg["values"].as_array().unwrap().iter().map(|v| v["value"].as_u64().unwrap());
            (index.clone(), (seen.collect(), arg["widened"] == true))
        });
        let name = call["name"].as_str().map_or_else(|| call["nr"].to_string(), str::to_owned);
        (format!("{} {name}", call["arch"].as_str().unwrap()), values.collect())
    });
    calls.collect()
}

/// Without what is explained.
fn names(calls: &Calls) -> BTreeSet<&str> {
    let explained = |name: &&str| EXPLAINED.iter().any(|(n, _)| name.ends_with(&format!(" {n}")));
    calls.keys().map(String::as_str).filter(|name| !explained(name)).collect()
}

/// Values that are known are those that were recorded.
fn compare_values(form: &str, imported: &Calls, recorded: &Calls) -> usize {
    let mut compared = 0;
    for (name, values) in imported {
        for (index, (seen, widened)) in values {
            let there = recorded.get(name).and_then(|v| v.get(index)).map(|(seen, _)| seen);
            if let Some(there) = there.filter(|_| !widened) {
                assert_eq!(seen, there, "{form}: {name} {index}");
                compared += 1;
            }
        }
    }
    compared
}

fn recorded(lab: &Lab) -> Calls {
    lab.write("script", SCRIPT);
    // From a shell, as the logs: it exports PWD, without which sh asks where it is.
    lab.sh("\"$CALLGATE\" record -o recorded -- sh script").expect(0);
    calls(lab, "recorded")
}

fn compare(lab: &Lab, form: &str, logs: &str, recorded: &Calls) {
    lab.callgate(&format!("import --from strace {logs} --force -o imported")).expect(0);
    let imported = calls(lab, "imported");
    assert_eq!(names(&imported), names(recorded), "{form}");
    let compared = compare_values(form, &imported, recorded);
    assert!(compared >= 15, "{form}: only {compared} arguments are known");
    let trace = lab.json("imported");
    assert_eq!(trace["complete"], true, "{form}: {}", trace["recordings"]);
}

#[test]
fn every_form_of_log_has_the_calls_that_a_recording_has() {
    let Some(lab) = Lab::nobody_with("t2", &["strace"]) else { return };
    let recorded = recorded(&lab);
    for form in FORMS {
        lab.sh(&format!("rm -f log && strace {form} sh script")).expect(0);
        compare(&lab, form, "log", &recorded);
    }
}

#[test]
fn logs_of_every_process_and_logs_on_standard_error_have_them_too() {
    let Some(lab) = Lab::nobody_with("t2", &["strace"]) else { return };
    let recorded = recorded(&lab);
    for options in ["", "-tt -yy", "-k -n"] {
        lab.sh(&format!("rm -rf d && mkdir d && strace -ff {options} -o d/out sh script")).expect(0);
        compare(&lab, "-ff", "d", &recorded);
    }
    for options in ["", "-tt", "-r -y", "-q", "--decode-pids=comm", "-n -i -T"] {
        lab.sh(&format!("strace -f {options} sh script 2>log")).expect(0);
        compare(&lab, &format!("{options} 2>log"), "log", &recorded);
    }
    lab.sh("strace -f sh script 2>&1 | \"$CALLGATE\" import --from strace - --force -o imported").expect(0);
    assert_eq!(names(&calls(&lab, "imported")), names(&recorded));
}

/// Threads by clone3, which strace tells about in the middle of its line.
const THREADS: &str = "\
import threading
threads = [threading.Thread(target=lambda: open('/dev/null').read()) for _ in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
";

#[test]
fn threads_in_a_log_on_standard_error_are_followed() {
    let Some(lab) = Lab::nobody_with("t2", &["strace", "python3"]) else { return };
    lab.write("p.py", THREADS);
    let logs = [("-o log", "", "apart"), ("", "2>log", "mixed")].map(|(option, redirection, trace)| {
        lab.sh(&format!("strace -f {option} /usr/bin/python3 p.py {redirection}")).expect(0);
        lab.callgate(&format!("import --from strace log -o {trace}")).expect(0).never_says("not strace's");
        let mut calls = calls(&lab, trace);
        // Whether anybody waits for a lock is a race.
        calls.retain(|name, _| !name.ends_with(" futex"));
        calls
    });
    assert_eq!(names(&logs[0]), names(&logs[1]));
    assert!(logs[0].keys().any(|name| name.ends_with(" clone3")), "{logs:?}");
}

#[test]
fn tables_have_the_calls_that_a_recording_has() {
    let Some(lab) = Lab::nobody_with("t2", &["strace"]) else { return };
    let recorded = recorded(&lab);
    let mut expected = names(&recorded);
    expected.retain(|name| !ENDLESS.iter().any(|n| name.ends_with(&format!(" {n}"))));
    for form in
        ["-c", "-c -w", "-c -S name", "-c -S calls", "-c -U name,count", "-c -U errors,calls,name,max-time"]
    {
        lab.sh(&format!("strace -f {form} -o log sh script")).expect(0);
        lab.callgate("import --from strace log --force -o imported").expect(0);
        assert_eq!(names(&calls(&lab, "imported")), expected, "{form}");
        let counts = lab.json("imported")["calls"].as_array().unwrap().iter().all(|c| c["count"].is_u64());
        assert!(counts, "{form}");
    }
}

#[test]
fn the_log_a_tutorial_makes_leads_to_a_profile_that_holds() {
    let Some(lab) = Lab::nobody_with("t2", &["strace"]) else { return };
    let script = "ls -l /usr | sort >sorted; (cat sorted; exit 3) >/dev/null || test $? = 3; echo done";
    lab.program("strace").args(["-f", "-o", "syscalls.log", "sh", "-c", script]).expect(0);
    lab.callgate("import --from strace syscalls.log -o t").expect(0);
    lab.callgate("generate t -o p.json").expect(0);
    for _ in 0..3 {
        lab.callgate("run --profile p.json --stage enforce").script(script).expect(0).prints("done\n");
    }
    // The tutorial's own command makes a table, in which its own pipeline finds nothing.
    lab.program("strace").args(["-c", "-f", "-o", "table.log", "sh", "-c", script]).expect(0);
    lab.callgate("import --from strace table.log -o c").expect(0).says("generate c --args off");
    lab.callgate("generate c --args off -o c.json").expect(0);
    lab.callgate("run --profile c.json --stage enforce").script(script).expect(0).prints("done\n");
}

/// Calls of i386 and x32 from a program that is neither: by `int 0x80`, and by the bit in the number.
#[cfg(target_arch = "x86_64")]
const MIXED: &str = r#"
#include <sys/wait.h>
#include <unistd.h>
static long old(long nr, long a, long b, long c) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory");
    return result;
}
static int args[3] = {1, 1, 0};
int main(void) {
    long result = 0x40000000 | 39;
    if (old(20, 0, 0, 0) != getpid()) return 77;
    old(102, 1, (long)args, 0);
    old(359, 1, 1, 0);
    if (!fork()) { old(64, 0, 0, 0); _exit(0); }
    __asm__ volatile("syscall" : "+a"(result) : : "rcx", "r11", "memory");
    wait(0);
    return 0;
}
"#;

#[test]
#[cfg(target_arch = "x86_64")]
fn programs_of_three_abis_are_imported_as_they_are() {
    let Some(lab) = Lab::nobody_with("t2", &["strace", "gcc"]) else { return };
    lab.write("mixed.c", MIXED);
    lab.sh("gcc -static -no-pie -O1 -o mixed mixed.c").expect(0);
    if lab.sh("./mixed").run().code() != 0 {
        return skip("t2", "this kernel has no 32-bit calls");
    }
    lab.callgate("record -o recorded -- ./mixed").expect(0);
    let recorded = calls(&lab, "recorded");
    assert!(recorded.contains_key("x86 socketcall") && recorded.contains_key("x32 getpid"), "{recorded:?}");
    // A number says it all.
    lab.sh("strace -f -n -o log ./mixed").expect(0);
    lab.callgate("import --from strace log -o numbered").expect(0);
    assert_eq!(names(&calls(&lab, "numbered")), names(&recorded));
    // Mode lines say the ABI; which of socket and socketcall it was they do not, so it is both, as here.
    for (options, redirection) in [("-e quiet=none -o log", ""), ("", "2>log"), ("-tt -y", "2>log")] {
        lab.sh(&format!("strace -f {options} ./mixed {redirection}")).expect(0);
        lab.callgate("import --from strace log --force -o moded")
            .expect(0)
            .says("socket may have been made directly");
        assert_eq!(names(&calls(&lab, "moded")), names(&recorded), "{options}");
    }
    lab.sh("strace -f -c -o log ./mixed").expect(0);
    lab.callgate("import --from strace log --force -o table").expect(0);
    assert!(names(&calls(&lab, "table")).is_superset(&BTreeSet::from([
        "x86 getpid",
        "x86 getppid",
        "x32 getpid"
    ])));
}
