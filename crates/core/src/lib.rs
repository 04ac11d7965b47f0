//! The vocabulary and the model of callgate: bytes and values in, values out.
//!
//! ```text
//!  Observation ─► Trace ─► generate ─► Profile ─► Meaning ─► (callgate-bpf) Program
//!      ▲            ▲                     │  └───► verdict (the reference, independent of the compiler)
//!      │            └ completion          └ set: the exact algebra of calls
//!  arch · sysno · args · group: the words everything is said in
//! ```
//!
//! No I/O, no clock, no async, no `unsafe`, no hash-ordered output: the same input gives the same bytes.
#![forbid(unsafe_code)]

pub mod action;
pub mod arch;
pub mod args;
pub mod baseline;
pub mod call;
pub mod capability;
pub mod completion;
pub mod diagnostic;
pub mod errno;
pub mod evidence;
pub mod express;
pub mod floor;
pub mod foreign;
pub mod generate;
pub mod group;
pub mod import;
pub mod meaning;
pub mod pair;
pub mod profile;
pub mod saturation;
pub mod set;
pub mod stage;
pub mod suggest;
pub mod sysno;
pub mod trace;
pub mod update;
pub mod verdict;

pub use action::Action;
pub use arch::Arch;
pub use call::{Call, SeccompData};
pub use diagnostic::{Diagnostic, Severity};
pub use meaning::Meaning;
pub use profile::Profile;
pub use trace::Trace;
