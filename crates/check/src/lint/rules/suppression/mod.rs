//! Suppressions of findings.

mod expired_suppression;
mod suppression_without_reason;
mod unknown_rule;
mod unused_suppression;

use super::table;

pub(crate) use expired_suppression::RULE as EXPIRED_SUPPRESSION;
pub(crate) use suppression_without_reason::RULE as SUPPRESSION_WITHOUT_REASON;
pub(crate) use unknown_rule::RULE as UNKNOWN_RULE;
pub(crate) use unused_suppression::RULE as UNUSED_SUPPRESSION;

table![unused_suppression, suppression_without_reason, expired_suppression, unknown_rule,];
