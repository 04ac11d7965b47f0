//! Conditions on arguments.

use super::table;

table![];
