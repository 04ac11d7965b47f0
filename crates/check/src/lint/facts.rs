//! What is known of every call, by its place in [`sysno::names`]: rules ask it of each name of each profile.

use std::sync::OnceLock;

use callgate_core::{Arch, args, group, sysno};

/// One call.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fact {
    /// Bit `n`: the `n`-th of [`Arch::ALL`] has it.
    arches: u16,
    /// Why it is dangerous, whatever its arguments.
    pub(crate) danger: Option<&'static str>,
    /// Whether some of its arguments may be, somewhere.
    pub(crate) has_arguments: bool,
}

impl Fact {
    /// Whether one of these has it.
    pub(crate) fn is_on(self, arches: &[Arch]) -> bool {
        arches.iter().any(|arch| self.arches >> (*arch as u16) & 1 == 1)
    }
}

/// What is known of a call.
pub(crate) fn of(position: usize) -> Fact {
    static FACTS: OnceLock<Vec<Fact>> = OnceLock::new();
    FACTS.get_or_init(all).get(position).copied().unwrap_or_default()
}

fn all() -> Vec<Fact> {
    let names = sysno::names();
    let mut facts = vec![Fact::default(); names.len()];
    for arch in Arch::ALL {
        // Both are sorted by name.
        let mut at = 0;
        for entry in sysno::by_name(arch) {
            while names.get(at).is_some_and(|name| *name < entry.name) {
                at += 1;
            }
            if let Some(fact) = facts.get_mut(at) {
                fact.arches |= 1 << (arch as u16);
            }
        }
    }
    for (fact, name) in facts.iter_mut().zip(names) {
        fact.danger = group::danger(name);
        fact.has_arguments =
            args::params(name).is_some_and(|params| params.iter().any(|p| p.class == args::Class::Surface));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_those_of_the_tables() {
        for (position, name) in sysno::names().iter().enumerate() {
            let fact = of(position);
            assert_eq!(fact.danger, group::danger(name), "{name}");
            for arch in Arch::ALL {
                assert_eq!(fact.is_on(&[arch]), sysno::number(arch, name).is_some(), "{name} on {arch}");
                assert!(fact.has_arguments || args::danger_names(arch, name).is_empty(), "{name} on {arch}");
            }
        }
    }
}
