//! A trace of one architecture as another would have made it: by what calls do, never by their numbers.
//!
//! Newer architectures have no `open`, `fork` or `poll`; their C library makes `openat`, `clone` and `ppoll` instead
//! (`include/uapi/asm-generic/unistd.h` lists what they have). Argument values go over by name: the same constant may
//! have another number. What has no counterpart is said.

use std::collections::{BTreeMap, BTreeSet};

use super::counterparts;
use super::{Outcome, Record, Trace, Values, learned_value};
use crate::arch::Arch;
use crate::args::{self, Class, Param};
use crate::import::name::carrier;
use crate::sysno;

/// SIGCHLD, and the flags of a vfork (clone(2)): what fork and vfork are as a clone.
const FORKS: &[(&str, u64)] = &[("fork", 0x11), ("vfork", 0x4111)];

/// A translated trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translated {
    /// Every call as the architecture would make it.
    pub trace: Trace,
    /// Call → what it was translated from: `open on x86_64`.
    pub from: BTreeMap<String, String>,
    /// What has no counterpart, and what was widened.
    pub notes: Vec<String>,
}

/// Translates a trace to `to`; calls that were made on `to` stay as they are.
pub fn translate(trace: &Trace, to: Arch) -> Translated {
    let mut done = Translated {
        trace: Trace { calls: BTreeMap::new(), ..trace.clone() },
        from: BTreeMap::new(),
        notes: Vec::new(),
    };
    for ((arch, nr, outcome), record) in &trace.calls {
        let Some(name) = sysno::name(*arch, *nr) else {
            done.keep((*arch, *nr, *outcome), record.clone());
            continue;
        };
        if *arch == to {
            done.keep((*arch, *nr, *outcome), record.clone());
            continue;
        }
        done.call(*arch, name, *outcome, record, to);
    }
    done.notes.sort();
    done.notes.dedup();
    done
}

impl Translated {
    fn keep(&mut self, key: (Arch, u32, Outcome), record: Record) {
        let other = Trace { calls: BTreeMap::from([(key, record)]), ..Trace::default() };
        self.trace.merge(&other);
    }

    fn call(&mut self, from: Arch, name: &str, outcome: Outcome, record: &Record, to: Arch) {
        let known = counterparts::of(name, to);
        if known.is_empty() {
            if !counterparts::NEEDLESS.contains(&name) {
                self.notes
                    .push(format!("{name} has no counterpart on {to}: what it did is not in the profile"));
            }
            return;
        }
        for counterpart in known {
            let Some(nr) = sysno::number(to, counterpart) else { continue };
            let mut copy = Record { args: BTreeMap::new(), ..record.clone() };
            self.arguments((from, name), (to, counterpart), record, &mut copy);
            self.keep((to, nr, outcome), copy);
            let text = format!("{name} on {from}");
            self.from.entry(counterpart.to_owned()).and_modify(|t| join(t, &text)).or_insert(text);
        }
        self.carried((from, name), outcome, record, to);
    }

    /// i386's C library makes calls of sockets and of System V by socketcall(2) and ipc(2), where it is not built for
    /// Linux 4.3 and later.
    fn carried(&mut self, (from, name): (Arch, &str), outcome: Outcome, record: &Record, to: Arch) {
        let Some(carrier) = carrier(to, name) else { return };
        let seen = Values { seen: BTreeMap::from([(carrier.call, None)]), widened: false };
        let args = BTreeMap::from([(0, seen)]);
        self.keep((to, carrier.nr, outcome), Record { args, count: None, ..record.clone() });
        let called = sysno::name(to, carrier.nr).unwrap_or_default();
        let text = format!("{name} on {from}");
        self.from.entry(called.to_owned()).and_modify(|t| join(t, &text)).or_insert(text);
    }

    /// The values of one call's arguments as the other call, on the other architecture, takes them.
    fn arguments(
        &mut self,
        (from, name): (Arch, &str),
        (to, counterpart): (Arch, &str),
        record: &Record,
        copy: &mut Record,
    ) {
        let theirs = args::params_on(from, name).unwrap_or_default();
        let ours = args::params_on(to, counterpart).unwrap_or_default();
        for (index, param) in ours.iter().enumerate().take(6).filter(|(_, p)| p.class != Class::Never) {
            let values = theirs
                .iter()
                .position(|p| p.name == param.name)
                .and_then(|at| record.args.get(&(at as u8)).map(|values| (at, values)));
            let values = match values {
                Some((at, values)) => {
                    let translated = values_of((from, name, at), (to, counterpart, index), values);
                    if translated.widened && !values.widened {
                        self.notes.push(format!(
                            "{counterpart}: {} has values that {to} does not name; any is taken to have occurred",
                            param.name
                        ));
                    }
                    translated
                }
                None => usual(name, param),
            };
            copy.args.insert(index as u8, values);
        }
    }
}

fn join(text: &mut String, more: &str) {
    if !text.split(", ").any(|t| t == more) {
        text.push_str(", ");
        text.push_str(more);
    }
}

/// Values by their names.
fn values_of(
    (from, name, at): (Arch, &str, usize),
    (to, counterpart, index): (Arch, &str, usize),
    values: &Values,
) -> Values {
    let mut translated = Values { seen: BTreeMap::new(), widened: values.widened };
    for (value, count) in &values.seen {
        let text = args::format_value(from, name, at, *value);
        match args::parse_value(to, counterpart, index, &text) {
            Ok(value) => drop(translated.seen.insert(value, *count)),
            Err(_) => translated.widened = true,
        }
    }
    translated
}

/// What the C library passes where the old call had no such argument.
fn usual(name: &str, param: &Param) -> Values {
    let fork = FORKS.iter().find(|(call, _)| *call == name).map(|(_, flags)| *flags);
    let value = fork.filter(|_| param.name == "flags").unwrap_or(0);
    let kept = learned_value(param, value).unwrap_or(value);
    // Flags that open nothing are 0; of the others nothing is known.
    let widened = param.class == Class::Ordinary;
    let seen: BTreeSet<u64> = BTreeSet::from([kept]);
    Values { seen: seen.into_iter().map(|v| (v, None)).collect(), widened }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Options, generate};
    use crate::trace::{Observation, Phase};
    use crate::{Action, Call, profile};

    fn trace(calls: &[(&str, [u64; 6])]) -> Trace {
        let mut trace = Trace::default();
        for (name, args) in calls {
            trace.observe(&Observation {
                arch: Arch::X86_64,
                nr: sysno::number(Arch::X86_64, name).unwrap(),
                args: *args,
                outcome: Outcome::Made,
                count: Some(2),
                phase: Phase::Unphased,
                executable: "/bin/x".to_owned(),
                at_ms: 1,
            });
        }
        trace
    }

    #[test]
    fn old_calls_become_what_a_newer_architecture_makes_instead() {
        let done = translate(&trace(&[("open", [0; 6]), ("fork", [0; 6]), ("read", [0; 6])]), Arch::Aarch64);
        let names: BTreeSet<_> = done.trace.made().map(|(a, n, _)| (a, sysno::name(a, n).unwrap())).collect();
        assert_eq!(
            names,
            BTreeSet::from([(Arch::Aarch64, "clone"), (Arch::Aarch64, "openat"), (Arch::Aarch64, "read")])
        );
        assert_eq!(done.from["openat"], "open on x86_64");
        assert!(done.notes.is_empty(), "{:?}", done.notes);
    }

    #[test]
    fn values_go_over_by_name_and_a_fork_is_a_clone_without_namespaces() {
        let calls = [("fork", [0; 6]), ("socket", [10, 1, 0, 0, 0, 0])];
        let done = translate(&trace(&calls), Arch::Aarch64);
        let made = generate(&done.trace, &Options::new(Arch::Aarch64)).unwrap();
        let meaning = profile::meaning(&made.profile, Arch::Aarch64);
        let action = |name: &str, args| {
            meaning.action(&Call::new(Arch::Aarch64, sysno::number(Arch::Aarch64, name).unwrap(), args))
        };
        assert_eq!(action("clone", [17, 0, 0, 0, 0, 0]), Action::Allow);
        assert!(!action("clone", [0x1000_0011, 0, 0, 0, 0, 0]).permits(), "CLONE_NEWUSER");
        assert_eq!(action("socket", [10, 1, 0, 0, 0, 0]), Action::Allow);
        assert!(!action("socket", [38, 1, 0, 0, 0, 0]).permits(), "AF_ALG");
    }

    #[test]
    fn what_has_no_counterpart_is_said_and_what_is_needless_is_not() {
        let done = translate(&trace(&[("sysfs", [0; 6]), ("arch_prctl", [0; 6])]), Arch::Aarch64);
        assert_eq!(done.notes.len(), 1);
        assert!(done.notes[0].starts_with("sysfs has no counterpart on aarch64"));
    }

    #[test]
    fn every_call_of_x86_64_is_there_or_has_a_counterpart_or_is_known_to_have_none() {
        let gone = [
            "_sysctl",
            "afs_syscall",
            "create_module",
            "epoll_ctl_old",
            "epoll_wait_old",
            "get_kernel_syms",
            "getpmsg",
            "putpmsg",
            "query_module",
            "security",
            "sysfs",
            "tuxcall",
            "uselib",
            "vserver",
        ];
        // Nobody has them there: kernels load only by the older call, memory of no direct map is for 64 bits.
        let narrow = [(Arch::X86, "kexec_file_load"), (Arch::Arm, "memfd_secret")];
        let mut missing = Vec::new();
        for to in [Arch::Aarch64, Arch::Riscv64, Arch::Arm, Arch::X86] {
            for entry in sysno::table(Arch::X86_64) {
                let done = translate(&trace(&[(entry.name(), [0; 6])]), to);
                let known = !done.trace.calls.is_empty() || counterparts::NEEDLESS.contains(&entry.name());
                let gone = gone.contains(&entry.name()) || narrow.contains(&(to, entry.name()));
                if !(known || gone) {
                    missing.push((to, entry.name()));
                }
            }
        }
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn on_32_bits_the_c_library_makes_the_calls_with_wide_numbers() {
        let names = |call: &str, to: Arch| {
            let done = translate(&trace(&[(call, [0; 6])]), to);
            assert!(done.notes.is_empty(), "{:?}", done.notes);
            done.trace.made().filter_map(|(a, n, _)| sysno::name(a, n)).collect::<BTreeSet<_>>()
        };
        assert_eq!(names("newfstatat", Arch::Arm), BTreeSet::from(["fstatat64", "statx"]));
        assert_eq!(names("mmap", Arch::Arm), BTreeSet::from(["mmap2"]));
        assert_eq!(names("mmap", Arch::X86), BTreeSet::from(["mmap", "mmap2"]));
        assert_eq!(names("lseek", Arch::X86), BTreeSet::from(["_llseek", "lseek"]));
        assert_eq!(names("futex", Arch::Arm), BTreeSet::from(["futex", "futex_time64"]));
        assert_eq!(names("setuid", Arch::X86), BTreeSet::from(["setuid", "setuid32"]));
        assert_eq!(names("accept", Arch::X86), BTreeSet::from(["accept4", "socketcall"]));
        assert_eq!(names("semop", Arch::X86), BTreeSet::from(["ipc", "semtimedop_time64"]));
        assert_eq!(names("lseek", Arch::Aarch64), BTreeSet::from(["lseek"]));
        let done = translate(&trace(&[("bind", [0; 6])]), Arch::X86);
        let number = sysno::number(Arch::X86, "socketcall").unwrap();
        let record = &done.trace.calls[&(Arch::X86, number, Outcome::Made)];
        assert_eq!(record.args[&0].seen.keys().copied().collect::<Vec<_>>(), [2], "SYS_BIND");
    }

    #[test]
    fn a_trace_of_the_architecture_itself_stays_as_it_is() {
        let trace = trace(&[("openat", [0; 6]), ("read", [0; 6])]);
        assert_eq!(translate(&trace, Arch::X86_64).trace, trace);
    }
}
