//! Floors, by the runtimes themselves: what they call, and whether they start what is said to start.

use std::collections::BTreeSet;

use callgate_core::floor::{Class, Way as Floor, find};
use serde_json::{Value, json};

use crate::harness::{Ended, Lab};
use measure::container::{Container, Ended as Outcome, Engine, Setup, Who};
use measure::{Case, Entry, Way, entries, measure};

/// The build tool's own measurement.
#[path = "../../../../xtask/src/floors/measure/mod.rs"]
mod measure;

const TOOLS: [&str; 7] = ["runc", "crun", "busybox", "strace", "script", "unshare", "mount"];
/// What static busybox calls as `true` and as `sleep`, as root and as another user.
const PAYLOAD: [&str; 20] = [
    "arch_prctl",
    "brk",
    "clock_nanosleep",
    "execve",
    "exit_group",
    "getgid",
    "getrandom",
    "getuid",
    "mprotect",
    "newfstatat",
    "prctl",
    "prlimit64",
    "readlink",
    "restart_syscall",
    "rseq",
    "set_robust_list",
    "set_tid_address",
    "setgid",
    "setuid",
    "write",
];

/// `runc@1.1.5+ds1`.
fn installed(engine: Engine) -> String {
    format!("{}@{}", engine.name(), engine.version().unwrap())
}

fn floor(way: Way) -> Floor {
    match way {
        Way::Create => Floor::Create,
        Way::Exec => Floor::Exec,
    }
}

#[test]
fn what_the_runtimes_call_is_in_their_floors() {
    let Some(lab) = Lab::root(&TOOLS) else { return };
    for case in Engine::ALL.into_iter().flat_map(Case::all) {
        let known = find(&installed(case.engine)).unwrap().needs(&[floor(case.way)], Some(case.no_new_privs));
        let measured = measure(case, 2, &lab.dir).unwrap();
        let lacking: Vec<_> =
            measured.calls.keys().filter(|call| !known.contains_key(call.as_str())).collect();
        assert!(lacking.is_empty(), "{case:?}: {lacking:?}; cargo xtask floors shows more");
        // What is always needed is always called; what only one way of starting needs is not.
        let always =
            known.iter().filter(|(call, need)| need.class == Class::Required && !TO_WAIT.contains(call));
        for (call, _) in always {
            assert_eq!(measured.calls.get(*call), Some(&measured.runs), "{case:?}: {call}");
        }
    }
}

/// What crun calls only between `create` and `start`.
const TO_WAIT: [&str; 2] = ["pselect6", "read"];

/// A profile that allows these and answers everything else alike.
fn allowing<'n>(names: impl IntoIterator<Item = &'n str>, default: &str) -> String {
    let names: BTreeSet<&str> = names.into_iter().collect();
    let rule = json!({"names": names, "action": "SCMP_ACT_ALLOW"});
    let mut profile = json!({"defaultAction": default, "syscalls": [rule]});
    if default == "SCMP_ACT_ERRNO" {
        profile["defaultErrnoRet"] = json!(38);
    }
    profile.to_string()
}

/// What `show --starts-under` says of a profile.
fn predicted(lab: &Lab, profile: &str, engine: Engine, nnp: bool) -> Value {
    lab.write("p.json", profile);
    let words = format!("show p.json --starts-under {} --nnp {nnp} --format json", installed(engine));
    let ended: Ended = lab.callgate(&words).run();
    let document = ended.json();
    assert_eq!(document["schema"], "callgate.dev/starts/v1");
    assert_eq!(ended.code(), i32::from(document["starts"] != true), "{}", ended.stderr);
    document
}

/// What the runtime does with it: whether it starts every time, and how it ended where it did not.
fn started(lab: &Lab, profile: &str, (engine, nnp): (Engine, bool), ways: &[(Who, Entry)]) -> Vec<Outcome> {
    let run = |(who, entry): &(Who, Entry)| {
        let setup = Setup { no_new_privs: nnp, who: *who, profile: profile.to_owned() };
        entry(&Container::new(engine, &lab.dir, &setup).unwrap(), None).unwrap()
    };
    ways.iter().map(run).collect()
}

/// `run` as root, and `create` with `start` as somebody else: together they make every call that any way makes.
fn two_ways() -> Vec<(Who, Entry)> {
    vec![(Who::Root, Container::run as Entry), (Who::User, Container::create_and_start as Entry)]
}

/// Compares prediction and reality; whether it starts.
fn compare(lab: &Lab, profile: &str, engine: Engine, nnp: bool) -> bool {
    let document = predicted(lab, profile, engine, nnp);
    let outcomes = started(lab, profile, (engine, nnp), &two_ways());
    let starts = outcomes.iter().all(|o| *o == Outcome::Well);
    assert_eq!(document["starts"], starts, "{engine:?} nnp {nnp}: {document}\n{outcomes:?}\n{profile}");
    starts
}

#[test]
fn without_a_call_of_the_floor_a_container_starts_or_not_as_predicted() {
    let Some(lab) = Lab::root(&TOOLS) else { return };
    for (engine, nnp) in Engine::ALL.into_iter().flat_map(|e| [(e, false), (e, true)]) {
        let needs = find(&installed(engine)).unwrap().needs(&[Floor::Create], Some(nnp));
        // The floor is that of several packages of a series, which are not built by one Go.
        let made = measure(Case { engine, way: Way::Create, no_new_privs: nnp }, 1, &lab.dir).unwrap().calls;
        let whole: BTreeSet<&str> = needs.keys().copied().chain(PAYLOAD).collect();
        for default in ["SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS"] {
            assert!(compare(&lab, &allowing(whole.iter().copied(), default), engine, nnp));
        }
        for (left, need) in &needs {
            let without = |default| allowing(whole.iter().copied().filter(|n| n != left), default);
            match need.class {
                Class::Required => assert!(!compare(&lab, &without("SCMP_ACT_ERRNO"), engine, nnp), "{left}"),
                Class::Tolerated => {
                    assert!(compare(&lab, &without("SCMP_ACT_ERRNO"), engine, nnp), "{left}");
                    let killed = made.contains_key(*left)
                        && compare(&lab, &without("SCMP_ACT_KILL_PROCESS"), engine, nnp);
                    assert!(!killed, "{left}");
                }
                Class::OnlyEperm => {
                    assert!(!compare(&lab, &without("SCMP_ACT_ERRNO"), engine, nnp), "{left}");
                }
                // Needed or not from run to run: there is nothing to compare with.
                Class::Asynchronous => {}
            }
        }
    }
}

#[test]
fn lists_as_tutorials_have_them_start_where_it_is_predicted() {
    let Some(lab) = Lab::root(&TOOLS) else { return };
    let minimal = ["read", "write", "open", "close", "exit"];
    // Long, and from nobody's program: without execve it starts nowhere, with it where nothing else is needed.
    let long = "accept arch_prctl bind brk clone close connect epoll_create epoll_ctl epoll_wait exit exit_group fcntl \
                fstat futex getpid getuid listen lseek mmap mprotect munmap nanosleep open openat poll read recvfrom \
                rt_sigaction rt_sigprocmask rt_sigreturn select sendto set_robust_list set_tid_address sigaltstack socket \
                stat uname wait4 write";
    let long: Vec<&str> = long.split_whitespace().collect();
    let mut with_execve = long.clone();
    with_execve.push("execve");
    for (engine, nnp) in Engine::ALL.into_iter().flat_map(|e| [(e, false), (e, true)]) {
        let under = |names: &[&str]| {
            let profile = allowing(names.iter().copied(), "SCMP_ACT_ERRNO");
            let document = predicted(&lab, &profile, engine, nnp);
            // As root: of another user's start-up such a list knows nothing.
            let outcomes = started(&lab, &profile, (engine, nnp), &two_ways()[..1]);
            assert_eq!(document["starts"], outcomes == [Outcome::Well], "{document} {outcomes:?}");
            outcomes == [Outcome::Well]
        };
        assert!(!under(&minimal) && !under(&long));
        assert_eq!(under(&with_execve), engine == Engine::Crun && nnp, "{engine:?} {nnp}");
    }
}

#[test]
fn what_is_made_for_runtimes_is_started_and_entered_by_them() {
    let Some(lab) = Lab::root(&TOOLS) else { return };
    lab.callgate("record -o true.trace -- busybox true").expect(0);
    lab.callgate("record -o sleep.trace -- busybox sleep 0.1").expect(0);
    let generate = "generate true.trace sleep.trace --force -o p.json";
    for default in ["errno", "errno:EPERM", "kill-process"] {
        lab.callgate(&format!("{generate} --default-action {default}")).expect(0);
        for engine in Engine::ALL {
            let bare = started(&lab, &lab.read("p.json"), (engine, false), &two_ways()[..1]);
            assert_ne!(bare, [Outcome::Well], "{engine:?}: a profile without floor");
        }
        for (flags, settings) in
            [("", &[false, true][..]), ("--nnp true", &[true]), ("--nnp false", &[false])]
        {
            lab.callgate(&format!("{generate} --default-action {default} --for runc,crun {flags}")).expect(0);
            let profile = lab.read("p.json");
            for (engine, nnp) in Engine::ALL.into_iter().flat_map(|e| settings.iter().map(move |n| (e, *n))) {
                assert_eq!(predicted(&lab, &profile, engine, nnp)["exec"]["starts"], true);
                // Nobody recorded what the program calls as another user.
                let ways: Vec<_> =
                    entries(Way::Create).into_iter().filter(|(who, _)| *who != Who::User).collect();
                let outcomes = started(&lab, &profile, (engine, nnp), &ways);
                assert!(
                    outcomes.iter().all(|o| *o == Outcome::Well),
                    "{engine:?} {default} {flags}: {outcomes:?}"
                );
                let setup = Setup { no_new_privs: nnp, who: Who::Root, profile: profile.clone() };
                let container = Container::new(engine, &lab.dir, &setup).unwrap();
                container.start().unwrap();
                assert_eq!(container.exec(None).unwrap(), Outcome::Well, "{engine:?} {default} {flags}");
            }
        }
    }
}

#[test]
fn nothing_is_left_of_a_container_that_did_not_start() {
    let Some(lab) = Lab::root(&TOOLS) else { return };
    for engine in Engine::ALL {
        let outcomes =
            started(&lab, &allowing(["read"], "SCMP_ACT_KILL_PROCESS"), (engine, true), &two_ways());
        assert!(outcomes.iter().all(|o| *o != Outcome::Well));
        let id = lab.json("bundle/config.json")["linux"]["cgroupsPath"].as_str().unwrap().to_owned();
        // Whole names: other tests have containers whose numbers begin with this one's.
        let id = id.trim_start_matches('/');
        let look = format!(
            "ls state; find /sys/fs/cgroup -maxdepth 3 -name '{id}' -o -path '*/{id}/*'; grep -cw {id} /proc/self/mounts"
        );
        assert_eq!(lab.sh(&look).run().stdout, "0\n", "{engine:?}");
    }
}
