//! Rules beside each other.

mod conflicting_rules;
mod order_dependent;
mod redundant_rule;
mod repeated_index;
mod rule_equals_default;
mod shadowed_conditions;

use super::table;

table![
    rule_equals_default,
    shadowed_conditions,
    conflicting_rules,
    order_dependent,
    repeated_index,
    redundant_rule,
];
