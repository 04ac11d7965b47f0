//! Pipelines and scripts that look at profiles.

use super::table;

table![];
