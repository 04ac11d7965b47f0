//! The Pod Security Standards.

mod pss_baseline;
mod pss_restricted;

use super::table;

table![pss_baseline, pss_restricted,];
