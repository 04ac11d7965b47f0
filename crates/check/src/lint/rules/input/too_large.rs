//! A document too large to be a profile or a manifest.
//!
//! ## What it finds
//! A document of more than 8 MiB. It is not looked into.
//!
//! ## Why it matters
//! etcd holds no object of more than 1.5 MiB and runtimes take no profile of more than 1 MiB out of an artifact: whatever
//! this is, it is no profile, and what is in it is not known.
//!
//! ## Example
//! Any file of that size.
//!
//! ## Better
//! Name the files that matter, or ignore this one in `callgate.toml`.
//!
//! ## References
//! - KEP-6061, limits of artifacts
//! - etcd, `--max-request-bytes`

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "too-large",
    family: Family::Input,
    severity: Severity::Error,
    confidence: Confidence::High,
    check: Check::Reported,
};
