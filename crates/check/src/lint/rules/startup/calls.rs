//! Calls that have to go ahead for something to start.

use std::collections::BTreeSet;

use callgate_core::errno::EPERM;
use callgate_core::floor::{self, Class, Found, Held, Way};
use callgate_core::set::CallSet;

use super::super::prelude::*;
use crate::explain::start::{Ending, Start, lacking, start_of};
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
            let meaning = subject.meaning(profile);
            start_of(&Held { profile, meaning, native: subject.native() }, &found, nnp)
        };
        runtimes.map(held).filter(|start| start.ending != Ending::Starts).collect()
    })
}

/// Runtimes under which containers end in one way: their names for a sentence, and the calls that would be needed.
pub(super) fn ending(starts: &[Start], ending: Ending) -> Option<(String, BTreeSet<&'static str>)> {
    let those: Vec<&Start> = starts.iter().filter(|start| start.ending == ending).collect();
    let runtimes = those.iter().map(|start| start.runtime.as_str()).collect::<Vec<_>>().join(" and ");
    (!those.is_empty()).then(|| (runtimes, lacking(those.iter().copied())))
}

/// Whether it is plain to see that every call of the floor goes ahead, or gets an answer that runtimes live with: then there is
/// nothing to work out.
fn has_all(subject: &Subject<'_>, profile: &Profile, found: &Found) -> bool {
    let lived_with = |class: Class, action: Action| match (class, action) {
        (Class::Tolerated, Action::Errno(_)) => matches!(profile.default.action, Action::Errno(_)),
        (Class::OnlyEperm, Action::Errno(errno)) => errno == EPERM,
        _ => false,
    };
    let mut names = found.names(&Way::ALL, subject.options.no_new_privs);
    names.all(|(name, class)| {
        if is_allowed(subject, profile, name) || sysno::number(subject.native(), name).is_none() {
            return true;
        }
        let mut mentions = subject.named(profile).of(name);
        match (mentions.next(), mentions.next()) {
            (None, _) => lived_with(class, profile.default.action),
            (Some(only), None) if only.rule.conditions.is_empty() => {
                lived_with(class, only.rule.action.action)
            }
            _ => false,
        }
    })
}

/// Whether a rule allows a call whatever its arguments. For whom a rule with Docker's keys holds is not asked here, as it is not
/// when a floor is held against a profile.
fn is_allowed(subject: &Subject<'_>, profile: &Profile, call: &str) -> bool {
    // A rule without conditions beats the others, and the first of several stands.
    let mut mentions = subject.named(profile).of(call);
    let first = mentions.find(|mention| mention.rule.conditions.is_empty());
    first.is_some_and(|mention| mention.rule.action.action == Action::Allow)
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
                !is_allowed(subject, profile, name)
                    && CallSet::region_where(subject.meaning(profile), arch, nr, Action::permits).is_empty()
            }
            None => false,
        };
        self.calls.iter().filter(refused).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use callgate_core::profile::{Lines, json};
    use proptest::prelude::*;

    use super::super::super::super::embedded::SourceMap;
    use super::super::super::super::options::Options;
    use super::*;

    /// What runc and crun call, sorted.
    fn floors() -> Vec<&'static str> {
        let runtimes = ["runc", "crun"].map(|runtime| floor::find(runtime).expect("it is known"));
        let all: BTreeSet<&str> =
            runtimes.iter().flat_map(|found| found.names(&Way::ALL, None)).map(|(name, _)| name).collect();
        all.into_iter().collect()
    }

    /// A profile that allows what runc and crun call, but for some of it, about which there are other rules, or none.
    fn text(default: &str, others: &[(usize, &str)]) -> String {
        let all = floors();
        let at = |index: usize| all[index % all.len()];
        let allowed: Vec<String> = (all.iter())
            .filter(|name| others.iter().all(|(index, _)| at(*index) != **name))
            .map(|name| format!("\"{name}\""))
            .collect();
        let rules = others.iter().filter(|(_, rule)| !rule.is_empty());
        let mut all = vec![format!(r#"{{"names":[{}],"action":"SCMP_ACT_ALLOW"}}"#, allowed.join(","))];
        all.extend(rules.map(|(index, rule)| format!(r#"{{"names":["{}"],{rule}}}"#, at(*index))));
        format!(r#"{{"defaultAction":{default},"syscalls":[{}]}}"#, all.join(","))
    }

    /// Whether it is plain that containers start with a profile; if so, they have to.
    fn is_plain(text: &str) -> Vec<bool> {
        let options = Options::new(Arch::X86_64, "2026-11-26");
        let (node, map) = (json::parse(text).expect("JSON"), SourceMap::identity());
        let lines = Lines::of(text);
        let subject = Subject::of((text, &lines), (&node, text, &map), &options);
        let profile = subject.profile().expect("it is a profile");
        let judged = runtimes(&subject).into_iter().map(|found| {
            let held = Held { profile, meaning: subject.meaning(profile), native: subject.native() };
            let plain = has_all(&subject, profile, &found);
            let start = start_of(&held, &found, None);
            assert!(!plain || start.ending == Ending::Starts, "{start:?}: {text}");
            plain
        });
        judged.collect()
    }

    #[test]
    fn what_is_refused_and_lived_with_is_plain() {
        let errno = r#""SCMP_ACT_ERRNO""#;
        assert_eq!(is_plain(&text(errno, &[])), [true, true]);
        assert!(is_plain(&text(r#""SCMP_ACT_KILL""#, &[])).contains(&true));
        let fsopen = floors().iter().position(|name| *name == "fsopen").expect("runc calls it");
        let refused = is_plain(&text(errno, &[(fsopen, r#""action":"SCMP_ACT_ERRNO","errnoRet":38"#)]));
        assert_eq!(refused, [true, true]);
        assert_eq!(is_plain(&text(errno, &[(fsopen, r#""action":"SCMP_ACT_KILL""#)])), [false, true]);
    }

    const DEFAULTS: &[&str] = &[
        r#""SCMP_ACT_ERRNO""#,
        r#""SCMP_ACT_ERRNO","defaultErrnoRet":38"#,
        r#""SCMP_ACT_KILL_PROCESS""#,
        r#""SCMP_ACT_TRACE""#,
        r#""SCMP_ACT_TRAP""#,
        r#""SCMP_ACT_LOG""#,
    ];
    const RULES: &[&str] = &[
        "",
        r#""action":"SCMP_ACT_ERRNO""#,
        r#""action":"SCMP_ACT_ERRNO","errnoRet":38"#,
        r#""action":"SCMP_ACT_ERRNO","errnoRet":13"#,
        r#""action":"SCMP_ACT_KILL""#,
        r#""action":"SCMP_ACT_LOG""#,
        r#""action":"SCMP_ACT_ALLOW""#,
        r#""action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":2114060288,"op":"SCMP_CMP_MASKED_EQ"}]"#,
        r#""action":"SCMP_ACT_ALLOW","args":[{"index":1,"value":21522,"op":"SCMP_CMP_NE"}]"#,
        r#""action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":16,"op":"SCMP_CMP_EQ"}]"#,
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whoever_has_all_starts(
            default in prop::sample::select(DEFAULTS),
            others in prop::collection::vec((any::<usize>(), prop::sample::select(RULES)), 0..3),
        ) {
            is_plain(&text(default, &others));
        }
    }
}
