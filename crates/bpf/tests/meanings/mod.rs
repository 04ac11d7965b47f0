//! Random meanings and the inputs at their boundaries, for all tests that hold something against a meaning.
#![allow(dead_code, reason = "every test binary uses its own part")]

use callgate_core::meaning::{Clause, Meaning, Rules};
use callgate_core::set::{ArgBox, Op};
use callgate_core::{Action, Arch, SeccompData};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;

/// Values where words, halves and signs change, small ones so that conditions meet, and anything.
pub(crate) fn word() -> impl Strategy<Value = u64> {
    let edge =
        select(vec![0x7fff_ffff, 0xffff_ffff, 0x1_0000_0000, 0xffff_ffff_0000_0000, u64::MAX, u64::MAX - 1]);
    prop_oneof![
        3 => 0u64..8,
        2 => (0u32..64, 0u64..3).prop_map(|(s, d)| (1u64 << s).wrapping_add(d).wrapping_sub(1)),
        2 => edge,
        1 => any::<u64>(),
        1 => (any::<u32>(), 0u64..4).prop_map(|(low, high)| high << 32 | u64::from(low)),
    ]
}

/// Every action, with payloads at both ends.
pub(crate) fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        3 => Just(Action::Allow),
        2 => prop_oneof![Just(0u16), Just(1), Just(38), Just(3999), Just(4095), 0u16..200].prop_map(Action::Errno),
        1 => Just(Action::Log),
        1 => Just(Action::Notify),
        1 => select(vec![0u16, 1, 7, u16::MAX]).prop_map(Action::Trace),
        1 => select(vec![0u16, 1, 7, u16::MAX]).prop_map(Action::Trap),
        1 => Just(Action::KillThread),
        1 => Just(Action::KillProcess),
    ]
}

/// Numbers that lie close together, where real ones are, and around the x32 bit and the ends.
fn number() -> impl Strategy<Value = u32> {
    let edge = select(vec![
        0x3fff_ffff,
        0x4000_0000,
        0x4000_0001,
        0x7fff_ffff,
        0x8000_0000,
        0xbfff_fffe,
        0xbfff_ffff,
        u32::MAX - 1,
        u32::MAX,
    ]);
    prop_oneof![6 => 0u32..12, 3 => 0u32..500, 1 => edge, 1 => any::<u32>()]
}

fn conditions() -> impl Strategy<Value = Vec<(usize, Op, u64, u64)>> {
    let one = || (0usize..6, select(Op::ALL.map(|(op, _)| op).to_vec()), word(), word());
    prop_oneof![1 => vec(one(), 0..3), 1 => vec(one(), 1..7)]
}

fn clauses() -> impl Strategy<Value = Vec<Clause>> {
    let clause = (conditions(), action()).prop_map(|(conditions, action)| {
        let clause = |args| Clause { args, action };
        // NE on many arguments gives many boxes; the first few are as good a test.
        ArgBox::from_conditions(&conditions).into_iter().take(4).map(clause).collect::<Vec<_>>()
    });
    prop_oneof![
        2 => action().prop_map(|a| vec![Clause::any(a)]),
        3 => vec(clause, 0..4).prop_map(|lists| lists.into_iter().flatten().collect()),
    ]
}

fn rules() -> impl Strategy<Value = Rules> {
    let beyond =
        prop_oneof![2 => Just(std::collections::BTreeMap::new()), 1 => btree_map(number(), action(), 1..3)];
    (btree_map(number(), clauses(), 0..8), action(), beyond).prop_map(|(calls, default, beyond)| Rules {
        calls,
        default,
        beyond,
    })
}

/// Meanings that list one to three of these architectures.
pub(crate) fn meaning(arches: &[Arch]) -> impl Strategy<Value = Meaning> {
    (btree_map(select(arches.to_vec()), rules(), 1..=arches.len().min(3)), action())
        .prop_map(|(arches, bad_arch)| Meaning { arches, bad_arch })
}

/// The arguments at the edges of every clause: each bound and mask, one step and one bit to either side.
fn arguments(clauses: &[Clause], extra: &[u64; 6]) -> Vec<[u64; 6]> {
    let mut out = vec![[0; 6], *extra];
    for clause in clauses {
        let Some(inside) = clause.args.witness() else { continue };
        out.push(inside);
        for (index, noise) in extra.iter().enumerate() {
            let set = clause.args.arg(index);
            if set.is_any() {
                continue;
            }
            let flip = 1u64 << (noise % 64);
            let lowest = set.mask & set.mask.wrapping_neg();
            let around = |v: u64| {
                [v.wrapping_sub(1), v, v.wrapping_add(1), v ^ flip, v ^ lowest, v ^ (1 << 32), v ^ (1 << 63)]
            };
            let values = around(set.min).into_iter().chain(around(set.max)).chain([
                set.bits,
                *noise,
                noise & !set.mask | set.bits,
            ]);
            out.extend(values.map(|value| {
                let mut args = inside;
                args[index] = value;
                args
            }));
        }
    }
    out
}

/// Inputs at every boundary of a meaning: numbers and their neighbours with and without the x32 bit, arguments at the edges
/// of clauses, tokens nobody listed. Arguments are cut to what the ABI passes on, as the kernel does.
pub(crate) fn probes(meaning: &Meaning, extra: &[u64; 6]) -> Vec<SeccompData> {
    let mut out = Vec::new();
    let mut add = |token: u32, nr: u32, args: [u64; 6]| {
        let args = args.map(|a| Arch::split(token, nr).map_or(a, |(arch, _)| arch.truncate(a)));
        out.push(SeccompData { nr, arch: token, instruction_pointer: extra[0], args });
    };
    for (arch, rules) in &meaning.arches {
        for (nr, clauses) in &rules.calls {
            let (token, raw) = arch.raw(*nr);
            for near in [raw.wrapping_sub(1), raw.wrapping_add(1), raw ^ 0x4000_0000, *nr] {
                add(token, near, *extra);
            }
            for args in arguments(clauses, extra) {
                add(token, raw, args);
            }
        }
    }
    let unlisted = [0, 0x1234, 0xc000_003f, u32::MAX].into_iter();
    for token in Arch::ALL.into_iter().map(Arch::token).chain(unlisted) {
        for nr in [0, 1, 0x3fff_ffff, 0x4000_0000, 0x4000_0001, 0xffff_fffe, 0xffff_ffff, extra[1] as u32] {
            add(token, nr, *extra);
        }
    }
    out
}
