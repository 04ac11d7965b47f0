//! Pipelines and scripts that look at profiles.

mod command;
mod pod_status_grep;
mod shell;
mod strace_summary;
mod syntax_only_check;
mod violation_grep;

use super::table;

table![syntax_only_check, pod_status_grep, strace_summary, violation_grep,];
