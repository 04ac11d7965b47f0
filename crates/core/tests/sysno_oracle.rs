//! Holds the system call tables against tables that others made: libseccomp's, asked through `scmp_sys_resolver`, and a
//! list of libseccomp's newest table that the environment may name.
//!
//! Both are oracles only. Neither is a source of our data.
#![expect(clippy::print_stderr, reason = "a skipped rung says why")]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use callgate_core::{Arch, sysno};

/// Where an oracle and our tables part, and why ours stands: `(arch, name, reason)`.
const KNOWN: &[(Arch, &str, &str)] = &[
    (
        Arch::Loongarch64,
        "memfd_secret",
        "the headers of Linux 7.2 have it (linux-libc-dev 7.2.13, asm/unistd_64.h); libseccomp's table is of 7.1-rc4",
    ),
    (
        Arch::X32,
        "map_shadow_stack",
        "x86_64 only until 6.10 (\"x86/shstk: Enable shadow stacks for x32\"); libseccomp 2.5 has the older state",
    ),
];

/// The resolver's answer for a name that its version does not know; other negative numbers mean that the name exists, but
/// not on this architecture (`__NR_SCMP_ERROR`, `include/seccomp.h`).
const UNKNOWN: i64 = -1;
/// Answers for calls that go through socketcall(2) or ipc(2). libseccomp gives them wherever that multiplexer exists,
/// whether or not there is a call of its own as well, so they say nothing about one (`__PNR_socket` … `__PNR_shmctl`,
/// `include/seccomp-syscalls.h`; `seccomp_syscall_resolve_name_arch(3)`).
const MULTIPLEXED: std::ops::RangeInclusive<i64> = -299..=-100;

/// What `scmp_sys_resolver` says to one question; `None` if it refuses, as it does for architectures it does not know.
fn ask(arch: Arch, question: &str) -> Option<String> {
    let out = Command::new("scmp_sys_resolver").args(["-a", arch.name(), question]).output().ok()?;
    let text = String::from_utf8(out.stdout).ok()?.trim().to_owned();
    (out.status.success() && !text.is_empty()).then_some(text)
}

/// Why the oracle cannot be asked. Panics when the environment says that it must be there.
fn missing(what: &str) -> String {
    let required = env::var("CALLGATE_REQUIRE").unwrap_or_default();
    assert!(!required.split(',').any(|rung| rung.trim() == "t2"), "{what}, but CALLGATE_REQUIRE has t2");
    format!("skipped: {what}")
}

/// The number the kernel sees: x32 with its bit.
fn raw(arch: Arch, name: &str) -> Option<i64> {
    sysno::number(arch, name).map(|nr| i64::from(arch.raw(nr).1))
}

fn is_known_difference(arch: Arch, name: &str) -> bool {
    KNOWN.iter().any(|(a, n, _)| (*a, *n) == (arch, name))
}

/// Architectures this version of the resolver knows.
fn resolvable() -> Option<Vec<Arch>> {
    let archs: Vec<Arch> = Arch::ALL.into_iter().filter(|arch| ask(*arch, "read").is_some()).collect();
    if archs.is_empty() {
        eprintln!("{}", missing("no scmp_sys_resolver here (Debian package `seccomp`)"));
        return None;
    }
    Some(archs)
}

#[test]
fn every_name_has_the_number_that_libseccomp_gives_it() {
    let Some(archs) = resolvable() else { return };
    let mut wrong = Vec::new();
    for arch in archs {
        for name in sysno::names() {
            let Some(answer) = ask(arch, name).and_then(|text| text.parse::<i64>().ok()) else { continue };
            let says_nothing = answer == UNKNOWN || MULTIPLEXED.contains(&answer);
            let expected = (answer >= 0).then_some(answer);
            let ours = raw(arch, name);
            if !says_nothing && ours != expected && !is_known_difference(arch, name) {
                wrong.push(format!("{arch} {name}: {ours:?}, libseccomp {answer}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_number_has_the_name_that_libseccomp_gives_it() {
    let Some(archs) = resolvable() else { return };
    let mut wrong = Vec::new();
    for arch in archs {
        for nr in (0..=471).chain(512..=547).chain(0xf_0001..=0xf_0006) {
            let Some(name) = ask(arch, &arch.raw(nr).1.to_string()) else { continue };
            if name != "UNKNOWN" && sysno::name(arch, nr) != Some(name.as_str()) {
                wrong.push(format!("{arch} {nr}: {:?}, libseccomp {name}", sysno::name(arch, nr)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Reads the shared list: `name,x86_64,…` with a number or `PNR` per architecture.
fn shared_table(text: &str) -> Vec<BTreeMap<&str, &str>> {
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    lines.map(|line| header.iter().copied().zip(line.split(',')).collect()).collect()
}

#[test]
fn the_tables_agree_with_the_newest_list_of_libseccomp() {
    let Ok(shared) = env::var("CALLGATE_SHARED") else {
        eprintln!("skipped: CALLGATE_SHARED is not set");
        return;
    };
    let path = Path::new(&shared).join("data/syscalls-k8s-arches.csv");
    let text = fs::read_to_string(&path).expect("the list is readable");
    let rows = shared_table(&text);
    assert!(rows.len() > 400, "{} rows", rows.len());
    let mut wrong = Vec::new();
    let listed = |name: &str| rows.iter().find(|row| row.get("name") == Some(&name));
    for arch in Arch::ALL {
        let column = if arch == Arch::Ppc64le { "ppc64" } else { arch.name() };
        let mut names: Vec<&str> = rows.iter().filter_map(|row| row.get("name").copied()).collect();
        for entry in sysno::table(arch) {
            names.push(entry.name());
        }
        for name in names {
            let theirs = listed(name).and_then(|row| row.get(column)?.parse::<u32>().ok());
            // The list has x32 numbers with or without their bit, as the row pleases.
            let theirs =
                theirs.map(|nr| if arch == Arch::X32 { nr & !callgate_core::arch::X32_BIT } else { nr });
            let ours = sysno::number(arch, name);
            if ours != theirs && !is_known_difference(arch, name) {
                wrong.push(format!("{arch} {name}: {ours:?}, the list {theirs:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
