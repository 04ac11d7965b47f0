//! Importers: what other recorders wrote, as a [`crate::Trace`].
//!
//! An importer takes bytes in pieces of any size, keeps no more than a line of them, and says what it could not
//! understand. It is pure: files are the caller's.

pub mod strace;
