//! What a person or a pipeline asks about a profile: what loaders and container runtimes make of it, what it allows,
//! what differs.
//!
//! ```text
//!  Profile ─► loader (what reads the file) ─► runtime (what makes the filter) ─► Meaning ─► explain · diff · effective
//! ```
//!
//! No I/O, no clock, no `unsafe`, no hash-ordered output: the same input gives the same bytes. Analyses return what they
//! found beside [`callgate_core::Diagnostic`]s: a bad profile is data.
#![forbid(unsafe_code)]

pub mod diff;
pub mod merge;
mod subject;
pub mod target;

pub use subject::{Decision, Subject};
pub use target::Target;
