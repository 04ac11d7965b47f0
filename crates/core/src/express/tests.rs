//! What profiles come out as, and why some meanings have none. Random ones: `tests/algebra.rs`.

use super::*;
use crate::profile::{meaning, read, write};

fn profile(rules: &str) -> Profile {
    let text = format!(
        "{{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\"],\"syscalls\":[{rules}]}}"
    );
    read(&text).unwrap().0
}

fn expressed(rules: &str) -> String {
    let text = write(&express(&meaning(&profile(rules), Arch::X86_64), Arch::X86_64).unwrap(), false);
    let rules = text.split_once("\"syscalls\": [").unwrap().1;
    rules.split_whitespace().collect::<Vec<_>>().join(" ").replace("\"SCMP_", "\"")
}

#[test]
fn rules_that_say_the_same_become_one() {
    let rules = r#"{"names":["read"],"action":"SCMP_ACT_ALLOW"},{"names":["write","read"],"action":"SCMP_ACT_ALLOW"},
        {"names":["no_such_call","ptrace"],"action":"SCMP_ACT_ERRNO"},
        {"names":["kill"],"action":"SCMP_ACT_ALLOW","args":[{"index":1,"value":0,"valueTwo":7,"op":"SCMP_CMP_MASKED_EQ"}]}"#;
    assert_eq!(expressed(rules), r#"{ "names": ["kill", "read", "write"], "action": "ACT_ALLOW" } ] }"#);
}

#[test]
fn one_argument_compared_twice_in_a_rule_is_compared_once_in_several() {
    let range = r#"{"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[
        {"index":0,"value":256,"op":"SCMP_CMP_GE"},{"index":0,"value":1024,"op":"SCMP_CMP_LT"}]}"#;
    let made = expressed(range);
    assert_eq!(made.matches("\"names\"").count(), 3, "{made}");
    assert!(made.contains("CMP_MASKED_EQ") && !made.contains("CMP_GE"), "{made}");
}

#[test]
fn rules_with_different_actions_do_not_overlap() {
    let rules = r#"{"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}]},
        {"names":["socket"],"action":"SCMP_ACT_KILL_PROCESS","args":[{"index":1,"value":3,"op":"SCMP_CMP_EQ"}]}"#;
    let made = express(&meaning(&profile(rules), Arch::X86_64), Arch::X86_64).unwrap();
    let both =
        |args: [u64; 6]| made.rules.iter().filter(|r| r.conditions.iter().all(|c| c.holds(&args))).count();
    assert_eq!((both([1, 3, 0, 0, 0, 0]), both([1, 2, 0, 0, 0, 0]), both([2, 3, 0, 0, 0, 0])), (1, 1, 1));
    assert_eq!(made.rules.len(), 2, "{made:?}");
}

fn refused(change: impl FnOnce(&mut Meaning)) -> String {
    let mut wanted = meaning(&profile(r#"{"names":["socket"],"action":"SCMP_ACT_ALLOW"}"#), Arch::X86_64);
    change(&mut wanted);
    express(&wanted, Arch::X86_64).unwrap_err().to_string()
}

#[test]
fn what_no_profile_can_say_is_refused_with_the_calls_that_show_it() {
    let allow = || vec![crate::meaning::Clause::any(Action::Allow)];
    let one_only = refused(|m| drop(m.arches.get_mut(&Arch::X86).unwrap().calls.insert(4, allow())));
    assert_eq!(
        one_only,
        "write(0, NULL, 0) on x86_64: EPERM, but write(0, NULL, 0) on x86: allow; a profile says the same of a call on every \
         architecture it lists"
    );
    let nameless = refused(|m| drop(m.arches.get_mut(&Arch::X86_64).unwrap().calls.insert(5000, allow())));
    assert!(nameless.starts_with("number 5000 of x86_64: allow, where"), "{nameless}");
    let stub =
        refused(|m| m.arches.get_mut(&Arch::X86_64).unwrap().beyond = [(400, Action::Errno(38))].into());
    assert!(stub.starts_with("number "), "{stub}");
    assert!(refused(|m| m.bad_arch = Action::KillProcess).contains("not listed: kill"));
    let door = refused(|m| drop(m.arches.insert(Arch::X32, Rules::new(Action::Allow))));
    assert!(door.contains("of x32: allow"), "{door}");
    let trap = vec![crate::meaning::Clause::any(Action::Trap(7))];
    assert!(
        refused(|m| drop(m.arches.get_mut(&Arch::X86_64).unwrap().calls.insert(158, trap))).contains("data")
    );
}

#[test]
fn an_architecture_that_only_kills_threads_is_not_listed() {
    let mut wanted = meaning(&profile(r#"{"names":["read"],"action":"SCMP_ACT_ALLOW"}"#), Arch::X86_64);
    wanted.arches.insert(Arch::X86, Rules::new(Action::KillThread));
    let made = express(&wanted, Arch::X86_64).unwrap();
    assert_eq!(made.architectures.iter().filter_map(|a| a.arch).collect::<Vec<_>>(), [Arch::X86_64]);
}

#[test]
fn docker_s_default_comes_out_with_the_same_meaning_and_no_more_rules() {
    use crate::baseline::{self, Kernel};
    for arch in [Arch::X86_64, Arch::Aarch64, Arch::S390x] {
        let docker = baseline::find("docker").unwrap();
        let wanted = docker.newest().meaning(&docker.machine(arch, Kernel::new(6, 1)));
        let made = express(&wanted, arch).unwrap();
        assert_eq!(pair::differences(&meaning(&made, arch), &wanted).unwrap(), []);
        assert!(made.rules.len() <= 14, "{}", write(&made, false));
    }
}
