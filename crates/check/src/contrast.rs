//! Two meanings side by side: the calls that they treat differently, each with one that shows it.

use callgate_core::pair::TooMany;
use callgate_core::{Action, Arch, Call, Meaning};

use crate::Subject;
use crate::diff::{Change, diff};

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
pub fn contrast(first: &Meaning, second: &Meaning) -> Result<Vec<Contrast>, TooMany> {
    // Neither is written in a file, so that it does not matter whose machine they are for.
    let subject = |meaning| Subject { meaning, profile: None, native: Arch::X86_64 };
    let named = |change: Change| {
        let (call, wholly) = (change.name?, !change.conditional);
        let (first, second) = (change.before.action, change.after.action);
        Some(Contrast { call, first, second, witness: change.witness, wholly })
    };
    let changes = diff(&subject(first), &subject(second))?;
    let mut found: Vec<Contrast> = changes.into_iter().filter_map(named).collect();
    found.sort_by_key(|c| (c.witness.arch, c.call, c.first, c.second));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use callgate_core::baseline::{Kernel, all, named};
    use callgate_core::sysno;
    use proptest::prelude::*;

    use super::*;

    fn of(name: &str) -> Meaning {
        let edition = named(name).expect("it is there");
        edition.meaning(&edition.baseline.machine(Arch::X86_64, Kernel::new(6, 1)))
    }

    #[test]
    fn releases_differ_in_what_came_between_them() {
        let found = contrast(&of("containerd@1.7.12"), &of("containerd@1.7.13")).unwrap();
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
        let found = contrast(&of("docker"), &of("podman")).unwrap();
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
            let found = contrast(&first, &second).expect("defaults are small");
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
