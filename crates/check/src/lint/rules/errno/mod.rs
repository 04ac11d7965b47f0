//! What a refused program is told.

use super::table;

table![];
