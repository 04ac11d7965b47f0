//! What needs a compiler only: help, documents, files in and out, errors.

mod algebra;
mod artifact;
mod bad_input;
pub(crate) mod ci;
mod convert;
mod default;
pub(crate) mod examples;
mod explain;
mod filter;
mod generate;
mod help;
mod hints;
mod import;
mod interface;
mod lint;
mod output;
mod schema;

/// A recording of a small program: a dangerous call, a refused one, an inet socket, one call in two phases.
const SMALL: &str = include_str!("../data/small.trace");
/// A profile with every source of rules, conditions, and an explicit errno.
const PROFILE: &str = include_str!("../data/profile.json");

/// Whether the snapshots made of [`SMALL`] hold here: elsewhere its calls are foreign ones, and the own architecture is
/// added.
fn small_is_native() -> bool {
    let native = cfg!(target_arch = "x86_64");
    if !native {
        println!("skipped: the snapshots are of x86_64");
    }
    native
}

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
