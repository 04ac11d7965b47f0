//! Kubernetes manifests.

mod profile_not_found;

use super::table;

pub(crate) use profile_not_found::{Missing, RULE as PROFILE_NOT_FOUND, missing};

table![profile_not_found,];
