//! Forms there and back.

use callgate_core::profile::{self, Condition, Profile, Rule};
use callgate_core::set::{CallSet, Op};
use callgate_core::{Action, Arch, errno};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

fn profile(default: Action, rules: Vec<Rule>) -> Profile {
    Profile {
        default: default.into(),
        architectures: vec![Arch::X86_64.into(), Arch::X86.into()],
        rules,
        ..Profile::default()
    }
}

fn rule(names: &[&str], action: Action) -> Rule {
    Rule::new(names.iter().map(|name| (*name).to_owned()), action)
}

fn back(text: &str, form: Form) -> Profile {
    read(text, form, Arch::X86_64).unwrap_or_else(|message| panic!("{message}: {text}")).0
}

fn same(a: &Profile, b: &Profile) -> bool {
    let [a, b] = [a, b].map(|p| profile::meaning(p, Arch::X86_64));
    let permits = |m| CallSet::of(m, Action::permits);
    permits(&a) == permits(&b)
}

#[test]
fn a_list_is_read_with_comments_and_guesses() {
    let (found, notes) =
        read("# mine\nread write # two\n\nopneat,close\npread", Form::List, Arch::X86_64).unwrap();
    let names: Vec<&str> = found.rules[0].names.iter().map(|n| n.text.as_str()).collect();
    assert_eq!(names, ["close", "pread64", "read", "write"]);
    assert_eq!(notes[0].hint.as_deref(), Some("did you mean `openat`?"));
    assert!(read("# nothing\n", Form::List, Arch::X86_64).is_err());
}

#[test]
fn a_call_that_is_allowed_for_some_arguments_is_refused_narrowed_or_widened_as_asked() {
    let mut clone = rule(&["clone"], Action::Allow);
    clone.conditions.push(Condition::masked(0, 0x7e02_0000, 0));
    let given = profile(Action::Errno(1), vec![rule(&["read"], Action::Allow), clone]);
    for form in [Form::List, Form::Systemd] {
        assert!(write(&given, form, "", Otherwise::Refuse).lost.iter().any(|lost| lost.fatal));
        let narrow = write(&given, form, "", Otherwise::Narrow);
        assert!(narrow.lost.iter().all(|lost| !lost.fatal) && !narrow.text.contains("clone"));
        assert!(write(&given, form, "", Otherwise::Widen).text.contains("clone"));
    }
    assert!(same(&given, &back(&write(&given, Form::Spo, "web", Otherwise::Refuse).text, Form::Spo)));
}

#[test]
fn what_systemd_always_allows_is_taken_away_where_the_profile_refuses_it() {
    let given =
        profile(Action::Errno(38), vec![rule(&["execve", "exit_group", "read", "write"], Action::Allow)]);
    let text = write(&given, Form::Systemd, "", Otherwise::Refuse).text;
    assert!(text.contains("SystemCallErrorNumber=ENOSYS") && text.contains("SystemCallFilter=~"), "{text}");
    assert!(same(&given, &back(&text, Form::Systemd)), "{text}");
}

#[test]
fn lines_of_a_unit_are_read_as_systemd_reads_them() {
    let unit = "[Service]\nSystemCallArchitectures=native\nSystemCallFilter=@system-service\nSystemCallFilter=~@privileged @resources\nSystemCallErrorNumber=EPERM\n";
    let found = back(unit, Form::Systemd);
    let allowed = |name: &str| found.rules[0].names.iter().any(|n| n.text == name);
    assert!(allowed("read") && allowed("execve") && !allowed("chroot") && !allowed("mbind"));
    assert_eq!(found.default.action, Action::Errno(errno::EPERM));
    let deny = back("~@mount ptrace:ENOSYS kexec_load:kill", Form::Systemd);
    assert_eq!(deny.default.action, Action::Allow);
    let action = |name: &str| {
        deny.rules.iter().find(|r| r.names.iter().any(|n| n.text == name)).map(|r| r.action.action)
    };
    assert_eq!(action("ptrace"), Some(Action::Errno(38)));
    assert_eq!(action("mount"), Some(Action::KillProcess));
    let odd = "SystemCallFilter=read\nRestrictAddressFamilies=AF_INET\nLockPersonality=no\nSystemCallFilters=write\n";
    let (_, notes) = read(odd, Form::Systemd, Arch::X86_64).unwrap();
    let errors: Vec<&str> = notes.iter().map(|note| note.message.as_str()).collect();
    assert!(errors[0].contains("RestrictAddressFamilies= refuses calls, too"), "{errors:?}");
    assert!(errors[1].contains("did you mean SystemCallFilter=?") && errors.len() == 2, "{errors:?}");
    let empty = "SystemCallFilter=read\nSystemCallFilter=\nSystemCallFilter=~write\n";
    assert_eq!(back(empty, Form::Systemd).default.action, Action::Allow);
    for wrong in ["SystemCallFilter=@nothing", "User=web", "", "SystemCallFilter=~read:EWHAT"] {
        assert!(read(wrong, Form::Systemd, Arch::X86_64).is_err(), "{wrong}");
    }
}

#[test]
fn lines_that_go_on_are_one_line() {
    let action = |found: &Profile, name: &str| {
        let rule = found.rules.iter().find(|r| r.names.iter().any(|n| n.text == name));
        rule.map_or(found.default.action, |r| r.action.action)
    };
    let unit = "[Service]\nSystemCallFilter=~mount \\\n# between\n  ptrace\nExecStart=/bin/x \\\n  reboot\n";
    let found = back(unit, Form::Systemd);
    assert_eq!(
        ["mount", "ptrace", "reboot"].map(|name| action(&found, name)),
        [Action::KillProcess, Action::KillProcess, Action::Allow]
    );
    let (_, notes) = read("SystemCallFilter=~mount\nptrace\n", Form::Systemd, Arch::X86_64).unwrap();
    assert!(notes[0].message.contains("line 2"), "{notes:?}");
}

#[test]
fn errnos_of_single_calls_are_those_that_systemd_gives() {
    let action = |found: &Profile, name: &str| {
        let rule = found.rules.iter().find(|r| r.names.iter().any(|n| n.text == name));
        rule.map_or(found.default.action, |r| r.action.action)
    };
    let allow = "SystemCallFilter=read clone3\nSystemCallFilter=~clone3:ENOSYS mount:kill\nSystemCallErrorNumber=EPERM\n";
    let found = back(allow, Form::Systemd);
    assert_eq!(
        ["read", "clone3", "mount", "ptrace"].map(|name| action(&found, name)),
        [Action::Allow, Action::Errno(38), Action::KillProcess, Action::Errno(1)]
    );
    let deny = back("SystemCallFilter=~mount:kill ptrace\nSystemCallErrorNumber=EPERM\n", Form::Systemd);
    assert_eq!(["mount", "ptrace"].map(|name| action(&deny, name)), [Action::KillProcess, Action::Errno(1)]);
    let message = read("SystemCallFilter=read:EPERM", Form::Systemd, Arch::X86_64).unwrap_err();
    assert!(message.contains("line 1") && message.contains('~'), "{message}");
}

#[test]
fn strings_that_yaml_takes_for_something_else_are_quoted() {
    for bad in ["A", "a_b", "a: b", "x\ny", "'", "-", "~", ""] {
        let written = write(&profile(Action::KillProcess, Vec::new()), Form::Spo, bad, Otherwise::Widen);
        assert!(written.lost.iter().any(|lost| lost.fatal), "{bad}");
    }
    for name in ["yes", "on", "null", "1e3", "0x1", "1.5"] {
        let given = profile(Action::Errno(1), vec![rule(&["read"], Action::Allow)]);
        let text = write(&given, Form::Spo, name, Otherwise::Refuse).text;
        assert!(same(&given, &back(&text, Form::Spo)), "{text}");
        let value = &callgate_core::import::yaml::read(&text).unwrap()[0]["metadata"]["name"];
        assert_eq!(value, name);
    }
}

#[test]
fn what_the_resource_cannot_hold_is_fatal() {
    let mut large = rule(&["read"], Action::Allow);
    large.conditions.push(Condition { index: 0, op: Op::Eq, value: u64::MAX, value_two: 0 });
    for bad in [large, rule(&["read"], Action::Errno(0))] {
        let written = write(&profile(Action::KillProcess, vec![bad]), Form::Spo, "x", Otherwise::Widen);
        assert!(written.lost.iter().any(|lost| lost.fatal));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn allow_and_deny_lists_come_back_as_they_went(
        names in vec(select(callgate_core::sysno::names().to_vec()), 1..60), deny in any::<bool>(), errno in 1u16..40,
    ) {
        let default = if deny { Action::Allow } else { Action::Errno(errno) };
        let action = if deny { Action::Errno(errno) } else { Action::Allow };
        let given = profile(default, vec![rule(&names, action)]);
        for form in [Form::Systemd, Form::Spo] {
            let written = write(&given, form, "name", Otherwise::Refuse);
            prop_assert!(written.lost.iter().all(|lost| !lost.fatal), "{:?}", written.lost);
            prop_assert!(same(&given, &back(&written.text, form)), "{}", written.text);
        }
        if !deny {
            let text = write(&given, Form::List, "", Otherwise::Refuse).text;
            let theirs = back(&text, Form::List);
            prop_assert!(same(&Profile { architectures: theirs.architectures.clone(), ..given }, &theirs), "{}", text);
        }
    }
}
