//! The figures of `cargo xtask bench filter` that are counted: their own tests, which an example cannot run on this rung.
#![allow(dead_code, reason = "of the example's parts the tests use what they test")]

#[path = "../examples/filter/paths.rs"]
mod paths;
#[path = "../examples/filter/random.rs"]
mod random;
#[path = "../examples/filter/size.rs"]
mod size;
