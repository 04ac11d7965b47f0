//! Conditions on arguments.

mod absent_argument;
mod access_mode_bit;
mod arguments_in_memory;
mod bits_outside_mask;
mod condition_always_holds;
mod condition_never_holds;
mod each;
mod empty_mask;
mod high_half_of_int;
mod pointer_argument;
mod socketcall_bypass;
mod stray_second_value;

use super::table;

table![
    pointer_argument,
    absent_argument,
    arguments_in_memory,
    empty_mask,
    bits_outside_mask,
    stray_second_value,
    high_half_of_int,
    access_mode_bit,
    condition_never_holds,
    condition_always_holds,
    socketcall_bypass,
];
