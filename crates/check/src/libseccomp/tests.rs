//! What libseccomp makes of rules, case by case.

use callgate_core::set::Op;
use callgate_core::{Action, Arch, Call, sysno};

use super::*;

fn rule<'a>(name: &'a str, entry: usize, action: Action, conditions: &[Condition]) -> Rule<'a> {
    Rule { name, entry, line: entry + 1, action, conditions: conditions.to_vec() }
}

fn built(rules: &[Rule<'_>]) -> Filter {
    build((&[Arch::X86_64, Arch::X86, Arch::X32], None), Action::Errno(1), rules).unwrap()
}

fn does(filter: &Filter, arch: Arch, name: &str, args: [u64; 6]) -> Action {
    filter.meaning.action(&Call::new(arch, sysno::number(arch, name).unwrap(), args))
}

#[test]
fn a_rule_for_socket_lets_every_socket_through_socketcall() {
    let filter = built(&[rule("socket", 0, Action::Allow, &[(0, Op::Eq, 1, 0)])]);
    assert_eq!(does(&filter, Arch::X86, "socket", [2, 0, 0, 0, 0, 0]), Action::Errno(1));
    // The first argument of socketcall says which call is meant; of which family is behind a pointer.
    assert_eq!(does(&filter, Arch::X86, "socketcall", [1, 0, 0, 0, 0, 0]), Action::Allow);
    assert_eq!(does(&filter, Arch::X86, "socketcall", [2, 0, 0, 0, 0, 0]), Action::Errno(1));
    assert!(!filter.meaning.arches[&Arch::X86_64].calls.contains_key(&102));
}

#[test]
fn the_more_general_rule_stands_if_it_came_first_and_is_an_error_if_it_came_last() {
    let general = rule("getcpu", 0, Action::Errno(1), &[(3, Op::Eq, 1, 0)]);
    let special = rule("getcpu", 1, Action::Errno(38), &[(3, Op::Eq, 1, 0), (4, Op::Eq, 2, 0)]);
    let both = [general.clone(), special.clone()];
    let filter = build((&[Arch::X86_64], None), Action::Allow, &both).unwrap();
    assert_eq!(does(&filter, Arch::X86_64, "getcpu", [0, 0, 0, 1, 2, 0]), Action::Errno(1));
    assert!(filter.undecided.is_empty());
    let refused = build((&[Arch::X86_64], None), Action::Allow, &[special, general]).unwrap_err();
    assert_eq!((refused.message.as_str(), refused.line), ("file exists", Some(1)));
}

#[test]
fn where_two_rules_meet_and_nobody_knows_which_counts_nothing_is_said() {
    let odd = rule("getcpu", 0, Action::Errno(1), &[(3, Op::MaskedEq, 1, 1)]);
    let large = rule("getcpu", 1, Action::Errno(38), &[(3, Op::Ge, 8, 0)]);
    let filter = build((&[Arch::X86_64], None), Action::Allow, &[odd, large]).unwrap();
    let met = |a| filter.undecided.iter().any(|u| u.args.contains(&[0, 0, 0, a, 0, 0]));
    assert!(met(9) && !met(10) && !met(7));
}

#[test]
fn thousands_of_rules_of_one_call_are_not_compared_with_each_other() {
    let rules: Vec<_> = (0..100_000)
        .map(|i| rule("getcpu", i, Action::Errno(1 + (i % 2) as u16), &[(3, Op::Eq, i as u64, 0)]))
        .collect();
    let filter = build((&[Arch::X86_64], None), Action::Allow, &rules).unwrap();
    assert_eq!(filter.undecided.len(), 1);
}

#[test]
fn lower_halves_are_compared_on_x32() {
    let filter = built(&[
        rule("socket", 0, Action::Allow, &[(0, Op::Eq, 1, 0)]),
        rule("listen", 1, Action::Allow, &[(1, Op::Lt, 38, 0)]),
        rule("fchmod", 2, Action::Allow, &[(1, Op::Ne, 7, 0)]),
        rule("dup", 3, Action::Allow, &[(0, Op::Ge, 1 << 32, 0)]),
    ]);
    assert_eq!(does(&filter, Arch::X32, "socket", [0x7_0000_0001, 0, 0, 0, 0, 0]), Action::Allow);
    for value in [0, 7, 31, 37, 38, 39, 0xffff_ffff] {
        let args = [0, 0x5_0000_0000 | value, 0, 0, 0, 0];
        let allowed = |name| does(&filter, Arch::X32, name, args) == Action::Allow;
        assert_eq!((allowed("listen"), allowed("fchmod")), (value < 38, value != 7), "{value}");
    }
    assert!(filter.undecided.iter().any(|u| u.arch == Arch::X32 && u.entries == [3]));
    assert!(!filter.undecided.iter().any(|u| u.arch == Arch::X86_64));
}

#[test]
fn names_have_a_release_that_first_knew_them() {
    let knows = |release, name| knows(Some(release), name);
    assert!(!knows(Version::new(2, 5, 4), "fchmodat2") && knows(Version::new(2, 5, 5), "fchmodat2"));
    assert!(knows(Version::new(2, 2, 0), "openat") && !super::knows(None, "opneat"));
}
