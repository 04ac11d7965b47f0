//! What a refused program is told.

mod errno_zero;
mod fallback_errno;
mod kill_thread;
mod stray_errno;
mod trace_without_tracer;

use super::table;

table![fallback_errno, errno_zero, stray_errno, kill_thread, trace_without_tracer,];
