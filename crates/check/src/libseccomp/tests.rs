//! What libseccomp makes of rules, case by case.

use callgate_core::set::Op;
use callgate_core::{Action, Arch, Call, sysno};

use super::*;

/// A call, the entry it is in, what happens to it, and on which conditions.
type One<'a> = (&'static str, usize, Action, &'a [Condition]);

fn build(arches: &[Arch], default: Action, rules: &[One<'_>]) -> Result<Filter, Refusal> {
    let mut added = Added::by(None);
    for (name, entry, action, conditions) in rules {
        let conditions = conditions.to_vec();
        added.add(
            &[sysno::position(name).unwrap()],
            vec![Rule { entry: *entry, line: entry + 1, action: *action, conditions }],
        );
    }
    added.build(arches, default)
}

fn built(rules: &[One<'_>]) -> Filter {
    build(&[Arch::X86_64, Arch::X86, Arch::X32], Action::Errno(1), rules).unwrap()
}

fn does(filter: &Filter, arch: Arch, name: &str, args: [u64; 6]) -> Action {
    filter.meaning.action(&Call::new(arch, sysno::number(arch, name).unwrap(), args))
}

#[test]
fn a_rule_for_socket_lets_every_socket_through_socketcall() {
    let filter = built(&[("socket", 0, Action::Allow, &[(0, Op::Eq, 1, 0)])]);
    assert_eq!(does(&filter, Arch::X86, "socket", [2, 0, 0, 0, 0, 0]), Action::Errno(1));
    // The first argument of socketcall says which call is meant; of which family is behind a pointer.
    assert_eq!(does(&filter, Arch::X86, "socketcall", [1, 0, 0, 0, 0, 0]), Action::Allow);
    assert_eq!(does(&filter, Arch::X86, "socketcall", [2, 0, 0, 0, 0, 0]), Action::Errno(1));
    assert!(!filter.meaning.arches[&Arch::X86_64].calls.contains_key(&102));
}

#[test]
fn the_more_general_rule_stands_if_it_came_first_and_is_an_error_if_it_came_last() {
    let general: One<'_> = ("getcpu", 0, Action::Errno(1), &[(3, Op::Eq, 1, 0)]);
    let special: One<'_> = ("getcpu", 1, Action::Errno(38), &[(3, Op::Eq, 1, 0), (4, Op::Eq, 2, 0)]);
    let both = [general, special];
    let filter = build(&[Arch::X86_64], Action::Allow, &both).unwrap();
    assert_eq!(does(&filter, Arch::X86_64, "getcpu", [0, 0, 0, 1, 2, 0]), Action::Errno(1));
    assert!(filter.undecided.is_empty());
    let refused = build(&[Arch::X86_64], Action::Allow, &[special, general]).unwrap_err();
    assert_eq!((refused.message.as_str(), refused.line), ("file exists", Some(1)));
}

#[test]
fn where_two_rules_meet_and_nobody_knows_which_counts_nothing_is_said() {
    let odd: One<'_> = ("getcpu", 0, Action::Errno(1), &[(3, Op::MaskedEq, 1, 1)]);
    let large: One<'_> = ("getcpu", 1, Action::Errno(38), &[(3, Op::Ge, 8, 0)]);
    let filter = build(&[Arch::X86_64], Action::Allow, &[odd, large]).unwrap();
    let met = |a| filter.undecided.iter().any(|u| u.args.contains(&[0, 0, 0, a, 0, 0]));
    assert!(met(9) && !met(10) && !met(7));
}

#[test]
fn thousands_of_rules_of_one_call_are_not_compared_with_each_other() {
    let conditions: Vec<[Condition; 1]> = (0..100_000).map(|i| [(3, Op::Eq, i, 0)]).collect();
    let action = |i: usize| Action::Errno(1 + (i % 2) as u16);
    let rule = |(i, conditions): (usize, &'_ [Condition; 1])| (i, *conditions);
    let rules: Vec<(usize, [Condition; 1])> = conditions.iter().enumerate().map(rule).collect();
    let rules: Vec<One<'_>> = rules.iter().map(|(i, c)| ("getcpu", *i, action(*i), c.as_slice())).collect();
    let filter = build(&[Arch::X86_64], Action::Allow, &rules).unwrap();
    assert_eq!(filter.undecided.len(), 1);
}

#[test]
fn lower_halves_are_compared_on_x32() {
    let filter = built(&[
        ("socket", 0, Action::Allow, &[(0, Op::Eq, 1, 0)]),
        ("listen", 1, Action::Allow, &[(1, Op::Lt, 38, 0)]),
        ("fchmod", 2, Action::Allow, &[(1, Op::Ne, 7, 0)]),
        ("dup", 3, Action::Allow, &[(0, Op::Ge, 1 << 32, 0)]),
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
    let knows = |release, name| known(Some(release), name).is_some();
    assert!(!knows(Version::new(2, 5, 4), "fchmodat2") && knows(Version::new(2, 5, 5), "fchmodat2"));
    assert!(knows(Version::new(2, 2, 0), "openat") && known(None, "opneat").is_none());
}
