//! What a profile does and why, for a person.

pub mod call;
pub mod exposure;
pub mod start;
pub mod surface;
