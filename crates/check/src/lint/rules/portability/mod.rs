//! Loaders, runtimes, libraries and limits.

use super::table;

table![];
