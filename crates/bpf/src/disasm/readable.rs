//! A filter by what it does: per architecture, which calls have which outcome, and on which conditions.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use callgate_core::{Arch, args, sysno};

use super::checks::{Conditions, Way, simplified, single, ways};
use super::numbers::Numbers;
use super::text::ret;
use super::who::Half;
use crate::insn::{OFFSET_ARGS, Program, is_big_endian};

/// What happens to one call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// Always this return value.
    Always(u32),
    /// What holds → what is returned; and what is returned otherwise.
    If(Vec<(String, u32)>, u32),
    /// Not to be told in few words.
    Unclear,
}

/// A number that no kernel has and that no ABI takes apart.
const UNNAMED: u32 = 0x3fff_fffe;

/// Conditions that are held against each other in all. Real filters need a hundredth; hostile ones would take minutes.
const BUDGET: usize = 300_000_000;

/// What a step costs of it, of a search for ways that ended without an answer: a dozen of those at their longest are all.
const STEP: usize = 1250;

/// What a filter does with the calls of these architectures: a paragraph each, a line per outcome. What happens to numbers
/// without a name stands last, and calls that share it are counted.
///
/// Whatever the filter is, this ends: what cannot be told in few words is said to be so.
pub fn readable(program: &Program, arches: &[Arch]) -> String {
    let mut out = String::new();
    let mut budget = BUDGET;
    for arch in arches {
        let mut lines: BTreeMap<Outcome, Vec<&'static str>> = BTreeMap::new();
        for entry in sysno::table(*arch) {
            lines
                .entry(outcome(program, *arch, (entry.name(), entry.nr), &mut budget))
                .or_default()
                .push(entry.name());
        }
        let rest = outcome(program, *arch, ("", UNNAMED), &mut budget);
        let others = lines.remove(&rest).unwrap_or_default();
        // Writing to a String does not fail.
        let _ = writeln!(out, "{arch}:");
        for (outcome, names) in &lines {
            out.push_str(&line(outcome, names));
        }
        let rest = match rest {
            Outcome::Always(value) => ret(value),
            _ => "depends on arguments, in more ways than can be told".to_owned(),
        };
        let every = if lines.is_empty() { "every call" } else { "every other call" };
        let _ = writeln!(out, "  {rest}: {every} ({} have names)", others.len());
    }
    out
}

fn line(outcome: &Outcome, names: &[&'static str]) -> String {
    let list = names.join(", ");
    match outcome {
        Outcome::Always(value) => format!("  {} ({}): {list}\n", ret(*value), names.len()),
        Outcome::If(ways, otherwise) => {
            let mut out = format!("  {list}:\n");
            for (condition, value) in ways {
                let _ = writeln!(out, "    {} if {condition}", ret(*value));
            }
            let _ = writeln!(out, "    otherwise {}", ret(*otherwise));
            out
        }
        Outcome::Unclear => format!("  arguments are checked in more ways than can be told: {list}\n"),
    }
}

fn outcome(program: &Program, arch: Arch, (name, nr): (&str, u32), budget: &mut usize) -> Outcome {
    if *budget == 0 {
        return Outcome::Unclear;
    }
    let ways = match ways(program, arch, nr) {
        Ok(ways) => ways,
        Err(steps) => {
            *budget = budget.saturating_sub(steps.saturating_mul(STEP));
            return Outcome::Unclear;
        }
    };
    let Some(first) = ways.first() else { return Outcome::Unclear };
    if ways.iter().all(|way| way.ret == first.ret) {
        return Outcome::Always(first.ret);
    }
    let Some(rest) = budget.checked_sub(cost(&ways)) else { return Outcome::Unclear };
    *budget = rest;
    let ways = simplified(&ways);
    let otherwise = most(&ways);
    let told = |way: &&Way| way.ret != otherwise;
    let words = |way: &Way| (conditions(arch, name, &way.conditions), way.ret);
    Outcome::If(ways.iter().filter(told).map(words).collect(), otherwise)
}

/// How many pairs of conditions are held against each other to make these ways simpler.
fn cost(ways: &[Way]) -> usize {
    let all: usize = ways.iter().map(|way| way.conditions.len()).sum();
    let most = ways.iter().map(|way| way.conditions.len()).max().unwrap_or(0);
    all.saturating_mul(all).saturating_mul(most)
}

/// The return value of most ways: it needs most words, so that it is told by what remains.
fn most(ways: &[Way]) -> u32 {
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    for way in ways {
        // What has an equality in it is what a person asks for.
        let weight = if way.conditions.values().all(|set| single(set).is_some()) { 1 } else { 2 };
        *counts.entry(way.ret).or_default() += weight;
    }
    counts.into_iter().max_by_key(|(ret, count)| (*count, std::cmp::Reverse(*ret))).map_or(0, |(ret, _)| ret)
}

/// `domain == AF_INET and type & 0xf == SOCK_STREAM`.
fn conditions(arch: Arch, name: &str, conditions: &Conditions) -> String {
    let big_endian = is_big_endian(arch.token());
    let half = |offset: u32| Half::of(offset, big_endian).filter(|_| offset >= OFFSET_ARGS);
    let mut parts = Vec::new();
    // Lower halves take the upper one of their argument along, where that is one value.
    let upper_of = |index: usize| {
        conditions.iter().find(|((offset, mask), _)| {
            *mask == u32::MAX && half(*offset).is_some_and(|half| half.upper && half.index == index)
        })
    };
    let lower_of = |index: usize| {
        conditions.keys().any(|(offset, mask)| {
            *mask == u32::MAX && half(*offset).is_some_and(|half| !half.upper && half.index == index)
        })
    };
    for ((offset, mask), set) in conditions {
        let Some(half) = half(*offset) else {
            parts.push((6, of_set(&format!("instruction pointer at {offset}"), *mask, set, &hex)));
            continue;
        };
        let index = half.index;
        let param = args::params_on(arch, name).and_then(|params| params.get(index));
        let called = param.map_or_else(|| format!("args[{index}]"), |param| param.name.to_owned());
        let high = upper_of(index).and_then(|(_, set)| single(set));
        let narrow = arch.arg_bits() == 32 || param.is_some_and(|param| param.bits == 32);
        let words = |value: u64| args::format_value(arch, name, index, value);
        parts.push(match (half.upper, high) {
            (true, Some(_)) if lower_of(index) => continue,
            (true, _) => (index, of_set(&format!("high half of {called}"), *mask, set, &hex)),
            (false, Some(high)) if *mask == u32::MAX => {
                (index, of_set(&called, *mask, set, &|low| words(u64::from(high) << 32 | u64::from(low))))
            }
            (false, _) if narrow || *mask != u32::MAX => {
                (index, of_set(&called, *mask, set, &|low| words(u64::from(low))))
            }
            (false, _) => (index, of_set(&format!("low half of {called}"), *mask, set, &hex)),
        });
    }
    parts.sort();
    parts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" and ")
}

fn hex(value: u32) -> String {
    format!("{value:#x}")
}

/// The single values that are missing, if nothing else is.
fn holes(intervals: &[(u32, u32)], mask: u32) -> Option<Vec<u32>> {
    let ends = intervals.first()?.0 == 0 && intervals.last()?.1 == mask && intervals.len() > 1;
    let gaps = intervals.windows(2).map(|pair| (pair[1].0 - pair[0].1 == 2).then(|| pair[0].1 + 1));
    if ends { gaps.collect() } else { None }
}

/// `name == 2`, `name & 0xf != 1`, `name >= 3`, `name not in 1, 3`, `name in 1, 4-6`.
fn of_set(name: &str, mask: u32, set: &Numbers, words: &dyn Fn(u32) -> String) -> String {
    let name = if mask == u32::MAX { name.to_owned() } else { format!("{name} & {mask:#x}") };
    match set.intervals() {
        [(first, last)] if first == last => format!("{name} == {}", words(*first)),
        [(0, last)] => format!("{name} <= {}", words(*last)),
        [(1, last)] if *last == mask => format!("{name} != 0"),
        [(first, last)] if *last == mask => format!("{name} >= {}", words(*first)),
        intervals if let Some(holes) = holes(intervals, mask) => match holes.as_slice() {
            [one] => format!("{name} != {}", words(*one)),
            more => {
                format!(
                    "{name} not in {}",
                    more.iter().map(|hole| words(*hole)).collect::<Vec<_>>().join(", ")
                )
            }
        },
        intervals => {
            let one = |(first, last): &(u32, u32)| {
                if first == last { words(*first) } else { format!("{}-{}", words(*first), words(*last)) }
            };
            format!("{name} in {}", intervals.iter().map(one).collect::<Vec<_>>().join(", "))
        }
    }
}
