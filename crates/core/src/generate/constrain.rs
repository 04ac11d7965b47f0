//! From seen argument values to conditions: which arguments a rule constrains, and to what.

use std::collections::BTreeSet;

use super::ArgsMode;
use crate::arch::Arch;
use crate::args::{self, Class, Param, Policy};
use crate::profile::Condition;
use crate::set::Op;
use crate::trace::{Record, Values};

/// `--args exact` constrains an ordinary argument up to this many values.
const MAX_EXACT_VALUES: usize = 8;
/// With more alternatives than this for one call, ordinary arguments are left free, those with most values first.
const MAX_ALTERNATIVES: usize = 128;

/// One alternative of one argument: a condition, and whether a seen value satisfies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) condition: Condition,
    pub(super) seen: bool,
}

/// One alternative of a call: conditions that must all hold, and whether the recording saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Alternative {
    pub(super) conditions: Vec<Condition>,
    pub(super) seen: bool,
}

/// What the arguments of a call are constrained to.
#[derive(Debug, Default)]
pub(super) struct Constraint {
    /// Alternatives; one without conditions means unconstrained.
    pub(super) alternatives: Vec<Alternative>,
    /// Dangerous values that were seen and are left out: text and reason.
    pub(super) withheld: Vec<(String, String)>,
    /// What was widened and why.
    pub(super) notes: Vec<String>,
}

/// The call whose arguments are to be constrained.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) arch: Arch,
    pub(super) name: &'a str,
    pub(super) mode: ArgsMode,
    /// Asked for by name: the whole call, whatever its arguments.
    pub(super) allowed: bool,
}

/// Constrains a call to what was seen of it; `record` is `None` for calls added without being seen.
pub(super) fn constrain(subject: Subject<'_>, record: Option<&Record>) -> Constraint {
    let mut constraint = Constraint::default();
    if subject.allowed || subject.mode == ArgsMode::Off {
        constraint.alternatives = product(&[], record.is_some());
        return constraint;
    }
    let params = args::params_on(subject.arch, subject.name).unwrap_or_default();
    // A column without a choice refuses the whole call: only dangerous values were seen.
    let mut columns: Vec<Vec<Choice>> = Vec::new();
    let mut ordinary: Vec<Vec<Choice>> = Vec::new();
    for (index, param) in params.iter().enumerate().take(6) {
        let values = record.and_then(|r| r.args.get(&(index as u8)));
        let seen = Sighting { values, recorded: record.is_some() };
        let column = choices(subject, (index as u8, param), seen, &mut constraint);
        let kind = if param.class == Class::Surface { &mut columns } else { &mut ordinary };
        kind.extend(column);
    }
    // Ordinary arguments are left free when there are too many combinations; those that open attack surface never.
    let mut alternatives = columns.iter().map(Vec::len).product::<usize>();
    ordinary.sort_by_key(Vec::len);
    for column in ordinary {
        alternatives *= column.len();
        if alternatives <= MAX_ALTERNATIVES {
            columns.push(column);
        } else if let Some(first) = column.first() {
            let index = first.condition.index;
            constraint
                .notes
                .push(format!("{} argument {index}: too many combinations, left free", subject.name));
        }
    }
    columns.sort_by_key(|c| c.first().map(|choice| choice.condition.index));
    constraint.alternatives = product(&columns, record.is_some());
    constraint
}

/// What a rule says of a call that was not seen: its alternatives, each the conditions that must all hold.
pub(crate) fn form(arch: Arch, name: &str) -> Vec<Vec<Condition>> {
    let subject = Subject { arch, name, mode: ArgsMode::Auto, allowed: false };
    constrain(subject, None).alternatives.into_iter().map(|a| a.conditions).collect()
}

/// All combinations of one choice per column; an argument is never named twice, since columns are arguments.
fn product(columns: &[Vec<Choice>], seen: bool) -> Vec<Alternative> {
    let mut found = vec![Alternative { conditions: Vec::new(), seen }];
    for column in columns {
        let extend = |a: &Alternative| {
            let with = |c: &Choice| Alternative {
                conditions: a.conditions.iter().copied().chain([c.condition]).collect(),
                seen: a.seen && c.seen,
            };
            column.iter().map(with).collect::<Vec<_>>()
        };
        found = found.iter().flat_map(extend).collect();
    }
    found
}

/// What a trace holds of one argument.
#[derive(Clone, Copy)]
struct Sighting<'r> {
    values: Option<&'r Values>,
    /// Whether the call was seen at all.
    recorded: bool,
}

/// The alternatives of one argument; `None` when it is left free.
fn choices(
    subject: Subject<'_>,
    (index, param): (u8, &Param),
    Sighting { values, recorded }: Sighting<'_>,
    out: &mut Constraint,
) -> Option<Vec<Choice>> {
    let seen: BTreeSet<u64> = values.map(|v| v.seen.keys().copied().collect()).unwrap_or_default();
    let widened = values.is_some_and(|v| v.widened);
    if param.class == Class::Ordinary {
        let few = (1..=MAX_EXACT_VALUES).contains(&seen.len()) && !widened;
        return (subject.mode == ArgsMode::Exact && few)
            .then(|| exactly(index, param, &seen, &BTreeSet::new()));
    }
    let policy = param.policy.as_ref().filter(|_| param.class == Class::Surface)?;
    if widened {
        let note = format!(
            "{} argument {index} ({}): not every value is known; the profile goes by those that are",
            subject.name, param.name
        );
        out.notes.push(note);
    }
    let accepted = accept(subject, index, &seen, out);
    match policy {
        // Nothing is known of it, so nothing can be allowed: as with a dangerous value, somebody has to ask for it.
        Policy::Seen if seen.is_empty() && recorded => {
            let why =
                "the trace does not hold this argument, which decides how much of the kernel can be reached";
            out.withheld.push((format!("any {}", param.name), why.to_owned()));
            Some(Vec::new())
        }
        Policy::Seen => {
            let pack = args::pack(subject.name, usize::from(index), &accepted);
            let extra = pack.into_iter().map(|(v, _)| v).filter(|v| !accepted.contains(v)).collect();
            Some(exactly(index, param, &accepted, &extra))
        }
        Policy::RefuseBits(mask) => {
            let used = accepted.iter().fold(0, |all, v| all | v);
            let refused = mask & !used;
            let condition = Condition::masked(index, refused, 0);
            (refused != 0).then(|| vec![Choice { condition, seen: !accepted.is_empty() }])
        }
        Policy::RefuseValues(list) => {
            let refused: BTreeSet<u64> = list.iter().copied().filter(|v| !accepted.contains(v)).collect();
            (!refused.is_empty()).then(|| all_but(index, param, &refused, &accepted))
        }
        Policy::NotBoth(mask) => {
            let column = not_both(index, *mask, &accepted);
            if column.is_none() {
                let both = args::format_value(subject.arch, subject.name, usize::from(index), *mask);
                out.notes.push(format!(
                    "{} was seen with {both}, so the rule against it is left out",
                    subject.name
                ));
            }
            column
        }
    }
}

/// The seen values without the dangerous ones, which are reported instead.
fn accept(subject: Subject<'_>, index: u8, seen: &BTreeSet<u64>, out: &mut Constraint) -> BTreeSet<u64> {
    let mut accepted = BTreeSet::new();
    for value in seen {
        match args::danger(subject.arch, subject.name, usize::from(index), *value) {
            Some((constant, why)) => {
                out.withheld.push((constant.to_owned(), why.to_owned()));
            }
            None => {
                accepted.insert(*value);
            }
        }
    }
    accepted
}

/// The bits of the argument that are compared.
fn width(param: &Param) -> u64 {
    (if param.bits >= 64 { u64::MAX } else { (1 << param.bits) - 1 }) & !param.ignore
}

/// Exactly these values. ints are compared as 32 bits by mask, since their upper register halves mean nothing.
fn exactly(index: u8, param: &Param, seen: &BTreeSet<u64>, extra: &BTreeSet<u64>) -> Vec<Choice> {
    let mask = width(param);
    let choice = |value: u64, seen: bool| {
        let condition = if mask == u64::MAX {
            Condition { index, op: Op::Eq, value, value_two: 0 }
        } else {
            Condition::masked(index, mask, value & mask)
        };
        Choice { condition, seen }
    };
    seen.iter().map(|v| choice(*v, true)).chain(extra.iter().map(|v| choice(*v, false))).collect()
}

/// Every value but `refused`, as disjoint masked comparisons: the walk down the bits, leaving at each place where no
/// refused value follows. OCI has no "not equal under a mask", and plain NE would let the upper half through.
fn all_but(index: u8, param: &Param, refused: &BTreeSet<u64>, seen: &BTreeSet<u64>) -> Vec<Choice> {
    let mask = width(param);
    let mut found = Vec::new();
    walk((mask, 0, 0), refused, &mut found);
    let choice = |(mask, bits): (u64, u64)| Choice {
        condition: Condition::masked(index, mask, bits),
        seen: seen.iter().any(|v| v & mask == bits),
    };
    found.into_iter().map(choice).collect()
}

/// `open`: bits still to decide; `mask`/`bits`: the prefix so far.
fn walk((open, mask, bits): (u64, u64, u64), refused: &BTreeSet<u64>, found: &mut Vec<(u64, u64)>) {
    if !refused.iter().any(|v| v & mask == bits) {
        found.push((mask, bits));
    } else if open != 0 {
        let bit = 1 << open.ilog2();
        walk((open & !bit, mask | bit, bits | bit), refused, found);
        walk((open & !bit, mask | bit, bits), refused, found);
    }
}

/// Not all bits of `mask` at once (writable *and* executable), as disjoint comparisons.
fn not_both(index: u8, mask: u64, seen: &BTreeSet<u64>) -> Option<Vec<Choice>> {
    if seen.iter().any(|v| v & mask == mask) {
        return None;
    }
    let mut found = Vec::new();
    let mut prefix = 0;
    for bit in (0..64).map(|n| 1 << n).filter(|bit| mask & bit != 0) {
        let condition = Condition::masked(index, prefix | bit, prefix);
        found.push(Choice { condition, seen: seen.iter().any(|v| v & (prefix | bit) == prefix) });
        prefix |= bit;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_two_values_is_exact_and_disjoint() {
        let param = args::params("ioctl").unwrap()[1];
        let refused = BTreeSet::from([0x5412, 0x541c]);
        let choices = all_but(1, &param, &refused, &BTreeSet::from([0x5401]));
        for value in (0x5400..0x5440_u64).chain([0, 1, 0xffff_ffff, 0x8004_5430]) {
            let hits = choices.iter().filter(|c| c.condition.holds(&[0, value, 0, 0, 0, 0])).count();
            assert_eq!(hits, usize::from(!refused.contains(&value)), "{value:#x}");
            let high = value | 0xffff_ffff_0000_0000;
            let hits = choices.iter().filter(|c| c.condition.holds(&[0, high, 0, 0, 0, 0])).count();
            assert_eq!(hits, usize::from(!refused.contains(&value)), "{high:#x}");
        }
        assert_eq!(choices.iter().filter(|c| c.seen).count(), 1);
    }

    #[test]
    fn writable_or_executable_but_not_both() {
        let choices = not_both(2, 2 | 4, &BTreeSet::from([1, 3, 5])).unwrap();
        for prot in 0..8_u64 {
            let hits = choices.iter().filter(|c| c.condition.holds(&[0, 0, prot, 0, 0, 0])).count();
            assert_eq!(hits, usize::from(prot & 6 != 6), "{prot}");
        }
        assert!(not_both(2, 6, &BTreeSet::from([7])).is_none());
    }
}
