//! Programs that enter the kernel by other doors than their machine's own: 32-bit ones, `int 0x80`, x32 numbers.

use std::collections::BTreeSet;
use std::process::Command;

use super::{ACTIONS, holds, runtimes};
use crate::harness::{Lab, skip};

const BACKENDS: [&str; 3] = ["notify", "trace", "ptrace"];
/// What a program of two ABIs prints.
const BOTH_PRINT: &str = "same process\n";
/// getpid by both doors, and a call that only the 32-bit ABI has.
const BOTH: &str = r#"
#include <stdio.h>
#include <unistd.h>
static long compat(long number) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number) : "memory", "r8", "r9", "r10", "r11");
    return result;
}
int main(void) {
    if (compat(20) != getpid() || compat(199) != (long) getuid()) return 1;
    return puts("same process") < 0;
}
"#;
/// getpid, or another number, with the bit of x32; prints the errno.
const X32: &str = r#"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv) {
    long number = argc > 1 ? atol(argv[1]) : SYS_getpid;
    printf("%d\n", syscall(0x40000000L | number) < 0 ? errno : 0);
    return 0;
}
"#;

/// Programs for x86 and x32 can be made and run here.
fn lab() -> Option<Lab> {
    if cfg!(not(target_arch = "x86_64")) {
        println!("skipped: x86 and x32 are ABIs of x86_64");
        return None;
    }
    Lab::nobody_with("t2", &["gcc"])
}

/// Whether the kernel runs 32-bit programs, which it can be told not to (`ia32_emulation=`).
pub(in crate::t2) fn runs_compat(lab: &Lab) -> bool {
    if cfg!(not(target_arch = "x86_64")) {
        println!("skipped: int 0x80 is an instruction of x86");
        return false;
    }
    lab.compile("both", BOTH);
    let runs = lab.program("./both").run().stdout == BOTH_PRINT;
    if !runs {
        println!("skipped: this kernel has no 32-bit system calls");
    }
    runs
}

/// Every call of a trace as `ABI:name`, and how often.
fn counted(lab: &Lab, trace: &str, abi: &str) -> BTreeSet<String> {
    let trace = lab.json(trace);
    let calls = trace["calls"].as_array().unwrap().iter().filter(|c| c["arch"] == abi);
    calls.map(|c| format!("{}:{}", c["name"].as_str().unwrap_or("?"), c["count"])).collect()
}

fn architectures(lab: &Lab) -> String {
    lab.json("p.json")["architectures"].to_string()
}

#[test]
fn a_64_bit_program_that_uses_int_0x80() {
    let Some(lab) = lab() else { return };
    if !runs_compat(&lab) {
        return;
    }
    for backend in BACKENDS {
        lab.callgate(&format!("record --force --backend {backend} -o t -- ./both")).expect(0);
        // Kept apart: what went by one door does not count for the other.
        let expected = ["getpid:1", "getuid32:1"].map(str::to_owned);
        assert_eq!(counted(&lab, "t", "x86"), BTreeSet::from(expected), "{backend}");
        assert!(counted(&lab, "t", "x86_64").contains("getpid:1"), "{backend}");
    }
    holds(&lab, "", &["./both"], BOTH_PRINT);
    assert_eq!(architectures(&lab), r#"["SCMP_ARCH_X86_64","SCMP_ARCH_X86"]"#);
}

#[test]
fn a_32_bit_program() {
    let Some(lab) = lab() else { return };
    if !runs_compat(&lab) {
        return;
    }
    lab.write("libc.c", runtimes::LIBC);
    let mut gcc = Command::new("gcc");
    let built =
        gcc.args(["-m32", "-pthread", "-o", "libc", "libc.c"]).current_dir(&lab.dir).output().unwrap();
    if !built.status.success() {
        return skip("t2", "gcc -m32 finds no 32-bit libc (package gcc-multilib)");
    }
    holds(&lab, "", &["./libc"], "3 Name:\tlibc\n");
    assert_eq!(architectures(&lab), r#"["SCMP_ARCH_X86_64","SCMP_ARCH_X86"]"#);
    let trace = lab.callgate("record -o t -- ./libc").expect(0);
    trace.prints("3 Name:\tlibc\n");
    // Of the machine's own ABI there is the execve that started it, and nothing else.
    assert_eq!(counted(&lab, "t", "x86_64"), BTreeSet::from(["execve:1".to_owned()]));
}

#[test]
fn numbers_of_x32_are_recorded_and_decided_as_such() {
    let Some(lab) = lab() else { return };
    lab.compile("x32", X32);
    // ENOSYS from a kernel without x32, which is no reason to forget the call: the filter was asked.
    let alone = lab.program("./x32").expect(0).stdout;
    for backend in BACKENDS {
        lab.callgate(&format!("record --force --backend {backend} -o t -- ./x32")).expect(0).prints(&alone);
        assert_eq!(counted(&lab, "t", "x32"), BTreeSet::from(["getpid:1".to_owned()]), "{backend}");
    }
    holds(&lab, "", &["./x32"], &alone);
    assert_eq!(architectures(&lab), r#"["SCMP_ARCH_X86_64","SCMP_ARCH_X32"]"#);
    for backend in BACKENDS {
        // A number that nobody has is recorded, too, and stops the profile, which has no name for it.
        lab.callgate(&format!("record --force --backend {backend} -o t -- ./x32 9999"))
            .expect(0)
            .prints("38\n");
        assert_eq!(counted(&lab, "t", "x32").len(), 1, "{backend}");
        lab.callgate("generate t -o q.json").expect(2).says("9999 on x32 has no name");
    }
}

#[test]
fn other_abis_are_killed_where_they_are_not_listed_and_refused_where_they_are() {
    let Some(lab) = lab() else { return };
    lab.compile("x32", X32);
    let profile = |arches: &str| {
        format!(
            "{{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"architectures\": [\"SCMP_ARCH_X86_64\"{arches}], \"syscalls\": \
             [{{\"names\": [\"getpid\", \"getuid32\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 7}}]}}"
        )
    };
    let compat = runs_compat(&lab);
    for via in ["notify", "log", "trace"] {
        let run = |program: &str| {
            lab.callgate(&format!("run --profile p.json --stage enforce --via {via} -- ./{program}")).run()
        };
        lab.write("p.json", profile(""));
        // Killing the only thread is killing the process: by SIGSYS.
        assert_eq!(run("x32").code(), 159, "{via}");
        assert!(!compat || run("both").code() == 159, "{via}");
        lab.write("p.json", profile(", \"SCMP_ARCH_X86\", \"SCMP_ARCH_X32\""));
        let refused = run("x32").expect(0).prints("7\n");
        assert!(via == "log" || refused.stderr.contains("getpid() through x32"), "{via}: {}", refused.stderr);
        assert!(!compat || run("both").code() == 1, "{via}");
    }
    for action in ACTIONS {
        // As a learned profile has it: x32 was never seen, so it is not listed.
        lab.callgate(&format!("learn --force --default-action {action} -o p.json -- true")).expect(0);
        let ended = lab.callgate("run --profile p.json --stage enforce -- ./x32").run();
        assert_eq!(ended.code(), 159, "{action}: {}", ended.stderr);
    }
}
