//! Loaders, runtimes, libraries and limits.

mod architecture_never_matches;
mod artifact_limits;
mod docker_keys;
mod docker_keys_on_node;
mod dropped_by_runtime;
mod filter_too_long;
mod incomplete_family;
mod min_kernel;
mod other_architecture;
mod unknown_capability;

use super::table;

table![
    docker_keys,
    docker_keys_on_node,
    other_architecture,
    architecture_never_matches,
    unknown_capability,
    min_kernel,
    dropped_by_runtime,
    filter_too_long,
    artifact_limits,
    incomplete_family,
];
