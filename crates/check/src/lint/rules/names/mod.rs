//! Names of system calls.

use super::table;

table![];
