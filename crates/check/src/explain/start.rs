//! Whether containers start under a profile, and what it lacks where they do not.

use std::collections::BTreeSet;

use callgate_core::floor::{Found, Held, Missing, Way};
use callgate_core::{Arch, Profile};

/// Whether a container starts, and whether anything can be executed in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It starts, and `exec` works.
    Starts,
    /// It starts, and nothing more can be executed in it, as probes and `exec` do.
    StartsOnly,
    /// It does not start.
    Fails,
}

impl Ending {
    /// `starts`, `starts-without-exec`, `fails`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Starts => "starts",
            Self::StartsOnly => "starts-without-exec",
            Self::Fails => "fails",
        }
    }
}

/// What becomes of a container under one runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// The runtime: `runc@1.1`.
    pub runtime: String,
    /// How far the answer can be relied on.
    pub note: Option<String>,
    /// Whether it starts.
    pub ending: Ending,
    /// The calls without which it does not start, or nothing can be executed in it; sorted, each once.
    pub lacks: Vec<Missing>,
}

/// Holds the runtime's own calls against the profile.
pub fn start(profile: &Profile, arch: Arch, found: &Found, no_new_privs: Option<bool>) -> Start {
    let meaning = callgate_core::profile::meaning_on(profile, [arch]);
    start_of(&Held { profile, meaning: &meaning, native: arch }, found, no_new_privs)
}

/// The same, where what the profile means was worked out before.
pub fn start_of(held: &Held<'_>, found: &Found, no_new_privs: Option<bool>) -> Start {
    let [create, exec] = Way::ALL.map(|way| {
        let missing = held.lacks(found, way, no_new_privs);
        missing.into_iter().filter(|missing| missing.fatal).collect::<Vec<_>>()
    });
    let ending = match (create.is_empty(), exec.is_empty()) {
        (false, _) => Ending::Fails,
        (true, false) => Ending::StartsOnly,
        (true, true) => Ending::Starts,
    };
    let mut lacks = create;
    for missing in exec {
        if !lacks.iter().any(|other| other.name == missing.name) {
            lacks.push(missing);
        }
    }
    lacks.sort_by_key(|missing| missing.name);
    Start { runtime: found.label(), note: found.note.clone(), ending, lacks }
}

/// The calls that a profile lacks for all of these to start, and to have something executed in them.
pub fn lacking<'s>(starts: impl IntoIterator<Item = &'s Start>) -> BTreeSet<&'static str> {
    starts.into_iter().flat_map(|start| start.lacks.iter().map(|missing| missing.name)).collect()
}

#[cfg(test)]
mod tests {
    use callgate_core::profile::{Rule, read};
    use callgate_core::{Action, floor};

    use super::*;

    /// The four kinds of profile that people write by hand and copy: a list for a server, the fewest calls of a program,
    /// a list of files and sockets with one socket family, and lists by topic. Each forgets the runtime.
    const BY_HAND: [&str; 4] = [
        r#"{"names":["accept4","bind","brk","clone","close","connect","epoll_wait","exit_group","fcntl","fstat","futex",
            "getpid","listen","mmap","mprotect","openat","read","recvfrom","rt_sigaction","sendto","socket","stat",
            "write"],"action":"SCMP_ACT_ALLOW"}"#,
        r#"{"names":["read","write","exit","exit_group","rt_sigreturn"],"action":"SCMP_ACT_ALLOW"}"#,
        r#"{"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":2,"op":"SCMP_CMP_EQ"}]},
           {"names":["read","write","open","close","connect"],"action":"SCMP_ACT_ALLOW"}"#,
        r#"{"names":["open","openat","close"],"action":"SCMP_ACT_ALLOW"},
           {"names":["mmap","munmap","brk"],"action":"SCMP_ACT_ALLOW"},
           {"names":["socket","connect"],"action":"SCMP_ACT_ALLOW"}"#,
    ];

    #[test]
    fn profiles_written_by_hand_do_not_start_and_what_they_lack_makes_them_start() {
        for (rules, runtime) in BY_HAND.iter().flat_map(|rules| ["runc", "crun@1.8"].map(|r| (rules, r))) {
            let text = format!(r#"{{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{rules}]}}"#);
            let (mut profile, _) = read(&text).expect("it is a profile");
            let found = floor::find(runtime).expect("it is known");
            let first = start(&profile, Arch::X86_64, &found, None);
            assert_eq!(first.ending, Ending::Fails, "{runtime}: {rules}");
            assert!(lacking([&first]).contains("execve"), "{runtime}");
            let names = lacking([&first]).into_iter().map(str::to_owned);
            profile.rules.push(Rule::new(names, Action::Allow));
            let second = start(&profile, Arch::X86_64, &found, None);
            assert_eq!((second.ending, second.lacks), (Ending::Starts, Vec::new()), "{runtime}: {rules}");
        }
    }
}
