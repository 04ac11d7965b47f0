//! What a default profile refuses, and what a capability would open.

use callgate_core::baseline::{Edition, Machine};
use callgate_core::set::CallSet;
use callgate_core::{Action, Call, group, sysno};

/// A call that is refused, for all or for some arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// Its name.
    pub call: &'static str,
    /// Its topic: `@mount`.
    pub group: &'static str,
    /// What happens to `witness`; other arguments may be refused in another way.
    pub action: Action,
    /// Arguments that are refused.
    pub witness: Call,
    /// Whether no arguments are allowed.
    pub wholly: bool,
    /// The capabilities that the container lacks of which each one alone opens it, or more of it; sorted.
    pub opened_by: Vec<&'static str>,
}

/// Every call of the machine's own architecture that is refused, sorted by topic and name.
///
/// A bounding set decides which rules of a default count: with more capabilities, more is allowed.
pub fn blocked(edition: &Edition, machine: &Machine) -> Vec<Blocked> {
    let meaning = edition.meaning(machine);
    let allowed = CallSet::of(&meaning, Action::permits);
    let missing = edition.baseline.deciding_caps().into_iter().filter(|cap| !machine.caps.contains(*cap));
    let with: Vec<(&'static str, CallSet)> = missing
        .map(|cap| {
            let mut machine = machine.clone();
            machine.caps.insert(cap.to_owned());
            (cap, CallSet::of(&edition.meaning(&machine), Action::permits).difference(&allowed))
        })
        .collect();
    let refused = |entry: &sysno::Entry| {
        let region = allowed.region(machine.arch, entry.nr);
        let witness = region.complement().witness()?;
        let rules = meaning.arches.get(&machine.arch)?;
        let opens = |(_, more): &&(&str, CallSet)| !more.region(machine.arch, entry.nr).is_empty();
        Some(Blocked {
            call: entry.name(),
            group: group::primary(entry.name()).unwrap_or("@other"),
            action: rules.action(entry.nr, &witness),
            witness: Call::new(machine.arch, entry.nr, witness),
            wholly: region.is_empty(),
            opened_by: with.iter().filter(opens).map(|(cap, _)| *cap).collect(),
        })
    };
    let mut found: Vec<Blocked> = sysno::table(machine.arch).iter().filter_map(refused).collect();
    found.sort_by_key(|b| (b.group, b.call));
    found
}

#[cfg(test)]
mod tests {
    use callgate_core::baseline::{Kernel, all, named};
    use callgate_core::{Arch, errno};
    use proptest::prelude::*;

    use super::*;

    fn on_x86_64(name: &str) -> (Edition, Machine) {
        let edition = named(name).expect("it is there");
        let machine = edition.baseline.machine(Arch::X86_64, Kernel::new(6, 1));
        (edition, machine)
    }

    fn of<'b>(found: &'b [Blocked], call: &str) -> Option<&'b Blocked> {
        found.iter().find(|b| b.call == call)
    }

    #[test]
    fn refused_calls_say_which_capability_opens_them() {
        let (edition, machine) = on_x86_64("containerd");
        let found = blocked(&edition, &machine);
        let bpf = of(&found, "bpf").expect("it is refused");
        assert_eq!((bpf.wholly, bpf.opened_by.as_slice()), (true, &["CAP_BPF", "CAP_SYS_ADMIN"][..]));
        let clone = of(&found, "clone").expect("it is refused in part");
        assert_eq!((clone.wholly, clone.opened_by.as_slice()), (false, &["CAP_SYS_ADMIN"][..]));
        let clone3 = of(&found, "clone3").expect("it is refused");
        assert_eq!(clone3.action, Action::Errno(errno::ENOSYS));
        let ring = of(&found, "io_uring_setup").expect("it is refused");
        assert!(ring.opened_by.is_empty());
        assert_eq!(of(&found, "read"), None);
    }

    proptest! {
        #[test]
        fn what_is_listed_is_refused_and_nothing_else_is(
            which in 0..all().len(), caps in proptest::sample::subsequence(callgate_core::capability::NAMES.to_vec(), 0..6),
            at in any::<proptest::sample::Index>(), args in proptest::array::uniform6(prop_oneof![0u64..50, any::<u64>()]),
        ) {
            let edition = all()[which].newest();
            let machine = Machine::new(Arch::X86_64, Kernel::new(6, 1), caps);
            let found = blocked(&edition, &machine);
            let entry = at.get(sysno::table(Arch::X86_64));
            let does = edition.meaning(&machine).action(&Call::new(Arch::X86_64, entry.nr, args));
            match of(&found, entry.name()) {
                None => prop_assert!(does.permits(), "{}", entry.name()),
                Some(listed) => {
                    prop_assert!(!(listed.wholly && does.permits()), "{}", entry.name());
                    let does = edition.meaning(&machine).action(&listed.witness);
                    prop_assert!(!does.permits(), "{}", entry.name());
                    prop_assert_eq!(does, listed.action, "{}", entry.name());
                }
            }
        }
    }
}
