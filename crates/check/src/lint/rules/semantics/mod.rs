//! Rules beside each other.

use super::table;

table![];
