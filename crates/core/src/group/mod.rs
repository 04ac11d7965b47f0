//! Groups of system calls: words for what a program does, in place of hundreds of names.
//!
//! Every call has exactly one *primary* group, its topic (`@file-io`, `@signals` …), so that a profile can be written
//! as one rule per topic. Topics nest (`@network` holds `@sockets`), and three groups cut across them: `@dangerous`,
//! `@privileged` and `@obsolete`. The tables are generated from `data/groups.toml`.

mod table;

/// A named set of system calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// The name, with its `@`.
    pub name: &'static str,
    /// One line that says what the calls are for.
    pub about: &'static str,
    /// The calls it names itself, sorted.
    pub calls: &'static [&'static str],
    /// The groups inside it, sorted, with their `@`.
    pub groups: &'static [&'static str],
}

impl Group {
    /// Whether the call is in the group or in one inside it.
    pub fn contains(&self, call: &str) -> bool {
        self.calls.binary_search(&call).is_ok() || self.inner().any(|group| group.contains(call))
    }

    /// Every call of the group and of those inside it, sorted, each once.
    pub fn expand(&self) -> Vec<&'static str> {
        let mut calls = self.calls.to_vec();
        for group in self.inner() {
            calls.extend(group.expand());
        }
        calls.sort_unstable();
        calls.dedup();
        calls
    }

    fn inner(&self) -> impl Iterator<Item = &'static Self> {
        self.groups.iter().filter_map(|name| find(name))
    }
}

/// Every group, sorted by name.
pub fn all() -> &'static [Group] {
    &table::GROUPS
}

/// Looks a group up, with or without its `@`.
pub fn find(name: &str) -> Option<&'static Group> {
    let bare = name.strip_prefix('@').unwrap_or(name);
    let at = table::GROUPS.binary_search_by(|group| group.name[1..].cmp(bare)).ok()?;
    Some(&table::GROUPS[at])
}

/// Every call of a group and of those inside it, sorted, each once.
pub fn expand(name: &str) -> Option<Vec<&'static str>> {
    find(name).map(Group::expand)
}

/// The names of all groups that hold the call, themselves or through a group inside them; sorted.
pub fn of(call: &str) -> Vec<&'static str> {
    all().iter().filter(|group| group.contains(call)).map(|group| group.name).collect()
}

/// The topic of a call: the one group a profile files it under. `None`: no ABI has such a call.
pub fn primary(call: &str) -> Option<&'static str> {
    value(&table::PRIMARY, call)
}

/// Whether the call must never be allowed merely because a recorded program made it.
pub fn is_dangerous(call: &str) -> bool {
    danger(call).is_some()
}

/// Why the call is dangerous, in words that continue "`ptrace` …". `None`: it is not.
pub fn danger(call: &str) -> Option<&'static str> {
    value(&table::DANGERS, call)
}

/// The dangerous calls, sorted, and why each is.
pub fn dangers() -> impl Iterator<Item = (&'static str, &'static str)> {
    table::DANGERS.iter().copied()
}

/// Whether the call fails with EPERM for nearly everybody who lacks a capability.
pub fn is_privileged(call: &str) -> bool {
    table::PRIVILEGED.binary_search(&call).is_ok()
}

/// Looks a key up in a sorted table.
fn value(pairs: &'static [(&'static str, &'static str)], key: &str) -> Option<&'static str> {
    let at = pairs.binary_search_by_key(&key, |(k, _)| k).ok()?;
    Some(pairs[at].1)
}

#[cfg(test)]
mod tests;
