//! What a profile leaves open.

use super::table;

table![];
