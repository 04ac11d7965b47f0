//! Sets of calls over every architecture and number there is.

use std::collections::{BTreeMap, BTreeSet};

use super::argbox::ArgBox;
use super::region::Region;
use crate::action::Action;
use crate::arch::{Arch, X32_BIT};
use crate::call::Call;
use crate::meaning::{Meaning, Rules};

/// A set of calls, exact under every operation.
///
/// Per architecture some numbers are *listed*, each with its own [`Region`]; all the *rest* are in or out by stretches.
/// Architectures without a table are in or out as one. Numbers that no call can have (an x86_64 number with the x32 bit)
/// are never in. Equality is equality of the sets.
#[derive(Clone, Debug)]
pub struct CallSet {
    /// In the order of [`Arch::ALL`].
    arches: [Numbers; Arch::ALL.len()],
    other: bool,
}

/// The calls of one architecture.
#[derive(Clone, Debug)]
struct Numbers {
    listed: BTreeMap<u32, Region>,
    rest: Rest,
}

/// Whether numbers that are not listed are in: from each start on, up to the next.
#[derive(Clone, Debug)]
struct Rest(BTreeMap<u32, bool>);

impl CallSet {
    /// No call.
    pub fn none() -> Self {
        Self::constant(false)
    }

    /// Every call of every architecture, with or without a table.
    pub fn all() -> Self {
        Self::constant(true)
    }

    /// Every call of one architecture.
    pub fn arch(arch: Arch) -> Self {
        let mut set = Self::none();
        set.set_rest(arch, true);
        set
    }

    fn constant(rest: bool) -> Self {
        let numbers = |_| Numbers { listed: BTreeMap::new(), rest: Rest::constant(rest) };
        Self { arches: std::array::from_fn(numbers), other: rest }
    }

    /// The calls for whose action `pred` holds.
    pub fn of(meaning: &Meaning, pred: impl Fn(Action) -> bool) -> Self {
        let mut set = Self::constant(pred(meaning.bad_arch));
        for (arch, rules) in &meaning.arches {
            set.set_rest(*arch, pred(rules.default));
            for (from, action) in &rules.beyond {
                set.set_rest_from(*arch, *from, pred(*action));
            }
            for nr in rules.calls.keys() {
                set.insert(*arch, *nr, region_of(rules, *nr, &pred));
            }
        }
        set
    }

    /// The arguments of one number for whose action `pred` holds: [`CallSet::region`] of [`CallSet::of`], for whoever asks of few.
    pub fn region_where(meaning: &Meaning, arch: Arch, nr: u32, pred: impl Fn(Action) -> bool) -> Region {
        match meaning.arches.get(&arch) {
            _ if !exists(arch, nr) => Region::none(),
            Some(rules) => region_of(rules, nr, &pred),
            None if pred(meaning.bad_arch) => Region::all(),
            None => Region::none(),
        }
    }

    /// The same set with the arguments of one number replaced.
    #[must_use]
    pub fn with(mut self, arch: Arch, nr: u32, region: impl Into<Region>) -> Self {
        self.insert(arch, nr, region);
        self
    }

    /// Replaces the arguments of one number.
    pub fn insert(&mut self, arch: Arch, nr: u32, region: impl Into<Region>) {
        self.arches[arch as usize].insert(arch, nr, region.into());
    }

    /// Puts all numbers of an architecture that are not listed in or out.
    pub fn set_rest(&mut self, arch: Arch, rest: bool) {
        self.arches[arch as usize].rest = Rest::constant(rest);
    }

    /// The same from number `from` on.
    pub fn set_rest_from(&mut self, arch: Arch, from: u32, rest: bool) {
        let Rest(starts) = &mut self.arches[arch as usize].rest;
        starts.split_off(&from);
        starts.insert(from, rest);
    }

    /// Puts all architectures without a table in or out.
    pub fn set_other(&mut self, other: bool) {
        self.other = other;
    }

    /// Where the numbers of `arch` that are not listed begin to be in or out: from number 0 on, in order.
    pub fn rest(&self, arch: Arch) -> impl Iterator<Item = (u32, bool)> {
        self.arches[arch as usize].rest.0.iter().map(|(from, rest)| (*from, *rest))
    }

    /// Whether architectures without a table are in.
    pub fn other(&self) -> bool {
        self.other
    }

    /// The listed numbers of one architecture, in order, with the arguments that are in: possibly none or all.
    pub fn listed(&self, arch: Arch) -> impl Iterator<Item = (u32, &Region)> {
        self.arches[arch as usize].listed.iter().map(|(nr, region)| (*nr, region))
    }

    /// Every listed number of every architecture, as [`CallSet::listed`].
    pub fn iter(&self) -> impl Iterator<Item = (Arch, u32, &Region)> {
        Arch::ALL.into_iter().flat_map(|arch| self.listed(arch).map(move |(nr, region)| (arch, nr, region)))
    }

    /// The arguments of one number that are in.
    pub fn region(&self, arch: Arch, nr: u32) -> Region {
        if exists(arch, nr) { self.arches[arch as usize].region(nr) } else { Region::none() }
    }

    /// Whether the call is in. Upper halves of arguments do not count on 32-bit ABIs.
    pub fn contains(&self, call: &Call) -> bool {
        let numbers = &self.arches[call.arch as usize];
        exists(call.arch, call.nr)
            && numbers.listed.get(&call.nr).map_or_else(
                || numbers.rest.of(call.nr),
                |region| region.contains(&Call::new(call.arch, call.nr, call.args).args),
            )
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.combine(other, |a, b| a || b, Region::union)
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.combine(other, |a, b| a && b, Region::intersection)
    }

    /// What is in this one only.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.combine(other, |a, b| a && !b, Region::difference)
    }

    /// What is not in it.
    #[must_use]
    pub fn complement(&self) -> Self {
        Self::all().difference(self)
    }

    fn combine(
        &self,
        other: &Self,
        rest: impl Fn(bool, bool) -> bool,
        region: impl Fn(&Region, &Region) -> Region,
    ) -> Self {
        let arches = std::array::from_fn(|i| {
            let (a, b) = (&self.arches[i], &other.arches[i]);
            let mut numbers = Numbers { listed: BTreeMap::new(), rest: a.rest.combine(&b.rest, &rest) };
            let keys: BTreeSet<u32> = a.listed.keys().chain(b.listed.keys()).copied().collect();
            for nr in keys {
                numbers.insert(Arch::ALL[i], nr, region(&a.region(nr), &b.region(nr)));
            }
            numbers
        });
        Self { arches, other: rest(self.other, other.other) }
    }

    /// Whether no call is in, of architectures without a table neither.
    pub fn is_empty(&self) -> bool {
        !self.other && self.witness().is_none()
    }

    /// A call that is in: of a listed number if there is one, otherwise of the smallest number that is not listed.
    ///
    /// `None` for a set that holds only calls of architectures without a table, since those have no [`Call`];
    /// see [`CallSet::other`].
    pub fn witness(&self) -> Option<Call> {
        let listed =
            self.iter().find_map(|(arch, nr, region)| region.witness().map(|args| Call { arch, nr, args }));
        listed.or_else(|| {
            let of =
                |arch| self.arches[arch as usize].unlisted(arch).map(|nr| Call { arch, nr, args: [0; 6] });
            Arch::ALL.into_iter().find_map(of)
        })
    }

    /// Whether every call of it is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.difference(other).is_empty()
    }
}

impl Numbers {
    fn region(&self, nr: u32) -> Region {
        self.listed
            .get(&nr)
            .cloned()
            .unwrap_or_else(|| if self.rest.of(nr) { Region::all() } else { Region::none() })
    }

    /// The smallest number that is in without being listed.
    fn unlisted(&self, arch: Arch) -> Option<u32> {
        let starts: Vec<(u32, bool)> = self.rest.0.iter().map(|(from, rest)| (*from, *rest)).collect();
        let ends = starts.iter().skip(1).map(|(from, _)| from - 1).chain([u32::MAX]);
        let stretches = starts.iter().zip(ends).filter(|((_, rest), _)| *rest);
        // Numbers that cannot occur are a stretch of thousands of millions; the search leaves them out.
        let last = if matches!(arch, Arch::X86_64 | Arch::X32) { X32_BIT - 1 } else { u32::MAX };
        let free = |nr: &u32| exists(arch, *nr) && !self.listed.contains_key(nr);
        let found = stretches.clone().find_map(|((from, _), end)| (*from..=end.min(last)).find(free));
        let highest = || stretches.clone().find(|(_, end)| *end == u32::MAX).map(|_| u32::MAX).filter(free);
        found.or_else(highest)
    }

    fn insert(&mut self, arch: Arch, nr: u32, region: Region) {
        if !exists(arch, nr) {
            return;
        }
        self.listed.insert(nr, if arch.arg_bits() == 32 { region.narrowed() } else { region });
    }
}

impl Rest {
    fn constant(rest: bool) -> Self {
        Self(BTreeMap::from([(0, rest)]))
    }

    fn of(&self, nr: u32) -> bool {
        self.0.range(..=nr).next_back().is_some_and(|(_, rest)| *rest)
    }

    fn combine(&self, other: &Self, rest: impl Fn(bool, bool) -> bool) -> Self {
        let starts = self.0.keys().chain(other.0.keys());
        let mut combined: BTreeMap<u32, bool> =
            starts.map(|from| (*from, rest(self.of(*from), other.of(*from)))).collect();
        let mut last = None;
        combined.retain(|_, rest| last.replace(*rest) != Some(*rest));
        Self(combined)
    }
}

/// Whether a call of this ABI can carry this number: the x32 bit takes numbers away from x86_64, and the skip number of
/// tracers one from x32; see [`Arch::split`].
pub(crate) fn exists(arch: Arch, nr: u32) -> bool {
    let (token, raw) = arch.raw(nr);
    Arch::split(token, raw) == Some((arch, nr))
}

/// The arguments of one number for whose action `pred` holds.
///
/// Earlier clauses win, so they are painted over later ones.
fn region_of(rules: &Rules, nr: u32, pred: &impl Fn(Action) -> bool) -> Region {
    let whole = |action| if pred(action) { Region::all() } else { Region::none() };
    let clauses = rules.calls.get(&nr).map_or(&[][..], Vec::as_slice);
    if let Some(first) = clauses.first().filter(|first| first.args.is_any()) {
        return whole(first.action);
    }
    let mut region = whole(rules.otherwise(nr));
    for clause in clauses.iter().rev() {
        let args = Region::from(clause.args);
        region = if pred(clause.action) { region.union(&args) } else { region.difference(&args) };
    }
    region
}

impl From<&Call> for CallSet {
    /// The set of one call.
    fn from(call: &Call) -> Self {
        let one = |args: [u64; 6]| {
            args.into_iter().enumerate().fold(ArgBox::any(), |b, (i, v)| b.with(i, super::ArgSet::exactly(v)))
        };
        Self::none().with(call.arch, call.nr, one(Call::new(call.arch, call.nr, call.args).args))
    }
}

impl PartialEq for CallSet {
    fn eq(&self, other: &Self) -> bool {
        self.is_subset(other) && other.is_subset(self)
    }
}

impl Eq for CallSet {}

#[cfg(test)]
mod tests {
    use super::super::arg::{ArgSet, Op};
    use super::*;
    use crate::meaning::Clause;
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

    const ACTIONS: [Action; 4] = [Action::Allow, Action::Log, Action::Errno(1), Action::KillThread];

    fn action() -> impl Strategy<Value = Action> {
        (0usize..4).prop_map(|i| ACTIONS[i])
    }

    fn clauses() -> impl Strategy<Value = Vec<Clause>> {
        let conditions = vec((0usize..2, 0usize..7, 0u64..16, 0u64..16), 0..3);
        vec((conditions, action()), 0..4).prop_map(|list| {
            list.into_iter()
                .flat_map(|(conditions, action)| {
                    let list: Vec<_> =
                        conditions.into_iter().map(|(i, op, a, b)| (i, Op::ALL[op].0, a, b)).collect();
                    ArgBox::from_conditions(&list).into_iter().map(move |args| Clause { args, action })
                })
                .collect()
        })
    }

    fn meaning() -> impl Strategy<Value = Meaning> {
        let nr = prop_oneof![0u32..4, Just(0x4000_0001), Just(u32::MAX)];
        let from = prop_oneof![0u32..6, Just(0x3fff_ffff), Just(u32::MAX)];
        let rules = (btree_map(nr, clauses(), 0..4), action(), btree_map(from, action(), 0..3))
            .prop_map(|(calls, default, beyond)| Rules { calls, default, beyond });
        let arch = prop_oneof![Just(Arch::X86_64), Just(Arch::X86), Just(Arch::X32)];
        (btree_map(arch, rules, 0..3), action()).prop_map(|(arches, bad_arch)| Meaning { arches, bad_arch })
    }

    fn probes() -> impl Iterator<Item = Call> {
        let numbers = [0, 1, 2, 3, 4, 5, 0x3fff_fffe, 0x3fff_ffff, 0x4000_0000, u32::MAX];
        [Arch::X86_64, Arch::X86, Arch::X32, Arch::Arm].into_iter().flat_map(move |arch| {
            numbers.into_iter().flat_map(move |nr| {
                (0..17)
                    .flat_map(move |a| [0, 3, 7, 15, 16].map(|b| Call { arch, nr, args: [a, b, 0, 0, 0, 0] }))
            })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn call_sets_agree_with_the_meanings_they_come_from(m in meaning(), n in meaning()) {
            let (a, b) = (CallSet::of(&m, Action::permits), CallSet::of(&n, Action::permits));
            let (union, both, less, not) = (a.union(&b), a.intersection(&b), a.difference(&b), a.complement());
            for call in probes().filter(|c| exists(c.arch, c.nr)) {
                let (in_a, in_b) = (m.action(&call).permits(), n.action(&call).permits());
                prop_assert_eq!(a.contains(&call), in_a, "{:?}", call);
                prop_assert_eq!(union.contains(&call), in_a || in_b);
                prop_assert_eq!(both.contains(&call), in_a && in_b);
                prop_assert_eq!(less.contains(&call), in_a && !in_b);
                prop_assert_eq!(not.contains(&call), !in_a);
            }
            for set in [&a, &union, &both, &less, &not] {
                prop_assert!(set.witness().is_none_or(|w| set.contains(&w) && exists(w.arch, w.nr)));
                prop_assert_eq!(set.is_empty(), set.witness().is_none() && !set.other());
            }
            prop_assert!(less.witness().is_none_or(|w| m.action(&w).permits() && !n.action(&w).permits()));
            prop_assert_eq!(union.complement(), a.complement().intersection(&b.complement()));
            prop_assert_eq!(a == b, less.is_empty() && b.difference(&a).is_empty());
        }
    }

    #[test]
    fn upper_halves_do_not_exist_on_32_bit_abis() {
        let high = ArgBox::any().with(2, ArgSet::range(0x1_0000_0000, u64::MAX));
        assert!(CallSet::none().with(Arch::X86, 1, high).is_empty());
        assert!(!CallSet::none().with(Arch::X32, 1, high).is_empty());
        let low = ArgBox::any().with(2, ArgSet::range(0, 0xffff_ffff));
        let set = CallSet::arch(Arch::Arm).with(Arch::Arm, 1, low);
        assert_eq!(set, CallSet::arch(Arch::Arm));
    }

    #[test]
    fn the_witness_for_the_rest_is_a_number_that_is_not_listed() {
        let mut set = CallSet::arch(Arch::X86_64);
        for nr in 0..3 {
            set.insert(Arch::X86_64, nr, Region::none());
        }
        assert_eq!(set.witness(), Some(Call { arch: Arch::X86_64, nr: 3, args: [0; 6] }));
    }

    #[test]
    fn numbers_that_cannot_occur_are_never_in() {
        let set = CallSet::none().with(Arch::X86_64, 0x4000_0001, Region::all()).with(
            Arch::X32,
            0xbfff_ffff,
            Region::all(),
        );
        assert!(set.is_empty());
        assert!(!CallSet::all().contains(&Call { arch: Arch::X86_64, nr: 0x4000_0001, args: [0; 6] }));
    }

    #[test]
    fn architectures_without_a_table_count() {
        let set = CallSet::all().difference(
            &Arch::ALL.into_iter().fold(CallSet::none(), |set, arch| set.union(&CallSet::arch(arch))),
        );
        assert!(set.other() && !set.is_empty() && set.witness().is_none());
    }
}
