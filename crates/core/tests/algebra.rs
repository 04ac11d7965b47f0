//! The algebra of whole meanings, held against the reference verdict and the algebra of calls: express, combine, differ.

#[path = "../../bpf/tests/meanings/mod.rs"]
mod meanings;
#[path = "../../bpf/tests/profiles/mod.rs"]
mod profiles;

use std::collections::{BTreeMap, BTreeSet};

use callgate_core::express::{Inexpressible, express};
use callgate_core::meaning::{Clause, Meaning, Rules};
use callgate_core::profile::{self, Profile, meaning, write};
use callgate_core::set::{ArgBox, CallSet};
use callgate_core::stage::{Stage, stage};
use callgate_core::verdict::verdict;
use callgate_core::{Action, Arch, Call, pair, sysno};
use proptest::prelude::*;
use proptest::sample::select;

const NATIVE: Arch = Arch::X86_64;

/// The nearest action that OCI has words for.
fn plain(action: Action) -> Action {
    match action {
        Action::Trap(_) => Action::Trap(0),
        Action::Trace(data) => Action::Trace(data.min(4095)),
        other => other,
    }
}

/// Profiles whose actions OCI has words for.
fn sayable() -> impl Strategy<Value = Profile> {
    profiles::profile().prop_map(|mut profile| {
        profile.default = plain(profile.default.action).into();
        profile.rules.iter_mut().for_each(|rule| rule.action = plain(rule.action.action).into());
        profile
    })
}

fn actions(meanings: [&Meaning; 2]) -> BTreeSet<Action> {
    let of = |rules: &Rules| {
        rules.defaults().chain(rules.calls.values().flatten().map(|c| c.action)).collect::<Vec<_>>()
    };
    let all = meanings.into_iter().flat_map(|m| m.arches.values().flat_map(of).chain([m.bad_arch]));
    all.collect()
}

/// Whether two meanings are the same, by the algebra of calls.
fn same(a: &Meaning, b: &Meaning) -> bool {
    actions([a, b])
        .into_iter()
        .all(|action| CallSet::of(a, |other| other == action) == CallSet::of(b, |other| other == action))
}

/// Of no two rules of one call that differ in their action both hold; an unconditional one is alone; no argument is
/// compared twice; nothing says what the default does.
///
/// Says whether no two rules of one call hold at once at all.
fn well_formed(profile: &Profile, calls: &[Call]) -> bool {
    let mut of: BTreeMap<&str, Vec<&profile::Rule>> = BTreeMap::new();
    for rule in &profile.rules {
        assert_ne!(rule.action.action, profile.default.action);
        let indexes: BTreeSet<u8> = rule.conditions.iter().map(|c| c.index).collect();
        assert_eq!(indexes.len(), rule.conditions.len(), "{rule:?}");
        for name in &rule.names {
            of.entry(&name.text).or_default().push(rule);
        }
    }
    for (name, rules) in &of {
        assert!(rules.len() == 1 || rules.iter().all(|r| !r.conditions.is_empty()), "{name}: {rules:?}");
        for call in calls.iter().filter(|c| sysno::name(c.arch, c.nr) == Some(name)) {
            let hold = rules.iter().filter(|r| r.conditions.iter().all(|c| c.holds(&call.args)));
            let actions: BTreeSet<Action> = hold.map(|r| r.action.action).collect();
            assert!(actions.len() <= 1, "{call:?}: {rules:?}");
        }
    }
    let boxes = |rule: &profile::Rule| {
        let list: Vec<_> =
            rule.conditions.iter().map(|c| (usize::from(c.index), c.op, c.value, c.value_two)).collect();
        ArgBox::from_conditions(&list)
    };
    of.values().all(|rules| {
        let boxes: Vec<Vec<ArgBox>> = rules.iter().map(|r| boxes(r)).collect();
        (0..boxes.len()).all(|i| {
            let meets = |j: usize| boxes[i].iter().any(|a| boxes[j].iter().any(|b| a.intersect(b).is_some()));
            (0..i).all(|j| !meets(j))
        })
    })
}

/// How many arguments of one call are compared at most.
fn involved(profile: &Profile) -> usize {
    let mut of: BTreeMap<&str, BTreeSet<u8>> = BTreeMap::new();
    for (rule, name) in profile.rules.iter().flat_map(|r| r.names.iter().map(move |n| (r, n))) {
        of.entry(&name.text).or_default().extend(rule.conditions.iter().map(|c| c.index));
    }
    of.values().map(BTreeSet::len).max().unwrap_or(0)
}

/// The refusal shows two calls that every profile treats alike and the meaning does not.
fn right(refusal: &Inexpressible, wanted: &Meaning) {
    match refusal {
        Inexpressible::Architectures { one, other, left, right } => {
            assert_eq!(sysno::name(one.arch, one.nr), sysno::name(other.arch, other.nr));
            assert!(sysno::name(one.arch, one.nr).is_some() && one.args == other.args && left != right);
            assert_eq!((wanted.action(one), wanted.action(other)), (*left, *right));
        }
        Inexpressible::Nameless { call, action, default } => {
            assert_eq!(sysno::name(call.arch, call.nr), None);
            assert_ne!(action, default);
            assert_eq!(wanted.action(call), *action);
            let others = Call { arch: NATIVE, nr: 0x3fff_ffff, args: [0; 6] };
            assert_eq!(wanted.action(&others), *default);
        }
        Inexpressible::Unlisted(action) => {
            assert!(*action == wanted.bad_arch && *action != Action::KillThread);
        }
        other => panic!("{other}"),
    }
}

/// Meanings with many arguments take long: `CALLGATE_FULL=1` asks for as many as were run when this was written.
fn cases() -> u32 {
    if std::env::var_os("CALLGATE_FULL").is_some_and(|v| v == "1") { 600 } else { 60 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 60, max_global_rejects: 30, failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn every_profile_s_meaning_is_expressed_and_always_alike(
        profile in sayable(), extra in proptest::array::uniform6(meanings::word()), turn in 0usize..8,
    ) {
        let wanted = meaning(&profile, NATIVE);
        let made = match express(&wanted, NATIVE) {
            Err(Inexpressible::TooMany { .. }) => return Err(TestCaseError::reject("monstrous")),
            made => made.expect("it is of a profile"),
        };
        let again = meaning(&made, NATIVE);
        prop_assert!(same(&wanted, &again), "{}", write(&made, false));
        let probes = meanings::probes(&wanted, &extra);
        let calls: Vec<Call> = probes.iter().filter_map(|data| data.to_call()).collect();
        for call in &calls {
            prop_assert_eq!(verdict(&made, call, NATIVE).action, verdict(&profile, call, NATIVE).action, "{:?}", call);
        }
        // Calls with hundreds of alternatives are written as their clauses came.
        if !well_formed(&made, &calls) || made.rules.len() > 24 || involved(&profile) > 2 {
            return Ok(());
        }
        // The same meaning put together otherwise: rules of one action in another order, clauses in more pieces.
        prop_assert!(express(&again, NATIVE).as_ref() == Ok(&made));
        let mut turned = profile.clone();
        let count = turned.rules.len().max(1);
        turned.rules.rotate_left(turn % count);
        let other = meaning(&turned, NATIVE);
        if same(&other, &wanted) {
            prop_assert!(express(&other, NATIVE).as_ref() == Ok(&made));
        }
        let twice = pair::combine(&wanted, &again, |a, _| a).expect("they are small");
        prop_assert!(express(&twice, NATIVE).as_ref() == Ok(&made));
    }

    #[test]
    fn a_meaning_is_expressed_exactly_or_refused_rightly(
        wanted in by_name(), extra in proptest::array::uniform6(meanings::word()),
    ) {
        match express(&wanted, NATIVE) {
            Ok(made) => {
                prop_assert!(same(&wanted, &meaning(&made, NATIVE)), "{}", write(&made, false));
                for data in meanings::probes(&wanted, &extra) {
                    if let Some(call) = data.to_call() {
                        prop_assert_eq!(verdict(&made, &call, NATIVE).action, wanted.action(&call));
                    }
                }
            }
            Err(Inexpressible::TooMany { .. }) => return Err(TestCaseError::reject("monstrous")),
            Err(refusal) => right(&refusal, &wanted),
        }
    }

    #[test]
    fn differences_and_combinations_are_what_the_actions_say(
        a in any_meaning(), b in any_meaning(), extra in proptest::array::uniform6(meanings::word()),
    ) {
        let found = pair::differences(&a, &b).expect("they are small");
        for d in &found {
            prop_assert_eq!((a.action(&d.witness), b.action(&d.witness)), (d.before, d.after));
            prop_assert_ne!(d.before, d.after);
        }
        let either = pair::combine(&a, &b, std::cmp::max).expect("they are small");
        let both = pair::combine(&a, &b, std::cmp::min).expect("they are small");
        let probes = [&a, &b].map(|m| meanings::probes(m, &extra)).concat();
        for data in probes {
            let (left, right) = (a.action_of_data(&data), b.action_of_data(&data));
            prop_assert_eq!(either.action_of_data(&data), left.max(right));
            prop_assert_eq!(both.action_of_data(&data), left.min(right));
            let Some(call) = data.to_call().filter(|_| left != right) else { continue };
            if a.arches.contains_key(&call.arch) || b.arches.contains_key(&call.arch) {
                let told = found.iter().any(|d| (d.before, d.after) == (left, right)
                    && d.witness.arch == call.arch && (d.nameless || d.witness.nr == call.nr));
                prop_assert!(told, "{:?}: {} {}, not in {:?}", call, left, right, found);
            }
        }
        prop_assert_eq!(found.is_empty() && a.bad_arch == b.bad_arch, same(&a, &b));
    }
}

fn any_meaning() -> impl Strategy<Value = Meaning> {
    meanings::meaning(&[Arch::X86_64, Arch::X86, Arch::X32, Arch::Aarch64])
}

/// Meanings made name by name, mostly alike on all architectures.
fn by_name() -> impl Strategy<Value = Meaning> {
    let names = select(vec!["read", "socket", "mmap2", "waitpid", "uname", "clone"]);
    let one = (any_meaning(), names, prop::option::weighted(0.15, select(vec![Arch::X86_64, Arch::X86])));
    let arches = proptest::sample::subsequence(vec![Arch::X86_64, Arch::X86, Arch::X32], 1..=3);
    let bad = prop_oneof![6 => Just(Action::KillThread), 1 => Just(Action::Errno(1))];
    (arches, meanings::action(), proptest::collection::vec(one, 0..5), bad).prop_map(
        |(arches, default, calls, bad_arch)| {
            let mut made = Meaning::uniform(arches, plain(default), bad_arch);
            for (source, name, only) in calls {
                let clauses = source
                    .arches
                    .into_values()
                    .flat_map(|r| r.calls.into_values())
                    .next()
                    .unwrap_or_default();
                let clauses: Vec<Clause> =
                    clauses.into_iter().map(|c| Clause { action: plain(c.action), ..c }).collect();
                for (arch, rules) in
                    made.arches.iter_mut().filter(|(arch, _)| only.is_none_or(|only| only == **arch))
                {
                    if let Some(nr) = sysno::number(*arch, name) {
                        rules.calls.insert(nr, clauses.clone());
                    }
                }
            }
            made
        },
    )
}

/// Actions that are neither asked for nor odd, as runtimes' defaults and candidates have them.
fn staged() -> impl Strategy<Value = (Profile, Profile)> {
    let usual = |action| match plain(action) {
        Action::Notify | Action::Trace(_) => Action::Errno(38),
        other => other,
    };
    let one = move || {
        sayable().prop_map(move |mut profile| {
            profile.default = usual(profile.default.action).into();
            profile.rules.iter_mut().for_each(|rule| rule.action = usual(rule.action.action).into());
            profile
        })
    };
    (one(), one(), any::<bool>()).prop_map(|(candidate, mut baseline, alike)| {
        if alike {
            baseline.architectures.clone_from(&candidate.architectures);
        }
        (candidate, baseline)
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(), max_shrink_iters: 60, max_global_rejects: 4000, failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default()
    })]

    #[test]
    fn stages_allow_what_the_table_says_and_log_no_less(
        (candidate, baseline) in staged(), extra in proptest::array::uniform6(meanings::word()),
    ) {
        let (c, b) = (meaning(&candidate, NATIVE), meaning(&baseline, NATIVE));
        let allowed = |m: &Meaning| CallSet::of(m, Action::permits);
        let made = |at| {
            let made = stage(&candidate, (&c, &b), at, NATIVE);
            made.map(|(profile, notes)| (meaning(&profile, NATIVE), profile, notes))
        };
        let mut sets = BTreeMap::new();
        for at in [Stage::Audit, Stage::Complain, Stage::Enforce] {
            let (staged, profile, notes) = match made(at) {
                Ok(made) => made,
                Err(Inexpressible::TooMany { .. }) => return Err(TestCaseError::reject("monstrous")),
                // Only where one call is refused on one architecture and not on another.
                Err(_) if candidate.architectures != baseline.architectures => continue,
                Err(refusal) => return Err(TestCaseError::fail(refusal.to_string())),
            };
            prop_assert!(profile.flags.iter().any(|flag| flag == callgate_core::stage::LOG_FLAG));
            let over = notes.iter().any(|note| note.code == "over-reported");
            for data in [&c, &b, &staged].map(|m| meanings::probes(m, &extra)).concat() {
                let Some(call) = data.to_call() else { continue };
                if !c.arches.contains_key(&call.arch) && !b.arches.contains_key(&call.arch) {
                    prop_assert_eq!(staged.action(&call), Action::KillThread);
                    continue;
                }
                let expected = at.action(c.action(&call), b.action(&call));
                let is = verdict(&profile, &call, NATIVE).action;
                let logged = over && expected == Action::Allow && is == Action::Log;
                prop_assert!(is == expected || logged, "{:?} {:?}: {} instead of {}", at, call, is, expected);
            }
            sets.insert(at as u8, allowed(&staged));
        }
        let judged = |set: &CallSet| {
            let both = c.arches.keys().chain(b.arches.keys());
            both.fold(CallSet::none(), |all, arch| all.union(&CallSet::arch(*arch))).intersection(set)
        };
        if let Some(complain) = sets.get(&1) {
            prop_assert!(*complain == allowed(&c).union(&allowed(&b)));
            prop_assert!(sets.get(&0).is_none_or(|audit| complain.is_subset(audit)));
        }
        prop_assert!(sets.get(&0).is_none_or(|audit| *audit == judged(&CallSet::all())));
        prop_assert!(sets.get(&2).is_none_or(|enforce| *enforce == allowed(&c)));
    }
}
