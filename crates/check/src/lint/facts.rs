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
    let mut dangers = group::dangers().peekable();
    let mut surfaces = args::surfaces().peekable();
    let fact = |(position, name): (usize, &&'static str)| {
        let on = |arch: &Arch| sysno::entry_at(*arch, position).is_some();
        let arches = Arch::ALL.iter().filter(|arch| on(arch)).map(|arch| 1 << (*arch as u16)).sum();
        // These are sorted by name, too.
        while dangers.next_if(|(call, _)| call < name).is_some() {}
        while surfaces.next_if(|call| call < name).is_some() {}
        let danger = dangers.next_if(|(call, _)| call == name).map(|(_, why)| why);
        Fact { arches, danger, has_arguments: surfaces.next_if(|call| call == name).is_some() }
    };
    sysno::names().iter().enumerate().map(fact).collect()
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
