//! What a profile does and why, for a person.

pub mod call;
