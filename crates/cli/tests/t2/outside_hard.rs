//! Recording from outside what makes it hard: many processes, namespaces, ABIs, threads, process ids that come back.

use std::collections::BTreeSet;

use serde_json::Value;

use super::outside::{Running, lab, names};
use crate::harness::{Lab, skip, until};

/// A program that waits for the file `go` and then does this.
fn waiting(lab: &Lab, python: &str) -> Running {
    let go = lab.path("go").display().to_string();
    let script =
        format!("import os, time, ctypes\nwhile not os.path.exists('{go}'): time.sleep(0.01)\n{python}");
    Running::start("python3", &["-c", &script])
}

/// Records a process from before `go` on, until it ends.
fn recorded(lab: &Lab, running: &Running) -> Value {
    let script = format!(
        "rm -f t; \"$CALLGATE\" record --pid {} -o t & r=$!
         n() {{ ls -l /proc/$(cat /proc/$r/task/$r/children | tr -d ' ')/fd 2>/dev/null | grep -c bpf_link; }}
         until test \"$(n)\" -ge 3; do sleep 0.02; done; sleep 0.1; touch go; wait $r",
        running.pid()
    );
    lab.sh(&script).expect(0);
    std::fs::remove_file(lab.path("go")).unwrap();
    lab.json("t")
}

#[test]
fn short_lived_processes_are_all_seen() {
    let Some(lab) = lab(&["python3"]) else { return };
    // Two thousand in a few seconds, and one in ten makes a call that nobody else makes.
    let running = waiting(
        &lab,
        "libc = ctypes.CDLL(None)\nfor i in range(2000):\n p = os.fork()\n if p == 0:\n  \
         libc.syscall(600 + i // 10) if i % 10 == 0 else None\n  os._exit(0)\n os.waitpid(p, 0)",
    );
    let trace = recorded(&lab, &running);
    let odd: BTreeSet<u64> = trace["calls"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|c| c["nr"].as_u64())
        .filter(|n| *n >= 600)
        .collect();
    assert_eq!(odd, (600..800).collect());
    assert_eq!((&trace["complete"], &trace["losses"]["births"]), (&true.into(), &0.into()));
}

#[test]
fn namespaces_of_its_own_hide_nothing() {
    let Some(lab) = lab(&["python3", "unshare"]) else { return };
    let running = waiting(
        &lab,
        "os.system('unshare --mount --cgroup --pid --fork --ipc --uts sh -c \"umask 77; chmod 700 .\"')",
    );
    let names = names(&recorded(&lab, &running));
    assert!(names.contains("unshare") && names.contains("umask") && names.contains("fchmodat"), "{names:?}");
}

#[test]
fn a_32_bit_program_that_is_executed_is_seen_through_its_own_abi() {
    let Some(lab) = lab(&["python3", "gcc"]) else { return };
    if cfg!(not(target_arch = "x86_64")) {
        return println!("skipped: the program is i386's");
    }
    lab.write("narrow.c", "#include <sys/stat.h>\nint main(void) { umask(077); return 0; }\n");
    let built = lab.sh("gcc -m32 -o narrow narrow.c").run();
    if built.code() != 0 {
        return skip("t2", "gcc -m32 finds no 32-bit libc (package gcc-multilib)");
    }
    let running = waiting(&lab, &format!("os.system('{}')", lab.path("narrow").display()));
    let trace = recorded(&lab, &running);
    let calls = trace["calls"].as_array().unwrap();
    assert!(calls.iter().any(|c| c["arch"] == "x86" && c["name"] == "umask"), "{trace}");
}

#[test]
fn threads_that_are_born_while_it_attaches_are_seen() {
    let Some(lab) = lab(&["javac", "java"]) else { return };
    // Threads come and go all the time; the last one makes a call that no other makes.
    lab.write(
        "Spawns.java",
        "public class Spawns {\n    public static void main(String[] args) throws Exception {\n        \
         while (!new java.io.File(\"done\").exists())\n            for (int i = 0; i < 50; i++) new Thread(() -> {}).start();\n        \
         Thread last = new Thread(() -> new java.io.File(\"made\").mkdir());\n        last.start();\n        last.join();\n    }\n}\n",
    );
    lab.program("javac").arg("Spawns.java").expect(0);
    for _ in 0..3 {
        let _ = std::fs::remove_dir(lab.path("made"));
        let script = "rm -f done t; java -Xmx64m -cp . Spawns & j=$!; sleep 0.5; \"$CALLGATE\" record --pid $j -o t & r=$!
             n() { ls -l /proc/$(cat /proc/$r/task/$r/children | tr -d ' ')/fd 2>/dev/null | grep -c bpf_link; }
             until test \"$(n)\" -ge 3; do sleep 0.02; done; sleep 0.3; touch done; wait $r";
        lab.sh(script).expect(0);
        let trace = lab.json("t");
        assert!(names(&trace).contains("mkdir"), "{:?}", names(&trace));
        assert_eq!(trace["complete"], true, "{}", trace["losses"]);
    }
}

#[test]
fn a_process_that_gets_the_id_of_one_that_was_recorded_is_not_recorded() {
    let Some(lab) = lab(&["unshare", "sleep"]) else { return };
    // In a pid namespace of its own nobody else takes numbers.
    let script = "cd \"$1\"
        sh -c 'until test -e go; do sleep 0.02; done; sh -c \"echo \\$\\$ > first\"; exec sleep 3' & s=$!
        \"$CALLGATE\" record --pid $s --backend ebpf -o t & r=$!
        n() { ls -l /proc/$(cat /proc/$r/task/$r/children | tr -d ' ')/fd 2>/dev/null | grep -c bpf_link; }
        until test \"$(n)\" -ge 3; do sleep 0.02; done; sleep 0.1; touch go
        until test -s first; do sleep 0.02; done
        until ! test -e /proc/$(cat first); do sleep 0.02; done; sleep 0.1
        echo $(($(cat first) - 1)) > /proc/sys/kernel/ns_last_pid
        sh -c 'echo $$ > second; umask 77'
        wait $r";
    lab.write("reuse.sh", script);
    lab.sh("unshare --pid --fork --mount-proc sh reuse.sh \"$PWD\"").expect(0);
    until("both have said their ids", || lab.has("second"));
    if lab.read("first") != lab.read("second") {
        return skip("t2", "ns_last_pid did not bring a process id back");
    }
    let names = names(&lab.json("t"));
    assert!(names.contains("execve") && !names.contains("umask"), "{names:?}");
}
