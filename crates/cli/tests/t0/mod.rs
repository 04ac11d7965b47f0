//! What needs a compiler only: help, documents, files in and out, errors.

mod bad_input;
pub(crate) mod examples;
mod generate;
mod help;
mod hints;
mod import;
mod interface;
mod output;

/// A recording of a small program: a dangerous call, a refused one, an inet socket, one call in two phases.
const SMALL: &str = include_str!("../data/small.trace");
/// A profile with every source of rules, conditions, and an explicit errno.
const PROFILE: &str = include_str!("../data/profile.json");

/// Compares with a committed snapshot.
fn snapshot(name: &str, text: &str) {
    insta::with_settings!({
        snapshot_path => "../snapshots",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(name, text);
    });
}
