//! Two meanings side by side: the calls that they treat differently, each with one that shows it.

use std::collections::BTreeSet;

use callgate_core::set::CallSet;
use callgate_core::{Action, Arch, Call, Meaning, sysno};

/// Arguments of a call that two meanings give different actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contrast {
    /// The name.
    pub call: &'static str,
    /// What the first does.
    pub first: Action,
    /// What the second does.
    pub second: Action,
    /// A call that shows it.
    pub witness: Call,
    /// Whether they treat the call so whatever its arguments are.
    pub wholly: bool,
}

/// Every difference between them in calls that have a name: by architecture, then by name, then by action.
pub fn contrast(first: &Meaning, second: &Meaning) -> Vec<Contrast> {
    let arches: BTreeSet<Arch> = first.arches.keys().chain(second.arches.keys()).copied().collect();
    let mut found = Vec::new();
    for x in actions(first) {
        let ours = CallSet::of(first, |action| action == x);
        for y in actions(second).into_iter().filter(|y| *y != x) {
            let both = ours.intersection(&CallSet::of(second, |action| action == y));
            for (arch, entry) in arches.iter().flat_map(|a| sysno::table(*a).iter().map(move |e| (*a, e))) {
                let region = both.region(arch, entry.nr);
                let Some(args) = region.witness() else { continue };
                let witness = Call::new(arch, entry.nr, args);
                let wholly = region.is_all();
                found.push(Contrast { call: entry.name, first: x, second: y, witness, wholly });
            }
        }
    }
    found.sort_by_key(|c| (c.witness.arch, c.call, c.first, c.second));
    found
}

/// Every action that some call gets.
fn actions(meaning: &Meaning) -> BTreeSet<Action> {
    let rules = meaning.arches.values();
    let clauses = rules.clone().flat_map(|r| r.calls.values().flatten().map(|clause| clause.action));
    clauses.chain(rules.flat_map(callgate_core::meaning::Rules::defaults)).chain([meaning.bad_arch]).collect()
}

#[cfg(test)]
mod tests {
    use callgate_core::baseline::{Kernel, all, named};
    use proptest::prelude::*;

    use super::*;

    fn of(name: &str) -> Meaning {
        let edition = named(name).expect("it is there");
        edition.meaning(&edition.baseline.machine(Arch::X86_64, Kernel::new(6, 1)))
    }

    #[test]
    fn releases_differ_in_what_came_between_them() {
        let found = contrast(&of("containerd@1.7.12"), &of("containerd@1.7.13"));
        let native: Vec<_> =
            found.iter().filter(|c| c.witness.arch == Arch::X86_64).map(|c| c.call).collect();
        // set_mempolicy_home_node came, too, for CAP_SYS_NICE.
        assert_eq!(
            native,
            ["cachestat", "fchmodat2", "futex_requeue", "futex_wait", "futex_wake", "map_shadow_stack",]
        );
        assert!(found.iter().all(|c| c.wholly && !c.first.permits() && c.second == Action::Allow));
    }

    #[test]
    fn arguments_that_differ_are_shown_by_a_call() {
        let found = contrast(&of("docker"), &of("podman"));
        let socket: Vec<_> =
            found.iter().filter(|c| c.call == "socket" && c.witness.arch == Arch::X86_64).collect();
        assert_eq!(socket.len(), 2);
        assert!(socket.iter().all(|c| !c.wholly));
    }

    proptest! {
        #[test]
        fn every_difference_and_nothing_else_is_found(
            pair in (0..all().len(), 0..all().len()), at in any::<proptest::sample::Index>(),
            args in proptest::array::uniform6(prop_oneof![0u64..50, any::<u64>()]),
        ) {
            let meaning = |which: usize| of(all()[which].name);
            let (first, second) = (meaning(pair.0), meaning(pair.1));
            let found = contrast(&first, &second);
            for c in &found {
                prop_assert_eq!((first.action(&c.witness), second.action(&c.witness)), (c.first, c.second));
            }
            let call = Call::new(Arch::X86_64, at.get(sysno::table(Arch::X86_64)).nr, args);
            let (x, y) = (first.action(&call), second.action(&call));
            let same_call = |c: &&Contrast| (c.witness.arch, c.witness.nr) == (call.arch, call.nr);
            let listed = found.iter().filter(same_call).any(|c| (c.first, c.second) == (x, y));
            prop_assert_eq!(x != y, listed);
        }
    }
}
