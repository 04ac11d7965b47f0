//! Recording from outside, by eBPF: how much memory it takes.

use std::fs;

use super::outside::{Group, Running, attached, lab, unified};
use super::outside_tasks::marks;
use crate::harness::until;

/// `worker PROCS NUMBER DONE`: moves into a cgroup, makes calls of which one is its own, says that it has, and waits.
const WORKER: &str = r#"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
int main(int argc, char **argv) {
  int fd = open(argv[1], O_WRONLY);
  if (write(fd, "0", 1) != 1) return 1;
  close(fd);
  if (!getenv("AGAIN")) { setenv("AGAIN", "", 1); execv(argv[0], argv); return 2; }
  long number = atol(argv[2]);
  for (int i = 0; i < 40; i++) {
    close(socket(AF_UNIX, SOCK_STREAM | i % 2 * SOCK_CLOEXEC, 0));
    close(open("/dev/null", i % 3 | i % 5 * O_APPEND));
    fcntl(0, i + number);
  }
  syscall(number);
  close(open(argv[3], O_CREAT | O_WRONLY, 0600));
  for (;;) pause();
}"#;
/// Cgroups, each with a process.
const GROUPS: u64 = 100;
/// Memory of callgate, its keeper, and the maps in the kernel, in KiB.
const MOST: u64 = 40 * 1024;

/// A number at the beginning of a line of `/proc`.
fn field(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// KiB of a process's pages; those of files and of its parent that it shares count in part.
fn pages(pid: &str) -> u64 {
    field(&fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap(), "Pss")
}

/// KiB of the maps that a process has a descriptor of, and of those that it has only mapped: each once, or more.
fn kernel_maps(pid: &str) -> u64 {
    let infos = fs::read_dir(format!("/proc/{pid}/fdinfo")).unwrap().flatten();
    let infos = infos.filter_map(|entry| fs::read_to_string(entry.path()).ok());
    let locked: u64 =
        infos.filter(|info| info.contains("map_id:")).map(|info| field(&info, "memlock") / 1024).sum();
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let ends = maps.lines().filter(|line| line.ends_with("bpf-map")).filter_map(|line| {
        let (begin, rest) = line.split_once('-')?;
        let end = rest.split_once(' ')?.0;
        Some((u64::from_str_radix(begin, 16).ok()?, u64::from_str_radix(end, 16).ok()?))
    });
    let mapped: u64 = ends.map(|(begin, end)| (end - begin) / 1024).sum();
    assert!(locked > 5000 && mapped > 5000, "{locked} KiB by descriptor, {mapped} KiB mapped");
    locked + mapped
}

#[test]
fn the_recorder_of_a_hundred_cgroups_takes_no_more_than_forty_megabytes() {
    let Some(lab) = lab(&["gcc"]) else { return };
    lab.compile("worker", WORKER);
    lab.sh("mkdir done").expect(0);
    let group = Group::new(unified(), &lab);
    let mut record = lab.callgate("record -o t");
    record.args(["--cgroup", group.path()]);
    let recording = record.start();
    attached(recording.pid());
    let worker = lab.path("worker");
    let workers: Vec<_> = (0..GROUPS)
        .map(|i| {
            let own = group.0.join(i.to_string());
            fs::create_dir(&own).unwrap();
            let [procs, done] = [own.join("cgroup.procs"), lab.path(&format!("done/{i}"))];
            let number = (600 + i).to_string();
            Running::start(
                worker.to_str().unwrap(),
                &[procs.to_str().unwrap(), &number, done.to_str().unwrap()],
            )
        })
        .collect();
    until("every process has made its calls", || {
        fs::read_dir(lab.path("done")).unwrap().count() == GROUPS as usize
    });
    let own = recording.pid().to_string();
    let keeper = fs::read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap();
    let pages: u64 = [own.as_str(), keeper.trim()].into_iter().map(pages).sum();
    let maps = kernel_maps(keeper.trim());
    println!("{pages} KiB of pages, {maps} KiB of maps in the kernel");
    assert!(pages + maps <= MOST, "{pages} KiB and {maps} KiB");
    drop(workers);
    recording.signal("TERM");
    recording.end().expect(0);
    let trace = lab.json("t");
    assert_eq!(marks(&trace), (600..600 + GROUPS).collect());
    assert_eq!((&trace["complete"], &trace["losses"]["sessions"]), (&true.into(), &0.into()));
}
