//! Whether containers and programs start.

use super::table;

table![];
