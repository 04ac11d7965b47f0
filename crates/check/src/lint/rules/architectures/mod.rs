//! Architectures, and the doors that they open and close.

use super::table;

table![];
