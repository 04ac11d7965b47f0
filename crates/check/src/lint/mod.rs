//! lint: what will break or is unsafe, at the exact place, with the way out.
//!
//! ```text
//!  text ─► look ─► findings, suppressions, uses, profiles ─┐
//!  text ─► look ─► …                                       ├─► join (across files) ─► finish ─► FileReport
//! ```
//!
//! A file is looked at alone and holds no other; which container uses which profile is asked afterwards.

mod config_map;
mod edit;
mod embedded;
mod facts;
mod finding;
mod finish;
mod join;
mod look;
mod manifest;
mod options;
mod plain;
mod pointer;
mod pss;
mod rule;
mod rules;
mod script;
mod subject;
mod suppress;
mod tangle;
mod usage;
mod yaml_edit;

pub use edit::apply;
pub use finding::{Confidence, Edit, FileReport, Finding, Fix, Label, Located, Position, Positions};
pub use finish::{Finished, Ignore, Policy, finish};
pub use join::{Folder, Joined, join};
pub use look::{Input, Kind, Known, Looked, MAX_DOCUMENT, look};
pub use options::Options;
pub use pss::{BadStandard, Level, Standard};
pub use rule::Family;
pub use rules::{Doc, codes, doc, fence};
pub use suppress::{Suppression, is_day};
pub use usage::Usage;
