//! Calls that have to go ahead for something to start.

use std::collections::BTreeSet;

use callgate_core::errno::EPERM;
use callgate_core::floor::{self, Class, Found, Held, Way};

use super::super::prelude::*;
use crate::explain::start::{Ending, Start, start_of};
use crate::target::RuntimeName;

/// The runtimes of the targets whose own calls are known, each once; the newest runc and crun where nobody named any.
pub(super) fn runtimes(subject: &Subject<'_>) -> Vec<Found> {
    let named = subject.targets().iter().filter_map(|target| target.runtime);
    let named = named.filter(|runtime| matches!(runtime.name, RuntimeName::Runc | RuntimeName::Crun));
    let mut labels: BTreeSet<String> = BTreeSet::new();
    let found = named.filter_map(|runtime| {
        let label = format!("{}@{}", runtime.name.name(), runtime.version);
        labels.insert(label.clone()).then(|| floor::find(&label).ok())?
    });
    found.collect()
}

/// What becomes of a container under a profile, where that is not plain to see.
pub(in super::super) fn starts<'s>(subject: &'s Subject<'_>, profile: &Profile) -> &'s [Start] {
    subject.starts(|| {
        if subject.is_tangled(profile) {
            return Vec::new();
        }
        // A list of what is refused names none of what runtimes need.
        if profile.default.action.permits() && !refuses_any_need(subject, profile) {
            return Vec::new();
        }
        let nnp = subject.options.no_new_privs;
        let runtimes = runtimes(subject).into_iter().filter(|found| !has_all(subject, profile, found));
        let held = |found: Found| {
            let (meaning, permitted) = subject.meaning(profile);
            start_of(&Held { profile, meaning, permitted, native: subject.native() }, &found, nnp)
        };
        runtimes.map(held).filter(|start| start.ending != Ending::Starts).collect()
    })
}

/// Whether every call of the floor has a rule that allows it whatever its arguments, or gets an answer from the default that runtimes
/// live with: then there is nothing to work out.
fn has_all(subject: &Subject<'_>, profile: &Profile, found: &Found) -> bool {
    let lived_with = |class: Class| match (class, profile.default.action) {
        (Class::Tolerated, Action::Errno(_)) => true,
        (Class::OnlyEperm, Action::Errno(errno)) => errno == EPERM,
        _ => false,
    };
    let mut names = found.names(&Way::ALL, subject.options.no_new_privs);
    names.all(|(name, class)| {
        let unnamed = || subject.named(profile).of(name).next().is_none();
        is_allowed(subject, profile, name)
            || (lived_with(class) && unnamed())
            || sysno::number(subject.native(), name).is_none()
    })
}

/// Whether a rule allows a call whatever its arguments. For whom a rule with Docker's keys holds is not asked here, as it is not
/// when a floor is held against a profile.
fn is_allowed(subject: &Subject<'_>, profile: &Profile, call: &str) -> bool {
    let mut mentions = subject.named(profile).of(call);
    mentions.any(|m| m.rule.action.action == Action::Allow && m.rule.conditions.is_empty())
}

fn refuses_any_need(subject: &Subject<'_>, profile: &Profile) -> bool {
    let refused = |name: &str| subject.named(profile).of(name).any(|m| !m.rule.action.action.permits());
    let names =
        |found: &Found| found.names(&Way::ALL, subject.options.no_new_privs).any(|(name, _)| refused(name));
    runtimes(subject).iter().any(names)
}

/// A program that people run in containers, and the calls without which it does not get as far as its own first line.
pub(super) struct Program {
    /// What it is called in a sentence.
    pub(super) name: &'static str,
    /// Words of images that it is in.
    pub(super) images: &'static [&'static str],
    calls: &'static [&'static str],
}

/// Measured on x86_64 under Linux 6.18, by refusing one call at a time with EPERM: Debian 12's glibc 2.36, musl 1.2.6, Go 1.19, Python
/// 3.11, Node 20, OpenJDK 17. `newfstatat` and `fstat`, `clone` and `clone3` stand in for each other, by libc.
pub(super) const PROGRAMS: [Program; 6] = [
    Program {
        name: "a statically linked program",
        images: &["scratch", "static"],
        calls: &["arch_prctl", "execve", "exit_group"],
    },
    Program {
        name: "a program with a shared libc",
        images: &["debian", "ubuntu", "nginx", "redis", "postgres", "httpd", "mysql", "mariadb"],
        calls: &["arch_prctl", "close", "execve", "exit_group", "mmap", "mprotect", "openat", "read"],
    },
    Program {
        name: "a Go program",
        images: &["golang", "go"],
        calls: &[
            "arch_prctl",
            "clone",
            "execve",
            "exit_group",
            "futex",
            "mmap",
            "rt_sigaction",
            "rt_sigprocmask",
            "sigaltstack",
        ],
    },
    Program {
        name: "Python",
        images: &["python"],
        calls: &[
            "arch_prctl",
            "close",
            "execve",
            "exit_group",
            "fcntl",
            "futex",
            "getdents64",
            "mmap",
            "mprotect",
            "openat",
            "read",
        ],
    },
    Program {
        name: "Node.js",
        images: &["node"],
        calls: &[
            "arch_prctl",
            "close",
            "epoll_create1",
            "epoll_ctl",
            "epoll_pwait",
            "eventfd2",
            "execve",
            "exit",
            "exit_group",
            "fcntl",
            "futex",
            "getrandom",
            "madvise",
            "mmap",
            "mprotect",
            "munmap",
            "openat",
            "pipe2",
            "read",
            "rt_sigaction",
            "rt_sigprocmask",
            "uname",
            "write",
        ],
    },
    Program {
        name: "a Java program",
        images: &["openjdk", "java", "temurin", "corretto", "jre", "jdk", "tomcat"],
        calls: &[
            "access",
            "arch_prctl",
            "close",
            "execve",
            "exit",
            "exit_group",
            "futex",
            "getcwd",
            "mmap",
            "mprotect",
            "munmap",
            "openat",
            "read",
            "readlink",
            "rt_sigaction",
            "rt_sigreturn",
        ],
    },
];

impl Program {
    /// What it lacks under a profile, on this machine.
    pub(super) fn lacks(&self, subject: &Subject<'_>, profile: &Profile) -> Vec<&'static str> {
        if subject.is_tangled(profile) {
            return Vec::new();
        }
        let arch = subject.native();
        let refused = |name: &&&str| match sysno::number(arch, name) {
            Some(nr) => {
                !is_allowed(subject, profile, name) && subject.meaning(profile).1.region(arch, nr).is_empty()
            }
            None => false,
        };
        self.calls.iter().filter(refused).copied().collect()
    }
}
