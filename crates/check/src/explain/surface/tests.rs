//! Every call is in exactly one place, and there for what happens to it.

use callgate_core::baseline::{Kernel, Machine};
use proptest::prelude::*;

use super::*;
use crate::resolve::resolve;
use crate::target::{Loader, Target};

const CALLS: [&str; 6] = ["read", "socket", "clone", "ioctl", "personality", "ptrace"];
const ACTIONS: [&str; 5] = ["ALLOW", "LOG", "ERRNO", "KILL_PROCESS", "NOTIFY"];
const OPS: [&str; 4] = ["EQ", "NE", "GE", "MASKED_EQ"];

fn target(runtime: Option<&str>) -> Target {
    Target {
        loader: Loader::Oci,
        runtime: runtime.map(|name| name.parse().expect("it is a runtime")),
        machine: Machine::new(Arch::X86_64, Kernel::new(6, 1), []),
        libseccomp: None,
        no_new_privs: false,
    }
}

fn profile() -> impl Strategy<Value = String> {
    let condition = (0u64..3, 0usize..4, 0u64..8).prop_map(|(index, op, value)| {
        format!(r#"{{"index":{index},"value":{value},"valueTwo":1,"op":"SCMP_CMP_{}"}}"#, OPS[op])
    });
    let rule = (0usize..6, 0usize..4, proptest::collection::vec(condition, 0..3)).prop_map(
        |(call, action, conditions)| {
            let (call, action, args) = (CALLS[call], ACTIONS[action], conditions.join(","));
            format!(r#"{{"names":["{call}"],"action":"SCMP_ACT_{action}","args":[{args}]}}"#)
        },
    );
    (0usize..4, proptest::collection::vec(rule, 0..6)).prop_map(|(default, rules)| {
        let (default, rules) = (ACTIONS[default], rules.join(","));
        format!(r#"{{"defaultAction":"SCMP_ACT_{default}","architectures":["SCMP_ARCH_X86"],"syscalls":[{rules}]}}"#)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_call_stands_in_one_place_and_agrees_with_its_fate(
        text in profile(), runtime in proptest::option::of(prop_oneof![Just("runc"), Just("crun")]),
        samples in proptest::collection::vec(proptest::array::uniform6(prop_oneof![0u64..9, any::<u64>()]), 8),
    ) {
        let Ok(resolved) = resolve(&text, &target(runtime)) else { return Ok(()) };
        for arch in [Arch::X86_64, Arch::X86] {
            let Ok(surface) = Surface::of(&resolved, arch, Arch::X86_64) else { return Ok(()) };
            prop_assert_eq!(surface.rows.len(), sysno::table(arch).len());
            let counted: usize = Standing::ALL.iter().map(|standing| surface.count(*standing)).sum();
            prop_assert_eq!(counted, surface.rows.len());
            for row in &surface.rows {
                for (action, call) in row.actions.iter().filter(|_| row.undecided.is_none()) {
                    prop_assert_eq!(resolved.fate(call).action, Some(*action), "{}", row.name);
                }
                for args in &samples {
                    let fate = resolved.fate(&Call::new(arch, row.nr, *args));
                    let permits = fate.action.map(Action::permits);
                    match row.standing {
                        Standing::Allowed => prop_assert_eq!(permits, Some(true), "{}", row.name),
                        Standing::Refused => prop_assert_eq!(permits, Some(false), "{}", row.name),
                        Standing::Conditional => prop_assert!(permits.is_some(), "{}", row.name),
                        Standing::Undecided => {}
                    }
                    prop_assert!(permits.is_some() || row.standing == Standing::Undecided);
                    let listed = |action| row.actions.iter().any(|(listed, _)| *listed == action);
                    prop_assert!(fate.action.is_none_or(listed), "{}", row.name);
                }
            }
        }
    }
}

#[test]
fn conditions_are_told_in_words_with_their_lines() {
    let text = r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[
{"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}]},
{"names":["socket"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":16,"op":"SCMP_CMP_EQ"}]}]}"#;
    let resolved = resolve(text, &target(None)).expect("it is a profile");
    let found = conditional(&resolved, Arch::X86_64, "socket");
    // The second does what the default does, and is not added.
    assert_eq!(
        found.iter().map(|c| (c.line, c.words.as_str())).collect::<Vec<_>>(),
        [(2, "argument 0 (domain) is AF_UNIX")]
    );
    let surface = Surface::of(&resolved, Arch::X86_64, Arch::X86_64).expect("it is decided");
    assert_eq!((surface.count(Standing::Conditional), surface.count(Standing::Allowed)), (1, 0));
    assert_eq!(surface.nameless, [(0, Action::Errno(1))]);
    let doors: Vec<_> = surface.doors.iter().map(|door| (door.arch, door.shut, door.open)).collect();
    assert_eq!(doors, [(Arch::X86, Some(Action::KillThread), 0), (Arch::X32, Some(Action::KillThread), 0)]);
}

#[test]
fn without_a_filter_everything_is_allowed() {
    let mut resolved =
        resolve(r#"{"defaultAction":"SCMP_ACT_ERRNO"}"#, &target(None)).expect("it is a profile");
    resolved.outcome = Outcome::Unconfined("no profile".to_owned());
    let surface = Surface::of(&resolved, Arch::X86_64, Arch::X86_64).expect("it is decided");
    assert_eq!(surface.count(Standing::Allowed), surface.rows.len());
    assert!(surface.doors.iter().all(|door| door.open > 0));
}
