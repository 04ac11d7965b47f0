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

pub mod artifact;
pub mod blocked;
pub mod contrast;
pub mod convert;
pub mod dialect;
pub mod diff;
pub mod document;
pub mod explain;
pub mod flat;
pub mod libseccomp;
pub mod lint;
pub mod loader;
pub mod merge;
pub mod report;
pub mod resolve;
pub mod runtime;
mod subject;
pub mod target;
pub mod yaml;

pub use blocked::{Blocked, blocked};
pub use contrast::{Contrast, contrast};
pub use resolve::{By, Fate, Resolved, resolve};
pub use subject::{Decision, Subject};
pub use target::Target;
