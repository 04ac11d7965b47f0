//! Whether containers and programs start.

mod calls;
mod container_cannot_start;
mod exec_calls_missing;
mod image_calls_missing;
mod no_program_starts;
mod runtime_calls_missing;

use super::table;

pub(super) use calls::starts;

table![
    runtime_calls_missing,
    exec_calls_missing,
    no_program_starts,
    container_cannot_start,
    image_calls_missing,
];
