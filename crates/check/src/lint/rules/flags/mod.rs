//! Flags, logging and listeners.

mod empty_flags;
mod no_log_flag;
mod notify_without_listener;
mod stray_listener;

use super::table;

table![no_log_flag, empty_flags, notify_without_listener, stray_listener,];
