//! The Pod Security Standards.

use super::table;

table![];
