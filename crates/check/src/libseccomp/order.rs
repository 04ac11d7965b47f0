//! Which of several rules of one call decides.
//!
//! Known, each by experiment with runc and crun and by `src/db.c`: a rule without conditions beats all others, the first of
//! several stands; of two rules of which one asks for more than the other, the more general one stands if it came first, and
//! is refused (EEXIST) if it came last and does something else; rules with one condition each are asked by index, the
//! highest first, then equality before order. Where others meet with different actions: undecided.

use callgate_core::Arch;
use callgate_core::meaning::Clause;
use callgate_core::set::{ArgBox, ArgSet, Op};

use super::{Condition, Rule, Undecided};
use crate::document::Refusal;

const OVERLAP: &str =
    "rules with different actions meet here, and which one counts depends on the insides of libseccomp";
const MANY: &str = "so many rules with different actions are too many to say which one counts";
const WIDE: &str =
    "libseccomp compares 32 bits on this ABI, and the rule asks for more than it can say with them";

/// More rules of one call, with different actions, are not compared with each other: that takes the square of their number.
/// Staged profiles of a few hundred rules for one call are what it has to be above.
const MAX_COMPARED: usize = 1024;

/// The clauses of one call with the entries they come from, first match wins.
pub(super) fn decide(
    (arch, nr): (Arch, u32),
    rules: &[&Rule],
    undecided: &mut Vec<Undecided>,
) -> Result<Vec<(Clause, usize)>, Refusal> {
    let unconditional = |rule: &&&Rule| rule.conditions.iter().all(|c| always_holds(arch, c));
    if let Some(rule) = rules.iter().find(unconditional) {
        return Ok(vec![(Clause::any(rule.action), rule.entry)]);
    }
    if rules.len() > MAX_COMPARED && rules.iter().any(|rule| rule.action != rules[0].action) {
        let entries = rules.iter().take(2).map(|rule| rule.entry).collect();
        undecided.push(Undecided { arch, nr, args: ArgBox::any(), entries, why: MANY });
        return Ok(Vec::new());
    }
    let rules: Vec<Rule> = rules.iter().map(|rule| simplified(arch, rule)).collect();
    let mut kept = taking_part(&rules)?;
    if kept.iter().any(|rule| rule.action != kept[0].action) {
        undecided.extend(meetings((arch, nr), &kept));
    }
    if arch.arg_bits() == 32 || arch == Arch::X32 {
        let wide = |rule: &&&Rule| rule.conditions.iter().any(is_wide);
        undecided.extend(kept.iter().filter(wide).map(|rule| Undecided {
            arch,
            nr,
            args: ArgBox::any(),
            entries: vec![rule.entry],
            why: WIDE,
        }));
    }
    kept.sort_by_key(|rule| place(rule));
    let clauses = |rule: &&Rule| {
        let (action, entry) = (rule.action, rule.entry);
        boxes(arch, rule).into_iter().map(move |args| (Clause { args, action }, entry)).collect::<Vec<_>>()
    };
    Ok(kept.iter().flat_map(clauses).collect())
}

/// Whether a condition asks for nothing: upper halves do not exist on 32-bit ABIs.
fn always_holds(arch: Arch, (_, op, value, two): &Condition) -> bool {
    *op == Op::MaskedEq && arch.truncate(*value) == 0 && two & value == 0
}

/// Conditions by index, those that always hold left out.
fn simplified(arch: Arch, rule: &Rule) -> Rule {
    let mut rule = rule.clone();
    rule.conditions.retain(|condition| !always_holds(arch, condition));
    rule.conditions.sort_by_key(|(index, ..)| *index);
    rule
}

/// The arguments for which all conditions of a rule hold, as boxes.
///
/// Of x32's registers only the lower halves are compared (`src/arch-x32.c`, ARCH_SIZE_32): what is asked of a half is said
/// with masks, of which an interval takes one per common prefix.
fn boxes(arch: Arch, rule: &Rule) -> Vec<ArgBox> {
    if arch != Arch::X32 {
        return ArgBox::from_conditions(&rule.conditions);
    }
    let mut boxes = vec![ArgBox::any()];
    for (index, op, value, two) in &rule.conditions {
        let (value, two) = (*value as u32, *two as u32);
        let sets = match op {
            Op::MaskedEq => vec![ArgSet::masked(value.into(), (two & value).into())],
            Op::Eq => prefixes(value, value),
            Op::Le => prefixes(0, value),
            Op::Ge => prefixes(value, u32::MAX),
            Op::Lt => value.checked_sub(1).map_or(Vec::new(), |last| prefixes(0, last)),
            Op::Gt => value.checked_add(1).map_or(Vec::new(), |first| prefixes(first, u32::MAX)),
            Op::Ne => {
                let below = value.checked_sub(1).map_or(Vec::new(), |last| prefixes(0, last));
                let above = value.checked_add(1).map_or(Vec::new(), |first| prefixes(first, u32::MAX));
                [below, above].concat()
            }
        };
        boxes = boxes.iter().flat_map(|b| sets.iter().map(|set| b.with(*index, *set))).collect();
    }
    boxes
}

/// An interval of lower halves as masks.
fn prefixes(first: u32, last: u32) -> Vec<ArgSet> {
    let (mut from, last) = (u64::from(first), u64::from(last));
    let mut found = Vec::new();
    while from <= last {
        // The largest block that starts here and does not reach beyond the end.
        let aligned = if from == 0 { 1 << 32 } else { from & from.wrapping_neg() };
        let mut size: u64 = aligned;
        while from + size - 1 > last {
            size /= 2;
        }
        found.push(ArgSet::masked(u64::from(u32::MAX) & !(size - 1), from));
        from += size;
    }
    found
}

/// The rules that get into the filter, each after those that are in it before.
fn taking_part(rules: &[Rule]) -> Result<Vec<&Rule>, Refusal> {
    let mut kept: Vec<(&Rule, Vec<Condition>)> = Vec::with_capacity(rules.len());
    for rule in rules {
        let ours: Vec<Condition> = rule.conditions.iter().map(normal).collect();
        if takes_part(rule, &ours, &kept)? {
            kept.push((rule, ours));
        }
    }
    Ok(kept.into_iter().map(|(rule, _)| rule).collect())
}

/// Whether a rule gets into the filter after those that are in it.
fn takes_part(rule: &Rule, ours: &[Condition], kept: &[(&Rule, Vec<Condition>)]) -> Result<bool, Refusal> {
    for (_, theirs) in kept.iter().filter(|(other, _)| other.action != rule.action) {
        if theirs.len() < ours.len() && ours.starts_with(theirs) {
            return Ok(false);
        }
        if theirs.starts_with(ours) {
            // EEXIST; each runtime puts its own words before it.
            return Err(Refusal {
                line: Some(rule.line).filter(|line| *line > 0),
                ..Refusal::new("file exists")
            });
        }
    }
    Ok(true)
}

/// A condition so that equal ones look equal: equality is a comparison under the full mask.
fn normal(condition: &Condition) -> Condition {
    match *condition {
        (index, Op::Eq, value, _) => (index, Op::MaskedEq, u64::MAX, value),
        (index, Op::MaskedEq, mask, bits) => (index, Op::MaskedEq, mask, bits & mask),
        (index, op, value, _) => (index, op, value, 0),
    }
}

/// Where a rule with one condition is asked; `None` for others.
fn rank(rule: &Rule) -> Option<(usize, u8)> {
    let [(index, op, ..)] = rule.conditions[..] else { return None };
    let class = match op {
        Op::Eq => 0,
        Op::Ge | Op::Gt | Op::Le | Op::Lt => 1,
        Op::Ne | Op::MaskedEq => return None,
    };
    Some((6 - index, class))
}

/// The order in which rules are tried here: those with a rank by it, all others behind.
fn place(rule: &Rule) -> (bool, Option<(usize, u8)>) {
    let rank = rank(rule);
    (rank.is_none(), rank)
}

/// Whether it is known which of two overlapping rules counts.
fn is_known(a: &Rule, b: &Rule) -> bool {
    matches!((rank(a), rank(b)), (Some(a), Some(b)) if a != b)
}

/// So many places where rules of one call meet are told apart.
const MAX_MEETINGS: usize = 1024;

/// Arguments that rules with different actions share, where it is not known which one counts; beyond [`MAX_MEETINGS`] of
/// them, all arguments.
fn meetings((arch, nr): (Arch, u32), rules: &[&Rule]) -> Vec<Undecided> {
    let boxes: Vec<Vec<ArgBox>> = rules.iter().map(|rule| boxes(arch, rule)).collect();
    let mut found = Vec::new();
    for (at, a) in rules.iter().enumerate() {
        for (behind, b) in rules.iter().enumerate().skip(at + 1) {
            if a.action == b.action || is_known(a, b) {
                continue;
            }
            let shared =
                boxes[at].iter().flat_map(|x| boxes[behind].iter().filter_map(move |y| x.intersect(y)));
            let (entries, why) = (vec![a.entry, b.entry], OVERLAP);
            found.extend(shared.map(|args| Undecided { arch, nr, args, entries: entries.clone(), why }));
            if found.len() > MAX_MEETINGS {
                return vec![Undecided { args: ArgBox::any(), ..found.swap_remove(0) }];
            }
        }
    }
    found
}

/// Whether the upper half of a compared value matters.
fn is_wide((_, op, value, two): &Condition) -> bool {
    let compared = if *op == Op::MaskedEq { *two & *value } else { *value };
    compared >> 32 != 0
}
