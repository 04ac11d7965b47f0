//! Names of system calls.

mod call_not_on_architecture;
mod call_unknown_to_libseccomp;
mod duplicate_name;
mod unknown_call;

use super::table;

table![unknown_call, call_not_on_architecture, call_unknown_to_libseccomp, duplicate_name,];
