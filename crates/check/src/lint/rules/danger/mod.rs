//! What a profile leaves open.

mod allow_by_default;
mod dangerous_argument;
mod dangerous_call;
mod equivalent_call;
mod io_uring_bypass;
mod namespace_flags;

use super::table;

table![
    allow_by_default,
    dangerous_call,
    namespace_flags,
    io_uring_bypass,
    equivalent_call,
    dangerous_argument,
];
