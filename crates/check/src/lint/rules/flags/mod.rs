//! Flags, logging and listeners.

use super::table;

table![];
