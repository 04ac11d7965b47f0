//! Recording from outside, by eBPF: what becomes of tasks.

use super::outside::lab;

/// Loads a filter that allows everything, and executes what it is given.
const ALLOW: &str = r"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <unistd.h>
int main(int argc, char **argv) {
  struct sock_filter f[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
  struct sock_fprog p = { 1, f };
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p)) return 1;
  execvp(argv[1], argv + 1);
  return 2;
}";

#[test]
fn births_under_a_filter_are_answered_by_nobody() {
    let Some(lab) = lab(&["gcc", "python3"]) else { return };
    lab.compile("allow", ALLOW);
    let python = "import os, threading\nfor i in range(3):\n t = threading.Thread(target=os.getppid); t.start(); t.join()\n\
                  if os.fork() == 0: os._exit(0)\nos.wait()";
    lab.write("births", format!("ls / >/dev/null; (umask 77); python3 -c '{python}'"));
    lab.callgate("record --backend ebpf -o t")
        .command(&["./allow", "sh", "births"])
        .expect(0)
        .never_says("supervisor");
    let trace = lab.json("t");
    assert!(trace["calls"].as_array().unwrap().iter().all(|c| c["refused"].is_null()), "{trace}");
}
