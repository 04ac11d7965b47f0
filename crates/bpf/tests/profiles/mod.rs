//! Random profiles, for all tests that hold something against the reference verdict.

use callgate_core::profile::{Condition, Profile, Rule};
use callgate_core::set::Op;
use callgate_core::{Action, Arch};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::meanings::{action, word};

/// Calls of all three x86 ABIs, of some, of one, and of none.
const NAMES: [&str; 12] = [
    "read",
    "socket",
    "getpid",
    "clone",
    "mmap",
    "mmap2",
    "socketcall",
    "openat",
    "uname",
    "waitpid",
    "preadv2",
    "no_such_call",
];

fn condition() -> impl Strategy<Value = Condition> {
    (0u8..6, select(Op::ALL.map(|(op, _)| op).to_vec()), word(), word())
        .prop_map(|(index, op, value, value_two)| Condition { index, op, value, value_two })
}

fn rule() -> impl Strategy<Value = Rule> {
    let conditions =
        prop_oneof![2 => vec(condition(), 0..1), 3 => vec(condition(), 1..3), 1 => vec(condition(), 3..7)];
    (subsequence(NAMES.to_vec(), 1..4), action(), conditions).prop_map(|(names, action, conditions)| Rule {
        conditions,
        ..Rule::new(names.into_iter().map(str::to_owned), action)
    })
}

/// A profile: several rules for one call, with and without conditions, in any order.
pub(crate) fn profile() -> impl Strategy<Value = Profile> {
    let arches = subsequence(vec![Arch::X86_64, Arch::X86, Arch::X32, Arch::Aarch64], 0..4);
    (action(), arches, vec(rule(), 0..8)).prop_map(|(default, arches, rules): (Action, _, _)| Profile {
        default: default.into(),
        architectures: arches.into_iter().map(Into::into).collect(),
        rules,
        ..Profile::default()
    })
}
