//! The floors themselves, and what a profile makes of them.

use super::*;
use crate::action::Action;
use crate::arch::Arch;
use crate::profile::{Profile, Rule};

fn floor(text: &str) -> Found {
    find(text).unwrap_or_else(|e| panic!("{e}"))
}

/// A profile that allows these and does something else with all other calls.
fn profile(names: impl IntoIterator<Item = &'static str>, default: Action) -> Profile {
    let rule = Rule::new(names.into_iter().map(str::to_owned), Action::Allow);
    Profile { default: default.into(), rules: vec![rule], ..Profile::default() }
}

fn fatal(profile: &Profile, found: &Found, way: Way, nnp: Option<bool>) -> Vec<&'static str> {
    let missing = starts(profile, Arch::X86_64, found, way, nnp);
    missing.iter().filter(|m| m.fatal).map(|m| m.name).collect()
}

#[test]
fn a_version_names_its_series_and_no_version_names_all() {
    let one = floor("runc@1.1.5").needs(&[Way::Create], Some(true));
    assert_eq!(one, floor("runc@1.1.5").needs(&[Way::Create], Some(true)));
    assert!(!one.contains_key("openat2"));
    assert!(floor("runc@1.4").needs(&[Way::Create], Some(true)).contains_key("openat2"));
    assert!(floor("runc").needs(&[Way::Create], Some(true)).contains_key("openat2"));
    assert!(floor("runc@1.2").needs(&[Way::Create], Some(true)).contains_key("close_range"));
    assert_eq!(
        floor("crun@1.8.1").needs(&[Way::Create], Some(true)).into_keys().collect::<Vec<_>>(),
        ["close", "execve"]
    );
}

#[test]
fn a_version_newer_than_all_gets_the_newest_floor_and_says_so() {
    let newest = floor("runc@9.9");
    assert!(newest.note.as_ref().is_some_and(|n| n.contains("9.9")));
    assert_eq!(
        newest.needs(&Way::ALL, None).into_keys().collect::<Vec<_>>(),
        floor("runc@1.4").needs(&Way::ALL, None).into_keys().collect::<Vec<_>>()
    );
    assert_eq!(floor("runc@1.1").note, None);
}

#[test]
fn what_is_not_known_is_an_error_with_a_guess_and_the_list() {
    let said = |text| find(text).err().map(|e| e.to_string()).unwrap_or_default();
    assert_eq!(said("rnuc"), "unknown runtime `rnuc`; did you mean `runc`?; known: crun, runc");
    assert!(said("gvisor").contains("known: crun, runc"));
    assert!(said("runc@new").contains("not a version"));
    assert!(said("runc@0.1").contains("from 1.1 on"));
}

#[test]
fn whatever_no_new_privs_is_comes_to_the_union_of_both() {
    for name in ["runc", "crun@1.8", "runc@1.1"] {
        let keys = |nnp| floor(name).needs(&Way::ALL, nnp).into_keys().collect::<BTreeSet<_>>();
        let both: BTreeSet<_> = keys(Some(true)).union(&keys(Some(false))).copied().collect();
        assert_eq!(keys(None), both, "{name}");
    }
}

#[test]
fn nothing_that_a_runtime_requires_is_dangerous() {
    for name in runtimes() {
        for (call, need) in floor(name).needs(&Way::ALL, None) {
            assert!(!crate::group::is_dangerous(call) || need.class == Class::Tolerated, "{name}: {call}");
            assert!(crate::sysno::number(Arch::X86_64, call).is_some(), "{name}: {call}");
            assert!(need.why.contains("measured-by ") || need.why.contains("from-source "), "{}", need.why);
        }
    }
}

#[test]
fn a_profile_with_the_whole_floor_starts_and_one_without_a_required_call_does_not() {
    for (name, way, nnp) in runtimes().into_iter().flat_map(|n| {
        Way::ALL.into_iter().flat_map(move |w| [Some(true), Some(false), None].map(move |nnp| (n, w, nnp)))
    }) {
        let found = floor(name);
        let needs = found.needs(&[way], nnp);
        for default in [Action::Errno(38), Action::Errno(1), Action::KillProcess, Action::Trap(0)] {
            let whole = profile(needs.keys().copied(), default);
            assert_eq!(starts(&whole, Arch::X86_64, &found, way, nnp), [], "{name} {way:?} {nnp:?}");
            for (left, need) in &needs {
                let without = profile(needs.keys().copied().filter(|n| n != left), default);
                let missing = starts(&without, Arch::X86_64, &found, way, nnp);
                assert_eq!(missing.iter().map(|m| m.name).collect::<Vec<_>>(), [*left], "{name} {default}");
                let kills = !matches!(default, Action::Errno(_));
                match need.class {
                    Class::Required => assert!(missing[0].fatal, "{name} without {left} under {default}"),
                    Class::Tolerated => assert_eq!(missing[0].fatal, kills, "{name} {left} {default}"),
                    Class::Asynchronous | Class::OnlyEperm => {}
                }
            }
        }
    }
}

#[test]
fn runc_answers_for_calls_above_the_newest_that_is_named() {
    let kills = Action::KillProcess;
    let (runc, crun) = (floor("runc@1.4"), floor("crun@1.28"));
    let all: Vec<_> =
        runc.needs(&[Way::Create], Some(true)).into_keys().filter(|n| *n != "openat2").collect();
    let missing = starts(&profile(all.clone(), kills), Arch::X86_64, &runc, Way::Create, Some(true));
    assert_eq!(missing[0].refusal, Refusal::Whole(Action::Errno(38)), "openat2 is above all of {all:?}");
    let named = profile(all.into_iter().chain(["faccessat2"]), kills);
    let missing = starts(&named, Arch::X86_64, &runc, Way::Create, Some(true));
    assert_eq!(missing[0].refusal, Refusal::Whole(kills), "faccessat2 is above openat2");
    // What it tries instead of a tolerated call that it takes for too new is not in its floor, and killed for.
    let old = floor("runc@1.1");
    let all = || old.needs(&[Way::Create], Some(false)).into_keys().filter(|n| *n != "faccessat2");
    for (default, fatal) in [(kills, true), (Action::Errno(1), false)] {
        let missing = starts(&profile(all(), default), Arch::X86_64, &old, Way::Create, Some(false));
        assert_eq!((missing[0].refusal, missing[0].fatal), (Refusal::Whole(Action::Errno(38)), fatal));
    }
    // crun has no such stub: close_range, above all, is killed for.
    let missing = starts(&profile(["close", "execve"], kills), Arch::X86_64, &crun, Way::Create, Some(true));
    assert_eq!(
        (missing[0].name, missing[0].refusal, missing[0].fatal),
        ("close_range", Refusal::Whole(kills), true)
    );
}

#[test]
fn a_call_for_some_arguments_only_is_not_there() {
    let crun = floor("crun@1.8.1");
    let names = crun.needs(&[Way::Create], Some(false)).into_keys().filter(|n| *n != "prctl");
    let mut some = profile(names, Action::Errno(38));
    let mut rule = Rule::new(["prctl".to_owned()], Action::Allow);
    rule.conditions = vec![crate::profile::Condition::masked(0, 0xffff_ffff, 24)];
    some.rules.push(rule);
    let missing = starts(&some, Arch::X86_64, &crun, Way::Create, Some(false));
    assert_eq!((missing[0].name, missing[0].fatal), ("prctl", true));
    assert_eq!(missing[0].refusal, Refusal::SomeArguments(Action::Errno(38)));
}

#[test]
fn what_lets_calls_go_ahead_starts_everything() {
    for default in [Action::Allow, Action::Log] {
        assert_eq!(fatal(&profile([], default), &floor("runc"), Way::Create, None), [""; 0]);
    }
    let without = profile([], Action::Errno(1));
    assert!(fatal(&without, &floor("crun@1.8.1"), Way::Create, Some(true)).contains(&"execve"));
}
