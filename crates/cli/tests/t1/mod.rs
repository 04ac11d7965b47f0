//! What needs a kernel and no privilege: everything here runs as uid 65534 where root runs the tests.

mod advice;
mod arguments;
mod backends;
mod endings;
mod files;
mod inspect;
mod minimise;
mod obstacles;
mod privacy;
mod programs;
mod proof;
mod stages;
mod status;
mod streams;
pub(crate) mod terminal;
mod update;
