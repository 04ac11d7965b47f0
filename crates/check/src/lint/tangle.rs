//! Profiles whose rules, taken together, mean more than can be worked out while somebody waits.
//!
//! What a call is allowed with is kept as disjoint boxes of arguments. Conditions on one argument cut a line into pieces, on
//! several arguments a space: eight rules about eight values are nine pieces on one argument, and 144 on six.

use std::collections::BTreeMap;

use callgate_core::Profile;
use callgate_core::profile::Condition;
use callgate_core::set::Op;

/// So many comparisons of pieces, each with each of the same call; a call with a thousand values of one argument is within.
const MAX_COMPARISONS: usize = 1_200_000;

/// What the rules of one call cut its arguments into.
struct Cuts {
    /// Per argument, how often it is cut.
    arguments: [usize; 6],
    /// Into how many pieces the rules cut what is left by those before.
    rules: usize,
    /// How many boxes of arguments the rules are about.
    boxes: usize,
}

/// Whether it takes too long to work out what rules of one call mean together; `filter-too-long` says so.
pub(super) fn is_tangled(profile: &Profile) -> bool {
    let mut calls: BTreeMap<&str, Cuts> = BTreeMap::new();
    for rule in profile.rules.iter().filter(|rule| !rule.conditions.is_empty()) {
        let own: usize = rule.conditions.iter().map(sides).sum();
        // What is not equal is above or below.
        let ends =
            |index: u8| 1 + rule.conditions.iter().filter(|c| c.index == index && c.op == Op::Ne).count();
        let boxes = (0..6).map(ends).fold(1, usize::saturating_mul);
        for name in &rule.names {
            let all = calls.entry(&name.text).or_insert(Cuts { arguments: [0; 6], rules: 1, boxes: 0 });
            all.rules = all.rules.saturating_mul(own.max(1));
            all.boxes = all.boxes.saturating_add(boxes);
            for condition in &rule.conditions {
                let cut = &mut all.arguments[usize::from(condition.index).min(5)];
                *cut = cut.saturating_add(cuts(condition));
            }
        }
    }
    let square = |call: &Cuts| call.pieces().saturating_mul(call.pieces());
    calls.values().map(square).fold(0, usize::saturating_add) > MAX_COMPARISONS
}

impl Cuts {
    /// No more than this.
    fn pieces(&self) -> usize {
        let space = self.arguments.iter().map(|cuts| cuts + 1).fold(1, usize::saturating_mul);
        space.min(self.rules).max(self.boxes)
    }
}

/// Into how many more pieces a condition cuts its argument.
fn cuts(condition: &Condition) -> usize {
    if condition.op == Op::MaskedEq { condition.value.count_ones() as usize } else { 1 }
}

/// Into how many pieces falls what a condition does not hold for: below and above a value, each bit that a mask compares.
fn sides(condition: &Condition) -> usize {
    match condition.op {
        Op::MaskedEq => condition.value.count_ones() as usize,
        Op::Eq => 2,
        Op::Ne | Op::Lt | Op::Le | Op::Gt | Op::Ge => 1,
    }
}
